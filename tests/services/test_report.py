"""The report as independent readers see it: pypdf, and poppler where it is installed."""

from __future__ import annotations

import calendar
import io
import re
import shutil
import subprocess
from dataclasses import replace
from datetime import date

import pytest
from pypdf import PdfReader
from sqlalchemy import select, update

from db.models import Alignment, AuditEvent, Diagnosis
from services import lesions, notes, photos, report, report_plot, reviews, sharing
from services.unit_of_work import reading, transaction
from tests.helpers import photo_bytes


@pytest.fixture
def mole(patient, doctor, tiny):
    """Followed over eight visits, one of which was refused; the newest was reviewed and noted."""
    lesion = lesions.add_lesion(patient, name="Łukasz' Ωmole", body_site="nape", first_noticed=date(2020, 3, 2))
    for month in range(1, 9):
        tiny.reasons = ("no_lesion",) if month == 3 else ()
        visit = photos.add_photo(
            patient, lesion_id=lesion.id, data=photo_bytes(radius=20 + month), taken_on=date(2024, month, 12), note=f"Note {month}."
        )
    sharing.share_with(patient, doctor_email=doctor.email)
    notes.add_note(doctor, visit_id=visit.id, text="Come back in May.")
    reviews.record_review(doctor, diagnosis_id=visit.finding.id, verdict="agree", for_patient="Nothing to worry about.")
    return lesion


def text_of(pdf: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)


def test_report_of_a_mole_holds_photos_plots_numbers_words_and_the_caution(patient, mole) -> None:
    made = PdfReader(io.BytesIO(report.mole_report(patient, lesion_id=mole.id)))
    text = text_of(report.mole_report(patient, lesion_id=mole.id))
    for words in (
        "Łukasz' Ωmole", "Nape of the neck, first noticed 2 March 2020", "Ann Archer, born 17 May 1980", "Benign, high confidence",
        "3 % (2 to 6 %)", "Dice 0.90", "Come back in May.", "Nothing to worry about.", "Dora Dale", "Note 8.", "Not measured",
        "Area, %", "Probability of malignancy, %", "Pictures show the newest 6 of 8 visits.",
    ):  # fmt: skip
        assert words in " ".join(text.split()) or words in text, words
    for number, page in enumerate(made.pages, start=1):
        words = " ".join(page.extract_text().split())
        assert "not a medical device" in words
        assert f"Page {number} of {len(made.pages)}" in words
    pictures = sum(len(page.images) for page in made.pages)
    assert pictures == 2 * 5 + 1, "photo and outline of the six newest, of which one was refused"


def test_report_of_everything_has_each_mole(patient, other_patient, mole) -> None:
    lesions.add_lesion(patient, name="Untouched", body_site="nose")
    text = text_of(report.whole_report(patient))
    assert "2 moles" in text
    assert "Due. No photo could be measured yet." in " ".join(text.split()), "how each stands"
    assert "Untouched" in text
    assert "Łukasz" in text
    assert "No mole is followed yet." in text_of(report.whole_report(other_patient))


def test_units_and_dates_are_the_readers(patient, doctor, mole) -> None:
    with transaction() as session:
        session.execute(update(Diagnosis).values(area_mm2=64.516))
        # The drawn discs lie on skin that shows nothing; photos of real skin do lie over each other.
        session.execute(update(Alignment).values(accepted=True, by_skin=True, reason="", relative_scale=1.0))
    inches = replace(patient, units="inch", date_style="de")
    own, theirs = (" ".join(text_of(report.mole_report(who, lesion_id=mole.id)).split()) for who in (inches, doctor))
    assert "Area 0.1 in²" in own
    assert "12. August 2024" in own
    assert "Area 64.5 mm²" in theirs
    assert "12 August 2024" in theirs
    american = " ".join(text_of(report.mole_report(replace(patient, date_style="en-US"), lesion_id=mole.id)).split())
    assert "since January 12, 2024" in american, "what changed, with its date"
    assert not re.findall(rf"\d ({'|'.join(calendar.month_name[1:])}) \d{{4}}", american)


def test_report_leaves_its_entry(patient, mole) -> None:
    report.mole_report(patient, lesion_id=mole.id)
    with reading() as session:
        subjects = session.scalars(select(AuditEvent.subject).where(AuditEvent.action == "view_report")).all()
    assert subjects == [f"lesion:{mole.id}"]


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="poppler is not installed")
def test_poppler_reads_every_page(patient, mole, tmp_path) -> None:
    made = report.whole_report(patient)
    (tmp_path / "report.pdf").write_bytes(made)
    text = subprocess.run(["pdftotext", tmp_path / "report.pdf", "-"], capture_output=True, text=True, check=True)
    assert "Ωmole" in text.stdout
    assert text.stderr == ""
    subprocess.run(["pdftoppm", "-r", "30", "-png", tmp_path / "report.pdf", tmp_path / "page"], check=True)
    assert len(list(tmp_path.glob("page-*.png"))) == len(PdfReader(io.BytesIO(made)).pages)


@pytest.mark.parametrize(("highest", "axis"), [(0.0, 1), (11.2, 20), (187.0, 200), (100.0, 100), (0.031, 0.04), (9.1, 10)])
def test_axis_of_a_plot_has_round_numbers(highest, axis) -> None:
    assert 4 * report_plot.step(highest) == pytest.approx(axis)
