"""Log-in at an OpenID Connect provider, where .streamlit/secrets.toml names one (README, "Log-in at a provider")."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st
from streamlit.errors import StreamlitSecretNotFoundError


def claims() -> dict | None:
    """What the provider proved of who is at the browser; None where nobody came from there."""
    user = st.user.to_dict()
    return user if user.get("is_logged_in") and user.get("iss") else None


def providers() -> dict[str, str]:
    """Name of each provider that is set -> what its button says."""
    try:
        auth = st.secrets.get("auth", {})
    except StreamlitSecretNotFoundError:
        return {}
    sections = [name for name, value in auth.items() if isinstance(value, Mapping) and "client_id" in value]
    named = {name: f"Continue with {name.capitalize()}" for name in sections}
    return named | ({"default": "Continue with your organisation"} if "client_id" in auth else {})


def buttons() -> None:
    for name, label in providers().items():
        if st.button(label, icon=":material/login:", width=480, key=f"provider_{name}"):
            st.login(name)


def leave() -> None:
    """Forget the provider's identity, e.g. to come in as someone else."""
    if st.button("Not you? Use another account", icon=":material/switch_account:", width=480, key="leave_provider"):
        st.logout()
