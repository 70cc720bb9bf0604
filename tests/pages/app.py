"""The pages without a browser: what one person sees, through the navigation that everybody passes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

NAVIGATION = Path(__file__).resolve().parents[2] / "pages" / "_navigation.py"


def open_app(monkeypatch: pytest.MonkeyPatch, token: str | None = None, *, link: str = "") -> AppTest:
    """Moletrail as the browser sees it that holds this session token (None: no cookie) and came through this e-mailed link."""
    monkeypatch.setattr("pages._session.session_token", lambda: token)
    monkeypatch.setattr("pages._session.link_token", lambda page: link)
    monkeypatch.setattr("pages._session.visitor", lambda: {"user_agent": "", "client_address": "", "device": ""})
    return AppTest.from_file(NAVIGATION, default_timeout=60).run()


def open_page(app: AppTest, file: str, **query: object) -> AppTest:
    """Go to a page by its file below `pages`, with what stands behind the ? of its address."""
    app.query_params.clear()
    app.query_params.update({name: str(value) for name, value in query.items()})
    return app.switch_page(file).run()


def words(app: AppTest) -> str:
    """Everything there is to read outside widgets, joined."""
    kinds = ("title", "header", "subheader", "markdown", "caption", "text", "error", "warning", "success", "info")
    return "\n".join(element.value for kind in kinds for element in app.get(kind))


def sentences_under(app: AppTest, key: str) -> list[str]:
    """What stands below the widget of this key, in the container that holds nothing else."""
    for holder in app.get("flex_container"):
        children = list(holder.children.values())
        if any(getattr(child, "key", None) == key for child in children):
            return [child.value for child in children if getattr(child, "key", None) != key]
    raise AssertionError(f"There is no widget {key} in a container.")


def tables(app: AppTest) -> list[list[dict[str, str]]]:
    """Each table of pages._table: its rows, by the names of its columns."""
    drawn = [json.loads(component.proto.json) for component in app.get("bidi_component")]
    return [[dict(zip(one["columns"], row, strict=True)) for row in one["rows"]] for one in drawn if one and "columns" in one]


def asked_of_the_browser(app: AppTest) -> dict | None:
    """What the page told the browser to send to a route, see pages._session.ASK_THE_ROUTE."""
    components = app.get("bidi_component")
    return json.loads(components[0].proto.json) if components else None
