"""A patient's moles, photos and findings as a bundle of HL7 FHIR R4 (http://hl7.org/fhir/R4/)."""

from __future__ import annotations

from db.base import now
from db.models import Sex
from services import body_sites

GENDER = {Sex.FEMALE: "female", Sex.MALE: "male", Sex.OTHER: "other", Sex.UNDISCLOSED: "unknown"}
UCUM = "http://unitsofmeasure.org"
METHOD = "Convolutional networks on one photo. A reference and follow-up aid, not a medical device and no diagnosis."


def bundle(rows: dict[str, list[dict]]) -> dict:
    """`rows`: table -> rows, as services.my_data reads them; what is in the bin is left out."""
    (user,) = rows["user"]
    moment = now().isoformat(timespec="seconds")
    resources = [_patient(user)]
    lesions = {row["id"]: row for row in rows["lesion"] if row["deleted_at"] is None}
    visits = {row["id"]: row for row in rows["visit"] if row["lesion_id"] in lesions}
    uploads = {row["id"]: row for row in rows["upload"] if row["visit_id"] in visits and row["deleted_at"] is None}
    resources += [_mole(row) for row in lesions.values()]
    resources += [_photo(row, visits[row["visit_id"]], lesions) for row in uploads.values()]
    for row in rows["diagnosis"]:
        if row["upload_id"] in uploads:
            visit = visits[uploads[row["upload_id"]]["visit_id"]]
            resources += [_area(row, visit, lesions[visit["lesion_id"]]), _probability(row, visit)]
    entries = [{"fullUrl": f"urn:moletrail:{one['resourceType']}:{one['id']}", "resource": one} for one in resources]
    for one in resources[1:]:
        one["patient" if one["resourceType"] == "BodyStructure" else "subject"] = {"reference": f"Patient/{user['id']}"}
    return {"resourceType": "Bundle", "type": "collection", "timestamp": moment, "entry": entries}


def _patient(user: dict) -> dict:
    lines = [line for line in (user["address"], user["second_address"]) if line]
    address = {"line": lines, "city": user["city"], "state": user["state_region"], "postalCode": user["zip_code"]}
    patient = {
        "resourceType": "Patient", "id": str(user["id"]), "gender": GENDER[user["sex"]],
        "name": [{"family": user["surname"], "given": [user["first_name"]]}],
        "telecom": [{"system": "email", "value": user["email"]}],
    }
    if user["birth_date"]:
        patient["birthDate"] = user["birth_date"].isoformat()
    if address := {name: value for name, value in address.items() if value}:
        patient["address"] = [address]
    return patient


def _mole(lesion: dict) -> dict:
    return {
        "resourceType": "BodyStructure", "id": f"mole-{lesion['id']}", "active": True, "description": lesion["name"],
        "morphology": {"text": "Pigmented skin lesion"}, "location": {"text": body_sites.label(lesion["body_site"])},
    }


def _photo(upload: dict, visit: dict, lesions: dict[int, dict]) -> dict:
    lesion = lesions[visit["lesion_id"]]
    media = {
        "resourceType": "Media", "id": f"photo-{upload['id']}", "status": "completed",
        "createdDateTime": visit["visited_on"].isoformat(), "bodySite": {"text": body_sites.label(lesion["body_site"])},
        "width": upload["width"], "height": upload["height"],
        "content": {"contentType": "image/jpeg", "title": f"{lesion['name']}, photo {upload['id']}"},
    }
    if visit["note"]:
        media["note"] = [{"text": visit["note"]}]
    return media


def _area(diagnosis: dict, visit: dict, lesion: dict) -> dict:
    if diagnosis["area_mm2"] is not None:
        quantity = {"value": round(diagnosis["area_mm2"], 3), "unit": "mm²", "system": UCUM, "code": "mm2"}
    else:
        quantity = {"value": round(100 * diagnosis["area_fraction"], 3), "unit": "% of the frame", "system": UCUM, "code": "%"}
    return {
        "resourceType": "Observation", "id": f"area-{diagnosis['id']}", "status": "final", "code": {"text": "Area of the skin lesion"},
        "effectiveDateTime": visit["visited_on"].isoformat(), "valueQuantity": quantity, "method": {"text": METHOD},
        "bodySite": {"text": body_sites.label(lesion["body_site"])},
        "derivedFrom": [{"reference": f"Media/photo-{diagnosis['upload_id']}"}],
    }


def _probability(diagnosis: dict, visit: dict) -> dict:
    networks = ", ".join(f"{name} {version}" for name, version in sorted(diagnosis["model_versions"].items()))
    low, high = round(diagnosis["interval_low"], 4), round(diagnosis["interval_high"], 4)
    return {
        "resourceType": "RiskAssessment", "id": f"finding-{diagnosis['id']}", "status": "final", "method": {"text": METHOD},
        "occurrenceDateTime": visit["visited_on"].isoformat(), "basis": [{"reference": f"Media/photo-{diagnosis['upload_id']}"}],
        "prediction": [
            {
                "outcome": {"text": "Malignancy of the skin lesion"}, "probabilityDecimal": round(diagnosis["malignant_probability"], 4),
                "qualitativeRisk": {"text": f"{diagnosis['diagnosis']}, {diagnosis['confidence']} confidence"},
            }
        ],
        "note": [{"text": f"For reference only. Range {low} to {high}. Networks: {networks}."}],
    }
