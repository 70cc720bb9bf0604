"""The page that Streamlit serves at every address, with our name, our icon, and the address of the server said beforehand.

Streamlit's script otherwise takes /moles for a folder that the server might live in, asks there first and gets two 404s
before every page.
"""

from __future__ import annotations

from pathlib import Path

import streamlit
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from pages._pages import PAGES

SCRIPT = "window.__streamlit = { BACKEND_BASE_URL: window.location.origin }"
ADDRESSES = frozenset({"/", *(f"/{address}" for address in PAGES)})


def index() -> str:
    """Raises ValueError where this version of Streamlit has another page than the one that is known here."""
    html = (Path(streamlit.__file__).parent / "static" / "index.html").read_text(encoding="utf-8")
    for known, ours in (
        ("<title>Streamlit</title>", "<title>Moletrail</title>"),
        ('<script type="module"', f'<script>{SCRIPT}</script>\n    <script type="module"'),
    ):
        if html.count(known) != 1:
            raise ValueError(f"Streamlit's page does not hold {known} once.")
        html = html.replace(known, ours)
    return html


class Index:
    """Answers the addresses of pages; everything else goes on to Streamlit and our routes."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.html = index()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] in ("GET", "HEAD") and Request(scope).url.path in ADDRESSES:
            answer = Response(self.html, media_type="text/html", headers={"Cache-Control": "no-cache"})
            await answer(scope, receive, send)
        else:
            await self.app(scope, receive, send)
