"""Who may send files: Streamlit takes them from everybody who has a page open, the log-in page too, and keeps them in memory."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send
from streamlit import runtime

from pages._answers import say
from pages._session import COOKIE
from services import accounts
from services.errors import ServiceError
from services.photos import MAX_UPLOAD_BYTES

ADDRESS = "/_stcore/upload_file/"
MOST = 40 * MAX_UPLOAD_BYTES
"""Bytes that one person may have sent and not stored: more photos than anybody takes in a sitting."""

TOO_MANY = "You sent too many photos without storing them. Close the tabs that you sent them from, and begin anew in a minute."


def held(session_id: str) -> int:
    """Bytes of the files that Streamlit keeps for one open page."""
    kept = runtime.get_instance().uploaded_file_mgr.file_storage if runtime.exists() else {}
    return sum(len(file.data) for file in list(kept.get(session_id, {}).values()))


class Uploads:
    """Lets files through from who is logged in, and only so many at once; refused before anything of them is read."""

    def __init__(self, app: ASGIApp, held: Callable[[str], int] = held) -> None:
        self.app, self.held = app, held
        self.pages: dict[int, set[str]] = defaultdict(set)
        """Person -> their open pages that files were sent from."""
        self.coming: Counter[int] = Counter()
        """Person -> files on their way."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or ADDRESS not in scope["path"] or scope["method"] == "OPTIONS":
            await self.app(scope, receive, send)
            return
        token = Request(scope).cookies.get(COOKIE)
        try:
            person = await run_in_threadpool(accounts.person_of, token=token) if token else None
        except ServiceError as error:
            await say(503, str(error))(scope, receive, send)
            return
        if person is None:
            await say(401, "Please log in first.")(scope, receive, send)
        elif scope["method"] == "DELETE":
            await self.app(scope, receive, send)
        elif self._waiting(person.id, scope["path"]) + MAX_UPLOAD_BYTES > MOST:
            await say(413, TOO_MANY)(scope, receive, send)
        else:
            self.coming[person.id] += 1
            try:
                await self.app(scope, receive, send)
            finally:
                self.coming[person.id] -= 1

    def _waiting(self, person_id: int, path: str) -> int:
        """Bytes that this person has sent, on whatever page, and not stored; a file on its way counts as a large one."""
        sizes = {page: self.held(page) for page in self.pages[person_id]}
        if not self.coming[person_id]:  # otherwise one without files may be about to get one
            self.pages[person_id] = {page for page, size in sizes.items() if size}
        self.pages[person_id].add(path.partition(ADDRESS)[2].partition("/")[0])
        return sum(sizes.values()) + self.coming[person_id] * MAX_UPLOAD_BYTES
