"""What proves that it is the person: the password, and the second step where it is switched on."""

from __future__ import annotations

import streamlit as st

from pages._parts import field
from services import two_factor
from services.views import Person


def proof(person: Person, errors: dict[str, str], key: str) -> dict[str, str]:
    """Fields of a form for password and code, with their mistakes under them; what was typed, named as the services take it."""
    with field(errors, "password"):
        password = st.text_input("Your password", type="password", key=f"{key}_password", autocomplete="current-password")
    code = ""
    if two_factor.status(person).enabled_since is not None:
        with field(errors, "code"):
            code = st.text_input("Code of the app, or a recovery code", key=f"{key}_code", autocomplete="one-time-code")
    return {"password": password, "code": code}
