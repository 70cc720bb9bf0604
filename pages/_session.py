"""Who is at the other end: the cookie, the log-in form, and the check that every page makes first."""

from __future__ import annotations

import secrets
from collections.abc import Callable

import streamlit as st

from pages._pages import PAGES, home_of
from pages._parts import go, show_error
from pages.account import _provider as provider
from services import accounts, external, two_factor
from services.errors import LoginFailed, SecondStepNeeded
from services.views import Person
from services.words import Preferences

COOKIE = "moletrail_session"
DEVICE_COOKIE = "moletrail_device"
"""Says that an account was logged in to from this browser before, see services.devices."""
LINK_COOKIES = {
    "reset-password": "moletrail_reset", "verify-email": "moletrail_verify", "change-email": "moletrail_change",
    "shared-mole": "moletrail_shared",
}  # fmt: skip
"""Page that a link sent by e-mail leads to -> cookie in which the route /link hands it the link's token."""

# A page's script cannot set an HttpOnly cookie: the browser itself asks the route for it, then opens the page anew,
# so that the new connection carries the cookie. `id` keeps a redraw from sending twice.
ASK_THE_ROUTE = """
const sent = new Set();
export default function ({ data, setTriggerValue }) {
  if (sent.has(data.id)) return;
  sent.add(data.id);
  fetch(data.address, {
    method: "POST",
    credentials: "same-origin",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ ticket: data.ticket }),
  }).then((answer) => {
    if (!answer.ok) throw new Error(answer.status);
    if (data.stay) window.location.reload();
    else window.location.assign("/");
  }).catch(() => setTriggerValue("failed", true));
}
"""


def session_token() -> str | None:
    """The token the browser sent when it connected."""
    return st.context.cookies.get(COOKIE)


def link_token(page: str) -> str:
    """The token of the e-mailed link through which this page was opened."""
    return st.context.cookies.get(LINK_COOKIES[page], "")


def visitor() -> dict[str, str]:
    """What the browser and the network say of who logs in, as the services take it."""
    return {
        "user_agent": st.context.headers.get("User-Agent", ""),
        "client_address": st.context.ip_address or "",
        "device": st.context.cookies.get(DEVICE_COOKIE, ""),
    }


def browser_locale() -> str | None:
    """The language that the browser asks for, e.g. en-GB."""
    return st.context.locale


def current_person() -> Person | None:
    """Asked of the server on every run, so that a log-out elsewhere closes this page at its next click."""
    token = session_token()
    person = accounts.person_of(token=token) if token else None
    st.session_state["preferences"] = Preferences.of(person) if person else Preferences.of_browser(browser_locale())
    return person


def require_role(*roles: str, before_second_step: bool = False) -> Person:
    """The person, when of one of `roles`; otherwise the page ends here with the log-in form or a plain sentence.

    `before_second_step`: also who has yet to set up the second step that their role requires.
    """
    person = current_person()
    if person is None:
        log_in_form("Your session has ended. Log in again to go on." if session_token() else "Log in to see this page.", stay=True)
        st.stop()
    if person.role not in roles:
        st.title("This page is not for your account", anchor=False)
        st.markdown(f"It is for {' and '.join(f'{role}s' for role in roles)}. You are logged in as {person.full_name}, {person.role}.")
        way_home(person)
        st.stop()
    if person.second_step_missing and not before_second_step:
        st.title("One thing before you go on", anchor=False)
        st.markdown("Your kind of account logs in with a second step: a code from an app on your phone. It takes two minutes to set up.")
        if st.button("Set it up", icon=":material/phonelink_lock:", type="primary", key="to_second_step"):
            go("account")
        st.stop()
    return person


def way_home(person: Person) -> None:
    home = home_of(person.role)
    if st.button(f"Go to {home.title}", icon=home.icon, type="primary", key="home"):
        go(home.url_path)


