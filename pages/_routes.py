"""What the browser fetches beside the pages: the session cookie, photos, the export, and the state of the server.

Every route that shows something of a person asks the services with the person of the cookie, and answers 404 alike for
what does not exist and what is not theirs. Plain functions run in the thread pool, so none holds up the pages.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from datetime import date, timedelta
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from pages._answers import NOT_FOUND, PRIVATE, answer, jpeg, number, say
from pages._own_routes import OWN_ROUTES
from pages._session import COOKIE, DEVICE_COOKIE, LINK_COOKIES
from services import accounts, alignments, devices, evolution, photos, records, scales
from services.errors import LoginFailed, NotFound, ValidationError
from services.fields import today
from services.settings import settings
from services.views import Person

MOST_BYTES_OF_A_TICKET = 4096
IDENTITY_COOKIES = "_streamlit_user"
"""How the names of the cookies of st.login begin; a long one is split."""
LINK_COOKIE_LASTS = timedelta(minutes=30)

weights_loaded = threading.Event()
"""Set by Home.py once the networks answer."""


# The session cookie


async def begin_session(request: Request) -> Response:
    """Trade the log-in page's ticket for the session cookie."""
    if not _from_own_pages(request):
        return say(403, "This request did not come from Moletrail's own pages.")
    try:
        ticket = str(json.loads(await _small_body(request))["ticket"])
        token, device = await run_in_threadpool(_redeem, ticket, request.cookies)
    except (ValueError, KeyError, TypeError):
        return say(400, "The log-in was sent in a form that cannot be read. Please log in again.")
    except LoginFailed as error:
        return say(401, str(error))
    answer = Response(status_code=204, headers=PRIVATE)
    _set_cookie(answer, COOKIE, token, lasts=settings().session_absolute)
    _set_cookie(answer, DEVICE_COOKIE, device, lasts=devices.LIFE)
    _drop_identity(request, answer)
    return answer


def _redeem(ticket: str, cookies: Mapping[str, str]) -> tuple[str, str]:
    """A new token at every log-in, whatever the browser held; the session it held ends."""
    token = accounts.redeem_ticket(ticket=ticket, replaces=cookies.get(COOKIE, ""))
    return token, devices.remember(token=token, device=cookies.get(DEVICE_COOKIE, ""))


def _set_cookie(answer: Response, name: str, value: str, *, lasts: timedelta) -> None:
    answer.set_cookie(
        name, value, max_age=int(lasts.total_seconds()), path="/", httponly=True, samesite="lax", secure=settings().secure_cookie
    )


def end_session(request: Request) -> Response:
    if not _from_own_pages(request):
        return say(403, "This request did not come from Moletrail's own pages.")
    if token := request.cookies.get(COOKIE):
        accounts.log_out(token=token)
    answer = Response(status_code=204, headers=PRIVATE)
    answer.delete_cookie(COOKIE, path="/", httponly=True, samesite="lax", secure=settings().secure_cookie)
    _drop_identity(request, answer)
    return answer


def open_link(request: Request) -> Response:
    """A link from an e-mail: its token goes into a cookie and never into a page's address, so no Referer, history or screen
    tells it. Nothing is used up here, as mail programs open links on their own."""
    page, token = request.path_params["page"], request.query_params.get("token", "")
    if page not in LINK_COOKIES or len(token) > 100:
        return say(404, NOT_FOUND)
    answer = RedirectResponse(f"/{page}", status_code=303, headers=PRIVATE)
    _set_cookie(answer, LINK_COOKIES[page], token, lasts=LINK_COOKIE_LASTS)
    return answer


def _drop_identity(request: Request, answer: Response) -> None:
    """Streamlit keeps what a provider said for 30 days; ours is the only session there is, so it goes once it was used, and
    e-mailed links with it."""
    for name in request.cookies:
        if name.startswith(IDENTITY_COOKIES) or name in LINK_COOKIES.values():
            answer.delete_cookie(name, path="/", httponly=True, samesite="lax")


def _from_own_pages(request: Request) -> bool:
    """Browsers say where a request comes from (Sec-Fetch-Site, older ones Origin); who says nothing is refused."""
    if site := request.headers.get("sec-fetch-site"):
        return site == "same-origin"
    return urlsplit(request.headers.get("origin", "")).netloc == request.headers.get("host")


async def _small_body(request: Request) -> bytes:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MOST_BYTES_OF_A_TICKET:
            raise ValueError("more than a ticket")
    return body


# Photos and the export


def photo(request: Request) -> Response:
    upload_id, size = number(request.path_params["upload_id"]), request.path_params["size"]
    if size not in ("full", "large", "thumb"):
        return say(404, NOT_FOUND)
    return answer(request, lambda person: jpeg(photos.photo_file(person, upload_id=upload_id, size=size)))


