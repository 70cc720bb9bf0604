"""Moletrail: `streamlit run Home.py`. The web application around the pages: its routes, headers, start and last resort for errors."""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import streamlit as st
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware

from pages._headers import SecurityHeaders
from pages._parts import show_error
from pages._routes import ROUTES, weights_loaded
from services import photos
from services.errors import ServiceError
from services.settings import settings
from services.start import prepare

logger = logging.getLogger("moletrail")


@asynccontextmanager
async def start(_app: st.App) -> AsyncIterator[None]:
    """Bring data folder and database to the current schema, and load the networks while the first page is already served."""
    await run_in_threadpool(prepare)
    threading.Thread(target=_load_weights, name="load-weights", daemon=True).start()
    yield


def _load_weights() -> None:
    try:
        photos.warm_up()
    except Exception:
        logger.exception("The networks could not be loaded; photos cannot be analysed, and /ready says so.")
    else:
        weights_loaded.set()


def show_calmly(error: Exception) -> bool:
    """What nobody caught: a service's own sentence, or one with a number under which the log holds the details."""
    if isinstance(error, ServiceError):
        show_error(error)
    else:
        number = secrets.token_hex(3).upper()
        logger.error("Error %s on a page", number, exc_info=error)
        st.error(
            f"Something went wrong on our side. What was saved before is safe. Please try again; if it comes back, report it as {number}.",
            icon=":material/error:",
        )
    return True


app = st.App(
    Path(__file__).parent / "pages" / "_navigation.py",
    lifespan=start,
    routes=ROUTES,
    middleware=[Middleware(SecurityHeaders, over_tls=settings().secure_cookie)],
    on_script_error=show_calmly,
)
