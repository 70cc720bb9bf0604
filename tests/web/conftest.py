"""Browsers for the routes beside the pages.

`new_browser`   new_browser() -> one without a cookie
`nobody`        one without a cookie, on an empty Moletrail
`browser_of`    browser_of(person) -> one that holds the session cookie of a new log-in
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.testclient import TestClient

from pages import _calendar, _routes
from pages._headers import SecurityHeaders
from pages._session import COOKIE


@pytest.fixture
def new_browser() -> Callable[[], TestClient]:
    routes = [*_calendar.ROUTES, *_routes.ROUTES]
    return lambda: TestClient(Starlette(routes=routes, middleware=[Middleware(SecurityHeaders, over_tls=False)]))


@pytest.fixture
def nobody(moletrail, new_browser) -> TestClient:
    return new_browser()


@pytest.fixture
def browser_of(new_browser, token_of) -> Callable[..., TestClient]:
    def log_in(person) -> TestClient:
        browser = new_browser()
        browser.cookies.set(COOKIE, token_of(person))
        return browser

    return log_in
