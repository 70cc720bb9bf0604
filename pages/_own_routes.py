"""What a person downloads of their own data, and a doctor of a patient who shares: reports and exports."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from pages._answers import NOT_FOUND, PRIVATE, answer, jpeg, number, say
from pages._session import LINK_COOKIES
from services import dicom, mole_links, my_data, report
from services.errors import NotFound, ServiceError
from services.fields import today

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def mole_report(request: Request) -> Response:
    lesion_id = number(request.path_params["lesion_id"])
    return answer(request, lambda person: _pdf(report.mole_report(person, lesion_id=lesion_id)))


def whole_report(request: Request) -> Response:
    """One's own, or with ?patient= that of a patient who shares."""
    asked = request.query_params.get("patient")
    patient_id = None if asked is None else number(asked)
    return answer(request, lambda person: _pdf(report.whole_report(person, patient_id=patient_id)))


def export_zip(request: Request) -> Response:
    return answer(request, lambda person: _streamed(my_data.export_zip(person), "zip", "application/zip"))


def export_csv(request: Request) -> Response:
    return answer(request, lambda person: _streamed(my_data.export_csv(person), "csv", "text/csv; charset=utf-8"))


def export_xlsx(request: Request) -> Response:
    return answer(request, lambda person: Response(my_data.export_xlsx(person), headers=_saved_as("xlsx"), media_type=XLSX))


def export_fhir(request: Request) -> Response:
    return answer(
        request, lambda person: Response(my_data.export_fhir(person), headers=_saved_as("json"), media_type="application/fhir+json")
    )


def export_dicom(request: Request) -> Response:
    return answer(request, lambda person: _streamed(dicom.export_zip(person), "dicom.zip", "application/zip"))


def dicom_photo(request: Request) -> Response:
    """Of one's own, or of a patient who shares."""
    upload_id = number(request.path_params["upload_id"])
    headers = PRIVATE | {"Content-Disposition": f'attachment; filename="moletrail-photo-{upload_id}.dcm"'}
    return answer(
        request, lambda person: Response(dicom.dicom_file(person, upload_id=upload_id), headers=headers, media_type="application/dicom")
    )


def _streamed(parts, ending: str, media_type: str) -> Response:
    return StreamingResponse(parts, headers=_saved_as(ending), media_type=media_type)


def _pdf(data: bytes) -> Response:
    headers = PRIVATE | {"Content-Disposition": f'inline; filename="moletrail-report-{today()}.pdf"'}
    return Response(data, headers=headers, media_type="application/pdf")


def _saved_as(ending: str) -> dict[str, str]:
    return PRIVATE | {"Content-Disposition": f'attachment; filename="moletrail-{today()}.{ending}"'}


def shared_photo(request: Request) -> Response:
    """A photo of the mole of a read-only link, for who opened it: the token is in its cookie, and no log-in is needed."""
    token = request.cookies.get(LINK_COOKIES[mole_links.PAGE], "")
    upload_id, size = number(request.path_params["upload_id"]), request.path_params["size"]
    try:
        return jpeg(mole_links.shared_photo(token=token, upload_id=upload_id, size=size))
    except NotFound:
        return say(404, NOT_FOUND)
    except ServiceError as error:
        return say(503, str(error))


OWN_ROUTES = [
    Route("/share/{upload_id}/{size}.jpg", shared_photo),
    Route("/report.pdf", whole_report),
    Route("/moles/{lesion_id}/report.pdf", mole_report),
    Route("/my-data.zip", export_zip),
    Route("/my-data.csv", export_csv),
    Route("/my-data.xlsx", export_xlsx),
    Route("/my-data.fhir.json", export_fhir),
    Route("/my-data.dicom.zip", export_dicom),
    Route("/photo/{upload_id}/full.dcm", dicom_photo),
]
