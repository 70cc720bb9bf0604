"""Next dates as calendar files: of all one's moles, or of one."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pages._answers import PRIVATE, answer, number
from services import reminders


def all_dates(request: Request) -> Response:
    return answer(request, lambda person: _file(reminders.calendar_file(person), "moletrail"))


def one_date(request: Request) -> Response:
    lesion_id = number(request.path_params["lesion_id"])
    return answer(request, lambda person: _file(reminders.calendar_file(person, lesion_id=lesion_id), f"moletrail-mole-{lesion_id}"))


def _file(data: bytes, name: str) -> Response:
    headers = PRIVATE | {"Content-Disposition": f'attachment; filename="{name}.ics"'}
    return Response(data, headers=headers, media_type="text/calendar; charset=utf-8")


ROUTES = [Route("/reminders.ics", all_dates), Route("/moles/{lesion_id}/reminder.ics", one_date)]
