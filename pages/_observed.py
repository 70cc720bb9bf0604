"""Around every request: its number, its line in the log, its figures, and the last resort for errors; and /metrics."""

from __future__ import annotations

import hmac
import logging
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pages._session import LINK_COOKIES
from services import alignments, logs, metrics
from services.errors import ServiceError
from services.settings import settings

OWN = (
    "/session", "/session/end", *(f"/link/{page}" for page in LINK_COOKIES),
    *(f"/photo/{{id}}/{picture}.jpg" for picture in ("full", "large", "thumb", "overlay", "heat-map")),
    "/photo/{id}/full.dcm",
    *(f"/share/{{id}}/{picture}.jpg" for picture in ("large", "thumb", "overlay")),
    *(f"/aligned/{{id}}/{{id}}/{kind}.jpg" for kind in alignments.KINDS),
    "/scale-card.pdf", "/report.pdf", "/moles/{id}/report.pdf", "/reminders.ics", "/moles/{id}/reminder.ics",
    "/export/diagnoses.csv", "/export/mole/{id}.csv",
    *(f"/my-data.{kind}" for kind in ("zip", "csv", "xlsx", "fhir.json", "dicom.zip")),
    "/health", "/ready", "/metrics",
)  # fmt: skip
"""Addresses that appear in log and figures, a number in them as {id}. Anything else is a kind: an address may hold a secret."""
_OWN = {re.compile(re.escape(address).replace(r"\{id\}", "[^/]+")): address for address in OWN}
CLOSED = (
    "/_stcore/metrics", "/_stcore/script-health-check",
    "/_stcore/agent/interact", "/_stcore/agent/mcp", "/_stcore/agent/openapi.json",
)  # fmt: skip
"""Streamlit's own, about its sessions and scripts or to run them without a browser; answered to nobody, whatever is set."""
FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip", "via")
STOPPED = "Something went wrong on our side. What was saved before is safe. Please try again; if it comes back, report it as {}.\n"


class Observed:
    """Plain ASGI, so that streams and the page's websocket pass through untouched."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        with logs.one_request() as noted:
            if scope["type"] == "websocket":
                await self.app(scope, receive, send)
            else:
                await self._answer(scope, receive, send, str(noted["request"]))

    async def _answer(self, scope: Scope, receive: Receive, send: Send, number: str) -> None:
        begun, route, status = time.perf_counter(), route_of(scope["path"]), 0

        async def send_on(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-ID"] = number
            await send(message)

        try:
            if scope["path"].rstrip("/").endswith(CLOSED):
                await PlainTextResponse("This does not exist.\n", status_code=404)(scope, receive, send_on)
            else:
                await self.app(scope, receive, send_on)
        except Exception as error:
            logs.event("error", level=logging.ERROR, error=error, route=route)
            if status:  # the answer had begun; the connection breaks, so that nobody takes half of it for the whole
                raise
            await PlainTextResponse(STOPPED.format(number.upper()), status_code=500)(scope, receive, send_on)
        finally:
            seconds = time.perf_counter() - begun
            metrics.requests.labels(route, status).inc()
            metrics.request_seconds.labels(route).observe(seconds)
            level = logging.DEBUG if route in ("static", "streamlit") else logging.INFO
            logs.event("request", level=level, route=route, method=scope["method"], status=status, ms=round(1000 * seconds, 1))


def route_of(path: str) -> str:
    """What log and figures call this address: few values, and none that somebody typed."""
    if own := next((address for pattern, address in _OWN.items() if pattern.fullmatch(path)), None):
        return own
    if path.startswith(("/static/", "/component/", "/app/static/", "/media/")):
        return "static"
    if path.startswith(("/_stcore/", "/vendor/")):
        return "streamlit"
    return "page"


async def show_metrics(request: Request) -> Response:
    """For a program on this machine, or with `Authorization: Bearer <MOLETRAIL_METRICS_TOKEN>`; for others it does not exist."""
    if not _may_see(request):
        return PlainTextResponse("This does not exist.\n", status_code=404)
    try:
        text = await run_in_threadpool(metrics.render)
    except (ServiceError, OSError):
        return PlainTextResponse("The figures cannot be found out at the moment.\n", status_code=503)
    return Response(text, media_type=metrics.MEDIA_TYPE, headers={"Cache-Control": "no-store"})


def _may_see(request: Request) -> bool:
    token = settings().metrics_token
    if token:
        return hmac.compare_digest(request.headers.get("authorization", "").encode(), f"Bearer {token}".encode())
    # Behind a proxy everybody comes from this machine: then only the token counts.
    if settings().secure_cookie or any(name in request.headers for name in FORWARDED):
        return False
    try:
        address = ip_address(request.client.host if request.client else "")
    except ValueError:
        return False
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


@contextmanager
def one_page(name: str, *, actor: int | None) -> Iterator[None]:
    """A page's line in the log and its figures; `name` is one of our own addresses."""
    begun, outcome = time.perf_counter(), "ok"
    with logs.one_request():
        try:
            yield
        except Exception:  # not Streamlit's own, by which a page ends early
            outcome = "error"
            raise
        finally:
            seconds = time.perf_counter() - begun
            metrics.pages.labels(name, outcome).inc()
            metrics.page_seconds.labels(name).observe(seconds)
            logs.event("page", page=name, outcome=outcome, ms=round(1000 * seconds, 1), actor=actor)


METRICS = Route("/metrics", show_metrics)