def overlay(request: Request) -> Response:
    upload_id, model = number(request.path_params["upload_id"]), request.query_params.get("model")
    review_id = number(request.query_params["review"]) if "review" in request.query_params else None
    return answer(request, lambda person: jpeg(photos.overlay_file(person, upload_id=upload_id, model=model, review_id=review_id)))


def heat_map(request: Request) -> Response:
    upload_id = number(request.path_params["upload_id"])
    return answer(request, lambda person: jpeg(photos.heat_map_file(person, upload_id=upload_id)))


def aligned(request: Request) -> Response:
    """A picture of two photos of one mole in register, see alignments.KINDS."""
    first, second, kind = (request.path_params[name] for name in ("first", "second", "kind"))
    return answer(
        request,
        lambda person: jpeg(alignments.aligned_file(person, first_upload_id=number(first), second_upload_id=number(second), kind=kind)),
    )


def scale_card(request: Request) -> Response:
    """The card to print and lay beside the mole; it says nothing of anybody."""
    try:
        data = scales.card_pdf(request.query_params.get("paper", "a4"))
    except NotFound as error:
        return say(404, str(error))
    return Response(data, headers={"Content-Disposition": 'inline; filename="moletrail-scale-card.pdf"'}, media_type="application/pdf")


def mole_csv(request: Request) -> Response:
    """The numbers of one mole over its visits."""
    lesion_id = number(request.path_params["lesion_id"])
    headers = PRIVATE | {"Content-Disposition": f'attachment; filename="moletrail-mole-{lesion_id}-{today()}.csv"'}
    return answer(
        request,
        lambda person: Response(
            evolution.numbers_csv(person, lesion_id=lesion_id), headers=headers, media_type="text/csv; charset=utf-8"
        ),
    )


def diagnoses_csv(request: Request) -> Response:
    """All diagnosis records that pass the filter in the address, see records.RecordFilter."""

    def export(person: Person) -> Response:
        rows = records.export_csv(person, filter=_record_filter(request))
        headers = PRIVATE | {"Content-Disposition": f'attachment; filename="moletrail-diagnoses-{today()}.csv"'}
        if isinstance(rows, bytes):
            return Response(rows, headers=headers, media_type="text/csv; charset=utf-8")
        return StreamingResponse(rows, headers=headers, media_type="text/csv; charset=utf-8")

    return answer(request, export)


def _record_filter(request: Request) -> records.RecordFilter:
    asked = {name: value for name, value in request.query_params.items() if value}
    if unknown := asked.keys() - {"diagnosis", "confidence", "since", "until", "patient_id"}:
        raise ValidationError({name: f"There is no filter named {name}." for name in sorted(unknown)})
    taken: dict[str, object] = {name: asked[name] for name in ("diagnosis", "confidence") if name in asked}
    try:
        taken |= {name: date.fromisoformat(asked[name]) for name in ("since", "until") if name in asked}
    except ValueError:
        raise ValidationError({"since": "Dates are written like 2026-03-12."}) from None
    if "patient_id" in asked:
        if not asked["patient_id"].isdecimal() or len(asked["patient_id"]) > 18:
            raise ValidationError({"patient_id": "A patient is asked for by number."})
        taken["patient_id"] = int(asked["patient_id"])
    return records.RecordFilter(**taken)


# The state of the server


def health(_request: Request) -> Response:
    """The process answers."""
    return say(200, "ok")


def ready(_request: Request) -> Response:
    """The database answers and the networks are loaded."""
    try:
        accounts.admin_exists()
    except Exception:
        return say(503, "The database cannot be reached.")
    return say(200, "ready") if weights_loaded.is_set() else say(503, "The networks are not loaded yet.")


def nothing_here(_request: Request) -> Response:
    return say(404, NOT_FOUND)


ROUTES = [
    *OWN_ROUTES,
    Route("/session", begin_session, methods=["POST"]),
    Route("/session/end", end_session, methods=["POST"]),
    Route("/link/{page}", open_link),
    Route("/photo/{upload_id}/overlay.jpg", overlay),
    Route("/photo/{upload_id}/heat-map.jpg", heat_map),
    Route("/photo/{upload_id}/{size}.jpg", photo),
    Route("/aligned/{first}/{second}/{kind}.jpg", aligned),
    Route("/scale-card.pdf", scale_card),
    Route("/export/mole/{lesion_id}.csv", mole_csv),
    Route("/export/diagnoses.csv", diagnoses_csv),
    Route("/health", health),
    Route("/ready", ready),
    # Without these an unknown address would answer with the empty page that Streamlit serves for any path.
    Route("/photo/{rest:path}", nothing_here),
    Route("/aligned/{rest:path}", nothing_here),
    Route("/export/{rest:path}", nothing_here),
]
