"""Moletrail: `streamlit run Home.py`. The web application around the pages: its routes, headers, start and last resort for errors."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import streamlit as st
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware

from pages import _calendar as calendar
from pages._headers import SecurityHeaders
from pages._index import Index
from pages._observed import METRICS, Observed
from pages._parts import show_error, unforeseen
from pages._routes import ROUTES, weights_loaded
from pages._uploads import Uploads
from services import chores, logs, photos, running
from services.errors import ServiceError, ValidationError
from services.settings import settings
from services.start import prepare

FINISH_SECONDS = 60.0
"""So long a stopping server waits for photos that are being analysed; systemd's own patience is 90 s."""


@asynccontextmanager
async def start(_app: st.App) -> AsyncIterator[None]:
    """Bring data folder and database to the current schema, and load the networks while the first page is already served."""
    logs.set_up()
    try:
        await run_in_threadpool(prepare)
    except ServiceError as error:
        # The sentence and nothing else: raised from here it would come out as a trace of the web server.
        print(error, file=sys.stderr, flush=True)
        os._exit(1)
    logs.event("started")
    threading.Thread(target=_load_weights, name="load-weights", daemon=True).start()
    chores.start()
    yield
    chores.stop()
    # The threads of pages end with the process, whatever they are about.
    if not await run_in_threadpool(running.wait_until_idle, FINISH_SECONDS):
        logs.event("stopped in the middle of an analysis", level=logging.WARNING)
    logs.event("stopped")


def _load_weights() -> None:
    try:
        photos.warm_up()
    except Exception as error:
        logs.event("the networks could not be loaded; photos cannot be analysed, and /ready says so", level=logging.ERROR, error=error)
    else:
        weights_loaded.set()


def show_calmly(error: Exception) -> bool:
    """What nobody caught: a service's own sentence, or one with a number under which the log holds the details."""
    if isinstance(error, ServiceError):
        show_error(error)
    else:
        st.error(unforeseen(error), icon=":material/error:")
    return True


try:
    over_tls = settings().secure_cookie
except ValidationError as error:
    print(*error.fields.values(), sep="\n", file=sys.stderr)
    sys.exit(1)

app = st.App(
    Path(__file__).parent / "pages" / "_navigation.py",
    lifespan=start,
    routes=[METRICS, *calendar.ROUTES, *ROUTES],
    middleware=[Middleware(SecurityHeaders, over_tls=over_tls), Middleware(Observed), Middleware(Uploads), Middleware(Index)],
    on_script_error=show_calmly,
)
