"""Who may send files: Streamlit takes them from everybody who has a page open, the log-in page too, and keeps them in memory."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from pages._answers import say
from pages._session import COOKIE
from services import accounts
from services.errors import ServiceError

ADDRESS = "/_stcore/upload_file/"


class Uploads:
    """Lets files through from who is logged in; refused before anything of them is read."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and ADDRESS in scope["path"] and scope["method"] != "OPTIONS":
            token = Request(scope).cookies.get(COOKIE)
            try:
                person = await run_in_threadpool(accounts.person_of, token=token) if token else None
            except ServiceError as error:
                await say(503, str(error))(scope, receive, send)
                return
            if person is None:
                await say(401, "Please log in first.")(scope, receive, send)
                return
        await self.app(scope, receive, send)
