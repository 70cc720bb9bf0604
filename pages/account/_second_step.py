"""Part of "My account": the code of an authenticator app as the second step of log-in."""

from __future__ import annotations

import streamlit as st

from pages._parts import field, format_date, show_error
from pages._session import log_in_browser, visitor
from services import sessions, two_factor
from services.errors import ServiceError, ValidationError
from services.views import Person


def draw(person: Person, token: str) -> None:
    """`token` is the session of this browser: it stays when the others end."""
    st.header("Second step at log-in", anchor=False)
    status = two_factor.status(person)
    if codes := st.session_state.get("recovery_codes"):
        _show_once(person, token, codes)
    elif status.enabled_since is not None:
        _switched_on(person, token, status)
    elif st.session_state.get("setting_up") or status.required:
        _set_up(person, token, status.required)
    else:
        st.markdown("A code from an app on your phone, besides the password. Who learns your password then still cannot log in.")
        if st.button("Set it up", icon=":material/phonelink_lock:", key="begin_set_up"):
            st.session_state["setting_up"] = True
            st.rerun()


def _set_up(person: Person, token: str, required: bool) -> None:
    made = two_factor.set_up(person)
    if required:
        st.markdown("Your kind of account needs a second step before anything else.")
    st.markdown("1. Open an authenticator app on your phone, such as Aegis, 2FAS or Google Authenticator.\n2. Scan this picture with it.")
    st.image(made.qr_svg, width=240, alt="QR code for the authenticator app; the same as text stands below")
    with st.expander("The picture cannot be scanned"):
        st.markdown("Type this key into the app, as a time-based code:")
        st.code(made.secret, language=None, wrap_lines=True)
    code = _code_form("enable", "3. Type the code that the app shows", "Switch it on")
    if code is not None and (codes := _tried("enable", two_factor.enable, person, code=code, token=token)):
        st.session_state.pop("setting_up", None)
        st.session_state["recovery_codes"] = codes
        st.rerun()
    if not required and st.button("Not now", key="leave_set_up"):
        st.session_state.pop("setting_up", None)
        st.rerun()


def _show_once(person: Person, token: str, codes: tuple[str, ...]) -> None:
    st.success("The second step is switched on, and these recovery codes are new.", icon=":material/check_circle:")
    st.markdown(
        "Write these ten recovery codes down and keep them where you keep important papers. Each opens your account once, "
        "in place of the app's code, for example when the phone is lost. **They are shown only now.**"
    )
    st.code("\n".join(codes), language=None)
    if st.button("I have kept them", type="primary", key="codes_kept"):
        st.session_state.pop("recovery_codes", None)
        try:
            log_in_browser(sessions.renew(person, token=token, user_agent=visitor()["user_agent"]), stay=True)
        except ServiceError as error:
            show_error(error)


def _switched_on(person: Person, token: str, status: two_factor.Status) -> None:
    left = status.recovery_codes_left
    with st.container(gap="xxsmall"):
        st.markdown(":green-badge[:material/check_circle: switched on]")
        st.caption(f"Since {format_date(status.enabled_since)}. {left} recovery code{'' if left == 1 else 's'} left.")
    with st.expander("New recovery codes", icon=":material/password:"):
        st.caption("The old ones stop working.")
        code = _code_form("renew", "Code of the app, or a recovery code", "Make new codes")
        if code is not None and (codes := _tried("renew", two_factor.new_recovery_codes, person, code=code)):
            st.session_state["recovery_codes"] = codes
            st.rerun()
    if status.required:
        return
    with st.expander("Switch it off", icon=":material/no_encryption:"):
        code = _code_form("disable", "Code of the app, or a recovery code", "Switch it off")
        if code is not None:
            _tried("disable", two_factor.disable, person, code=code, token=token)
            if "disable_errors" not in st.session_state:
                st.rerun()


def _code_form(name: str, label: str, action: str) -> str | None:
    """The code that was typed, when it was sent."""
    errors: dict[str, str] = st.session_state.get(f"{name}_errors", {})
    with st.form(f"{name}_form", border=False):
        with field({f"{name}_code": sentence for sentence in errors.values()}, f"{name}_code"):
            code = st.text_input(label, key=f"{name}_code", autocomplete="one-time-code", max_chars=40, width=320)
        return code if st.form_submit_button(action, type="primary") else None


def _tried(name: str, service, person: Person, **more):
    """What the service gives back; a mistake is shown under the field in the next run."""
    try:
        answer = service(person, **more)
    except ValidationError as error:
        st.session_state[f"{name}_errors"] = error.fields
        st.rerun()
    except ServiceError as error:
        show_error(error)
        return None
    st.session_state.pop(f"{name}_errors", None)
    return answer
