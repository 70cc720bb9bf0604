from __future__ import annotations

import pytest

from services import lesions
from services.body_sites import BODY_SITES
from services.views import LesionSummary, Person


@pytest.fixture
def mole(patient: Person) -> LesionSummary:
    return lesions.add_lesion(patient, name="Nape", body_site=next(iter(BODY_SITES)))
