"""How every route answers: for the person of the cookie, and with one sentence where there is nothing to hand out.

Each asks the services with that person, and answers 404 alike for what does not exist and what is not theirs.
"""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from pages._session import COOKIE
from services import accounts, logs
from services.errors import NotAllowed, NotFound, ServiceError, ValidationError
from services.views import Person

# Health records: nothing stays in the disk cache of a shared computer, and after log-out "back" shows nothing.
PRIVATE = {"Cache-Control": "no-store"}
NOT_FOUND = "This does not exist, or it is not yours to see."


def answer(request: Request, make: Callable[[Person], Response]) -> Response:
    """Run `make` for the person of the cookie, and put every refusal into one sentence."""
    token = request.cookies.get(COOKIE)
    try:
        person = accounts.person_of(token=token) if token else None
        logs.note(actor=person.id if person else None)
        return make(person) if person else say(401, "Please log in first.")
    except (NotFound, NotAllowed):
        return say(404, NOT_FOUND)
    except ValidationError as error:
        return say(400, str(error))
    except ServiceError as error:
        return say(503, str(error))


def number(text: str) -> int:
    """A number in an address; -1, which is nobody's, where it is none or has more digits than the database's integers hold."""
    return int(text) if text.isdecimal() and len(text) <= 18 else -1


def jpeg(data: bytes) -> Response:
    return Response(data, headers=PRIVATE, media_type="image/jpeg")


def say(status: int, sentence: str) -> Response:
    return PlainTextResponse(sentence + "\n", status_code=status, headers=PRIVATE)