def log_in_form(sentence: str = "", *, stay: bool = False) -> None:
    """`stay`: open the same address again after log-in, rather than the person's first page."""
    if "second_step" in st.session_state:
        _second_step_form(stay=stay)
        return
    st.title("Log in", anchor=False)
    if sentence:
        st.markdown(sentence)
    if claims := provider.claims():
        _open_with(claims, stay=stay)
        return
    with st.form("log_in", border=False, width=480):
        email = st.text_input("E-mail", key="log_in_email", autocomplete="username")
        password = st.text_input("Password", key="log_in_password", type="password", autocomplete="current-password")
        asked = st.form_submit_button("Log in", type="primary", width="stretch")
    if asked:
        open_account(lambda: accounts.log_in(email=email, password=password, **visitor()), stay=stay)
    elif refused := st.session_state.pop("second_step_refused", None):
        show_error(refused)
    elif st.session_state.pop("browser_refused", False):
        st.error("The browser did not take the log-in. Allow cookies for this site, then log in again.", icon=":material/cookie_off:")
    provider.buttons()
    if st.button("Forgot your password?", icon=PAGES["reset-password"].icon, width=480, key="to_reset_password"):
        go("reset-password")
    if st.button("New here? Sign up", icon=PAGES["sign-up"].icon, width=480, key="to_sign_up"):
        go("sign-up")


def open_account(log_in: Callable[[], str], *, stay: bool = False) -> None:
    """Run a log-in and hand its ticket to the browser; ask for the second step or say what is wrong where there is none."""
    try:
        ticket = log_in()
    except SecondStepNeeded as needed:
        st.session_state["second_step"] = needed.pending
        st.rerun()
    except external.NoAccount:
        raise
    except LoginFailed as error:
        show_error(error)
    else:
        log_in_browser(ticket, stay=stay)


def _open_with(claims: dict, *, stay: bool) -> None:
    """Who comes back from the provider is let in, or led to the sign-up that is still missing."""
    try:
        open_account(lambda: external.log_in(claims, user_agent=visitor()["user_agent"]), stay=stay)
    except external.NoAccount:
        go("sign-up")
    provider.leave()


def _second_step_form(*, stay: bool) -> None:
    st.title("Your code, please", anchor=False)
    st.markdown("Type the code that your authenticator app shows now, or one of your recovery codes.")
    with st.form("second_step_form", border=False, width=480):
        code = st.text_input("Code", key="second_step_code", autocomplete="one-time-code", max_chars=40)
        asked = st.form_submit_button("Go on", type="primary", width="stretch")
    if asked:
        try:
            ticket = two_factor.finish_log_in(pending=st.session_state["second_step"], code=code, device=visitor()["device"])
        except LoginFailed as error:
            if str(error) == two_factor.TOO_LATE:
                del st.session_state["second_step"]
                st.session_state["second_step_refused"] = error
                st.rerun()
            show_error(error)
        else:
            log_in_browser(ticket, stay=stay)
    if st.button("Back to log in", icon=PAGES["log-in"].icon, width=480, key="leave_second_step"):
        del st.session_state["second_step"]
        st.rerun()


def log_in_browser(ticket: str, *, stay: bool = False) -> None:
    """Trade the single-use ticket for the session cookie; the browser then opens the page anew."""
    st.status("Opening your account")
    _ask_the_route("/session", ticket=ticket, stay=stay)


def log_out_browser() -> None:
    """End the session on the server first, so that it is over even if the browser does not answer."""
    accounts.log_out(token=session_token() or "")
    st.status("Logging out")
    _ask_the_route("/session/end", ticket="", stay=False)


def _ask_the_route(address: str, *, ticket: str, stay: bool) -> None:
    # Registered here, not at import: the component registry belongs to the running server.
    ask = st.components.v2.component("moletrail_session", js=ASK_THE_ROUTE)
    ask(
        data={"id": secrets.token_hex(8), "address": address, "ticket": ticket, "stay": stay},
        on_failed_change=lambda: st.session_state.update(browser_refused=True),
        key="ask_the_route",
    )
