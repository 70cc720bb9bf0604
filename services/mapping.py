"""From stored rows to the plain data that pages hold. Nothing here queries: rows come with what they need loaded."""

from __future__ import annotations

import core
from db.models import CareGrant, Diagnosis, Lesion, Note, Upload, User, Visit
from services import body_sites
from services.body_figure import MapPoint
from services.settings import settings
from services.views import Finding, Grant, LesionSummary, NoteView, Person, PhotoView, ScaleView, VisitView


def person(user: User) -> Person:
    return Person(
        id=user.id,
        role=str(user.role),
        account_state=str(user.account_state),
        first_name=user.first_name,
        surname=user.surname,
        email=user.email,
        birth_date=user.birth_date,
        created_at=user.created_at,
        email_verified=user.email_verified_at is not None,
        second_step_missing=user.totp_enabled_at is None and settings().requires_totp(user.role),
        units=user.units,
        date_style=user.date_style,
    )


def finding(diagnosis: Diagnosis) -> Finding:
    return Finding(
        id=diagnosis.id,
        upload_id=diagnosis.upload_id,
        malignant_probability=diagnosis.malignant_probability,
        interval=(diagnosis.interval_low, diagnosis.interval_high),
        diagnosis=diagnosis.diagnosis,
        confidence=diagnosis.confidence,
        chosen_model=diagnosis.chosen_model,
        expected_dice=diagnosis.expected_dice,
        area_fraction=diagnosis.area_fraction,
        area_mm2=diagnosis.area_mm2,
        models=tuple(diagnosis.masks),
        measurements=dict(diagnosis.measurements),
        model_versions=dict(diagnosis.model_versions),
        elapsed_ms=diagnosis.elapsed_ms,
        created_at=diagnosis.created_at,
        has_heat_map=diagnosis.heat_map is not None,
    )


def photo(upload: Upload) -> PhotoView:
    return PhotoView(
        id=upload.id,
        width=upload.width,
        height=upload.height,
        accepted=upload.accepted,
        reasons=tuple(core.sentence(code) for code in upload.reasons),
        warnings=tuple(core.sentence(code) for code in upload.warnings),
        by_camera="camera_photo" in upload.warnings,
        finding=finding(upload.diagnoses[-1]) if upload.diagnoses else None,
        scale=scale(upload),
    )


def scale(upload: Upload) -> ScaleView | None:
    if upload.scale_mm_per_pixel is None:
        return None
    return ScaleView(upload.scale_mm_per_pixel, upload.scale_source, upload.scale_relative_error)


def note(note: Note) -> NoteView:
    return NoteView(
        id=note.id, author=person(note.author).full_name, text=note.text, created_at=note.created_at, for_patient=note.for_patient
    )


def visit(visit: Visit, lesion: Lesion, *, for_doctor: bool = False) -> VisitView:
    """With the notes that are for the patient; for a doctor with all of them."""
    return VisitView(
        id=visit.id,
        lesion_id=lesion.id,
        lesion_name=lesion.name,
        patient_id=lesion.patient_id,
        visited_on=visit.visited_on,
        note=visit.note,
        photos=tuple(photo(upload) for upload in visit.uploads),
        notes=tuple(note(one) for one in visit.notes if one.for_patient or for_doctor),
    )


def lesion(lesion: Lesion, *, visits: tuple = (0, None), newest: Upload | None = None) -> LesionSummary:
    """`visits` is their number and the last one's date; `newest` the newest accepted photo."""
    return LesionSummary(
        id=lesion.id,
        patient_id=lesion.patient_id,
        name=lesion.name,
        body_site=lesion.body_site,
        body_site_label=body_sites.label(lesion.body_site),
        first_noticed=lesion.first_noticed,
        visit_count=visits[0],
        last_visited_on=visits[1],
        last_upload_id=newest.id if newest else None,
        last_finding=finding(newest.diagnoses[-1]) if newest and newest.diagnoses else None,
        place=MapPoint(lesion.map_view, lesion.map_x, lesion.map_y) if lesion.map_view else None,
        recheck_days=lesion.recheck_days,
        version=lesion.version,
    )


def grant(grant: CareGrant) -> Grant:
    return Grant(id=grant.id, doctor=person(grant.doctor), since=grant.created_at)
