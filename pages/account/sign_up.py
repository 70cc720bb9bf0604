"""Sign up as a patient, or ask for a doctor's account. Each mistake is a sentence under its field; what was typed stays."""

import streamlit as st

from pages._pages import PAGES
from pages._parts import field, go, preferences, show_error
from pages._session import current_person, log_in_browser, visitor, way_home
from pages._words import plain
from pages.account import _provider
from services import accounts, email_links, external, profile
from services.errors import ServiceError, ValidationError
from services.fields import OLDEST_YEARS, Details, today

if person := current_person():
    st.title(f"You are logged in as {person.full_name}", anchor=False)
    st.markdown("Log out first to sign up someone else.")
    way_home(person)
    st.stop()

if waiting := st.session_state.get("asked_for_doctor"):
    st.title("Your account waits for an admin", anchor=False)
    st.markdown(f"A doctor's account opens once an admin has confirmed it. Until then you cannot log in as **{plain(waiting)}**.")
    if st.button("Back to log in", icon=PAGES["log-in"].icon, key="back_to_log_in"):
        go("log-in")
    st.stop()

if st.session_state.get("browser_refused"):
    go("log-in")  # the account is made, and that page says what the browser did not take

errors: dict[str, str] = st.session_state.get("sign_up_errors", {})
claims = _provider.claims()
identity = None

st.title("Sign up", anchor=False)
if claims:
    try:
        identity = external.identity_of(claims)
        st.markdown(f"You come in as **{plain(identity.email)}**. A few fields are left; you need no password here.")
        st.session_state.setdefault("sign_up_first_name", identity.first_name)
        st.session_state.setdefault("sign_up_surname", identity.surname)
    except ServiceError as error:
        show_error(error)
    _provider.leave()


def text(name: str, label: str, autocomplete: str, **more) -> str:
    with field(errors, name):
        return st.text_input(label, key=f"sign_up_{name}", autocomplete=autocomplete, **more)


with st.form("sign_up", border=False):
    if identity is None:
        with field(errors, "role"):
            role = st.radio(
                "I am a",
                ["patient", "doctor"],
                format_func=str.capitalize,
                captions=["I follow my own moles.", "Patients show me theirs. An admin confirms this account first."],
                key="sign_up_role",
            )

    st.subheader("You", anchor=False)
    first_name = text("first_name", "First name", "given-name")
    surname = text("surname", "Surname", "family-name")
    with field(errors, "sex"):
        sex = st.selectbox(
            "Sex", list(accounts.SEXES), index=None, format_func=lambda code: accounts.SEXES[code],
            placeholder="Choose", filter_mode=None, key="sign_up_sex",
        )
    with field(errors, "birth_date"):
        birth_date = st.date_input(
            "Birth date",
            value=None,
            min_value=today().replace(year=today().year - OLDEST_YEARS, day=1),
            max_value=today(),
            format=preferences().typed,
            help="You can type it too.",
            key="sign_up_birth_date",
        )

    st.subheader("Where you live", anchor=False)
    address = text("address", "Address", "address-line1")
    second_address = text("second_address", "Second address (optional)", "address-line2")
    zip_code = text("zip_code", "ZIP code", "postal-code")
    city = text("city", "City", "address-level2")
    state = text("state", "State", "address-level1")

    if identity is None:
        st.subheader("How you log in", anchor=False)
        email = text("email", "E-mail", "email")
        st.caption("A password has 8 to 128 characters, any you like; three or four random words are good. Common ones are refused.")
        password = text("password", "Password", "new-password", type="password")
    asked = st.form_submit_button("Sign up", type="primary", width="stretch")
    if errors:
        again = ", ".join(accounts.FIELDS.get(name, name) for name in errors)
        st.error(f"Please look again at: {again}. No account was made yet; what you typed is still here.", icon=":material/error:")

if st.button("I have an account. Log in", icon=PAGES["log-in"].icon, width="stretch", key="to_log_in"):
    go("log-in")

if asked:
    details = Details(
        first_name=first_name, surname=surname, address=address, second_address=second_address, city=city, state=state,
        zip_code=zip_code, sex=sex or "", birth_date=birth_date,
    )  # fmt: skip
    try:
        if identity:
            person = external.sign_up(claims, details=details)
        else:
            person = accounts.sign_up(
                role=role, email=email, password=password, details=details, client_address=visitor()["client_address"]
            )
        st.session_state.pop("sign_up_errors", None)
        email_links.ask_verification(email=person.email)
        if person.account_state == "active":
            shown = preferences()
            profile.change_preferences(person, units=shown.units, date_style=shown.date_style, reminder_emails=False)
        if identity:
            log_in_browser(external.log_in(claims, user_agent=visitor()["user_agent"]))
        elif person.account_state == "active":
            log_in_browser(accounts.log_in(email=email, password=password, **visitor()))
        else:
            st.session_state["asked_for_doctor"] = person.email
            st.rerun()
    except ValidationError as error:
        st.session_state["sign_up_errors"] = error.fields
        st.rerun()
    except ServiceError as error:
        show_error(error)
