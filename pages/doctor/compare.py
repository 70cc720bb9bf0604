"""Two visits of one mole of a patient, compared by the doctor they share it with."""

from pages import _comparison as comparison_parts
from pages._parts import link
from pages._session import require_role
from pages._words import plain

person = require_role("doctor")
comparison = comparison_parts.comparison_or_stop(person, back="patients")

link("timeline", plain(comparison.lesion_name), icon=":material/arrow_back:", mole=comparison.lesion_id)
comparison_parts.draw(comparison, timeline_page="timeline", visit_page="case")
