"""`python -m tests.browser.scene`: a patient, their doctor, a colleague and an admin with something on every page; prints its numbers.

The networks are left out, so that it takes seconds: what is looked at are the pages.
"""

from __future__ import annotations

import json
from datetime import timedelta

from services import accounts, bin, lesions, mole_links, notes, opinions, photos, reviews, risk, sharing, start
from services.fields import today
from services.risk import FITZPATRICK
from tests.helpers import PASSWORD, TinyAnalyser, photo_bytes, signed_up

PEOPLE = {"patient": "axel@example.org", "doctor": "dana@example.org", "colleague": "cleo@example.org", "admin": "aida@example.org"}


def make() -> dict[str, object]:
    """For the addresses: numbers of two moles, a visit, the patient and an opinion, and the address of a read-only link."""
    start.prepare()
    photos.use_analyser(TinyAnalyser())
    admin = accounts.create_admin(first_name="Aida", surname="Admin", email=PEOPLE["admin"], password=PASSWORD)
    doctor, _colleague = (
        accounts.create_doctor(admin, first_name=name, surname="Doctor", email=PEOPLE[role], password=PASSWORD)
        for role, name in (("doctor", "Dana"), ("colleague", "Cleo"))
    )
    signed_up(role="doctor", first_name="Wim", surname="Waiting", email="wim@example.org")
    patient = signed_up(first_name="Axel", surname="Access", email=PEOPLE["patient"])
    sharing.share_with(patient, doctor_email=doctor.email)
    mole, other, gone = (
        lesions.add_lesion(patient, name=name, body_site=site)
        for name, site in (("Left shoulder", "left_shoulder"), ("Dark one", "nape"), ("Old one", "nose"))
    )
    for days in (300, 150, 5):
        visit = photos.add_photo(
            patient, lesion_id=mole.id, data=photo_bytes(radius=30 - days // 50), taken_on=today() - timedelta(days=days), note="Itched.",
            confirmed_same=True,
        )
    photos.add_photo(patient, lesion_id=other.id, data=photo_bytes(shift=9), taken_on=today() - timedelta(days=400))
    bin.delete_lesion(patient, lesion_id=gone.id)
    risk.answer(patient, version=0, answers={question.key: question.options[1] for question in FITZPATRICK} | {"family": "One"})
    notes.add_note(doctor, visit_id=visit.id, text="Please come in next week.")
    finding = visit.photo.finding
    reviews.record_review(
        doctor, diagnosis_id=finding.id, verdict="agree", reason="Regular network", for_patient="All is well.", management="recheck",
        recheck_days=90,
    )
    asked = opinions.ask(doctor, diagnosis_id=finding.id, colleague_email=PEOPLE["colleague"], question="Would you excise?")
    link = mole_links.make_link(patient, lesion_id=mole.id, days=7)
    return {"mole": mole.id, "visit": visit.id, "other": other.id, "patient": patient.id, "opinion": asked.id, "link": link.address}


if __name__ == "__main__":
    print(json.dumps(make()))
