"""Hand-made data for the tests of charts: moles, visits and findings without a database or a network."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta

from services.evolution import Evolution, Marker, described
from services.sizes import Link
from services.states import MoleState
from services.views import Finding, LesionSummary, NoteView, Person, PhotoView, ScaleView, Timeline, VisitView

FIRST_DAY = date(2025, 3, 12)
MOMENT = datetime(2025, 3, 12, 9, 30, tzinfo=UTC)


def person() -> Person:
    return Person(
        id=1, role="patient", account_state="active", first_name="Ada", surname="Lind", email="ada@example.org",
        birth_date=date(1980, 5, 17), created_at=MOMENT,
    )


def finding(
    id: int = 1, *, probability: float = 0.03, diagnosis: str = "benign", confidence: str = "high", area: float = 0.031,
    area_mm2: float | None = None,
) -> Finding:
    return Finding(
        id=id, upload_id=id, malignant_probability=probability, interval=(probability / 2, min(1.0, probability * 2)),
        diagnosis=diagnosis, confidence=confidence, chosen_model="unet", expected_dice=0.93, area_fraction=area,
        area_mm2=area_mm2, models=("unet", "deeplabv3"), measurements=measurements(area, area_mm2),
        model_versions={"unet": "1"}, elapsed_ms=412.0, created_at=MOMENT,
    )


def measurements(area: float, area_mm2: float | None) -> dict[str, float]:
    """Of a disc, with what core measures of each lesion."""
    pixels = area * 1280 * 960
    diameter = 2 * math.sqrt(pixels / math.pi)
    told = {
        "area_px": pixels, "area_fraction": area, "equivalent_diameter_px": diameter, "longest_diameter_px": diameter,
        "asymmetry": 0.08, "compactness": 1.1, "colours": 2.0,
    }
    return told | ({} if area_mm2 is None else {"area_mm2": area_mm2, "longest_diameter_mm": 2 * math.sqrt(area_mm2 / math.pi)})


def photo(id: int = 1, *, found: Finding | None = None) -> PhotoView:
    """Refused where nothing was `found`."""
    reasons = () if found else ("The photo is blurred. Hold the camera still.",)
    return PhotoView(
        id=id, width=1280, height=960, accepted=found is not None, reasons=reasons, warnings=(), finding=found, scale=scale_of(found)
    )


def scale_of(found: Finding | None) -> ScaleView | None:
    if found is None or found.area_mm2 is None:
        return None
    return ScaleView(math.sqrt(found.area_mm2 / found.measurements["area_px"]), "card", 0.01)


def visit(id: int, day: date, *photos: PhotoView, notes: tuple[NoteView, ...] = ()) -> VisitView:
    return VisitView(
        id=id, lesion_id=1, lesion_name="Nape", patient_id=1, visited_on=day, note="", photos=photos, notes=notes
    )


def note(author: str = "Dora Dale") -> NoteView:
    return NoteView(id=1, author=author, text="No sign of concern.", created_at=MOMENT)


def visits(
    count: int, *, every_days: int = 60, refused: Collection[int] = (), with_scale: Collection[int] = (), noted: Collection[int] = ()
) -> list[VisitView]:
    """Growing and rising steadily; `refused`, `with_scale` and `noted` name visits, counted from 1 like their ids."""
    made = []
    for id in range(1, count + 1):
        area = 0.03 + 0.002 * (id - 1)
        found = finding(
            id, probability=min(0.97, 0.02 + 0.01 * id), area=area, area_mm2=400 * area if id in with_scale else None
        )
        day = FIRST_DAY + timedelta(days=every_days * (id - 1))
        shown = photo(id, found=None if id in refused else found)
        made.append(visit(id, day, shown, notes=(note(),) if id in noted else ()))
    return made


def evolution(made: Iterable[VisitView] = (), links: Sequence[Link] = (), judged: Sequence[Marker] = ()) -> Evolution:
    return described(timeline(made), MoleState("fine", "Next photo on 1 May 2027", None, None), links, judged)


def timeline(made: Iterable[VisitView] = ()) -> Timeline:
    made = tuple(made)
    newest = next((visit for visit in reversed(made) if visit.finding), None)
    lesion = LesionSummary(
        id=1, patient_id=1, name="Nape", body_site="nape", body_site_label="Nape of the neck", first_noticed=None,
        visit_count=len(made), last_visited_on=made[-1].visited_on if made else None,
        last_upload_id=newest.photo.id if newest else None, last_finding=newest.finding if newest else None,
    )
    return Timeline(lesion=lesion, patient=person(), visits=made)
