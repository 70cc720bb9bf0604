"""Two visits of one of my moles, compared."""

from pages import _comparison as comparison_parts
from pages._parts import link
from pages._session import require_role
from pages._words import plain

person = require_role("patient")
comparison = comparison_parts.comparison_or_stop(person, back="moles")

link("mole", plain(comparison.lesion_name), icon=":material/arrow_back:", mole=comparison.lesion_id)
comparison_parts.draw(comparison, timeline_page="mole", visit_page="visit")
