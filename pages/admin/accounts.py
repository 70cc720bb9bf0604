"""Accounts: who waits for an admin, then everybody, with what can be changed."""

import streamlit as st

from pages._parts import empty_state, field, format_date, show_error
from pages._session import require_role
from pages._words import plain
from services import accounts, two_factor
from services.errors import ServiceError, ValidationError
from services.views import Person

admin = require_role("admin")

ROLES = ("patient", "doctor", "admin")
STATES = {
    "active": ("active", ":material/check_circle:", "green"),
    "pending": ("waits", ":material/schedule:", "orange"),
    "disabled": ("disabled", ":material/block:", "gray"),
}


def change(done: str, service, person: Person, **more) -> None:
    """Call one service for one account; the next run says what came of it."""
    try:
        service(admin, user_id=person.id, **more)
        st.session_state["done"] = done
    except ServiceError as error:
        st.session_state["refused"] = str(error)


@st.dialog("Are you sure?")
def ask_first(question: str, label: str, done: str, service, person: Person, **more) -> None:
    st.markdown(question)
    if st.button(label, type="primary", key="sure", on_click=change, args=(done, service, person), kwargs=more):
        st.rerun()


def choices(person: Person) -> dict[str, tuple]:
    """What can be done with this account: label -> what to ask first, what to say after, the service and what more it takes."""
    name = person.full_name
    if person.account_state == "disabled":
        offered = {"Enable": (f"{name} can log in again.", f"{name} can log in again.", accounts.enable_account, {})}
    else:
        lost = f"{name} is logged out everywhere and cannot log in. Nothing is deleted."
        offered = {"Disable": (lost, f"{name} is disabled.", accounts.disable_account, {})}
    lost = f"{name} logs in with the password alone until they set it up again, and is logged out everywhere."
    offered["Reset second step"] = (lost, f"The second step of {name} is reset.", two_factor.reset_for, {})
    for role in ROLES:
        if role != person.role:
            asked = f"{name} becomes {role}, and is logged out everywhere."
            offered[f"Make {role}"] = (asked, f"{name} is {role} now.", accounts.set_role, {"role": role})
    return offered


def words(person: Person) -> None:
    st.markdown(f"**{plain(person.full_name)}**  \n{plain(person.email)}")


waiting = accounts.list_accounts(admin, state="pending", page=1, size=25)
match waiting.total:
    case 0:
        st.title("No account waits for you", anchor=False)
    case 1:
        st.title("1 account waits for you", anchor=False)
    case more:
        st.title(f"{more} accounts wait for you", anchor=False)
if sentence := st.session_state.pop("refused", None):
    st.error(sentence, icon=":material/error:")
if sentence := st.session_state.pop("done", None):
    st.toast(sentence, icon=":material/check:")

for person in waiting.items:
    with st.container(horizontal=True, vertical_alignment="center", key=f"waiting_{person.id}"):
        with st.container(width="stretch"):
            words(person)
            st.caption(f"Asked for a doctor's account on {format_date(person.created_at)}")
        with st.container(horizontal=True, width="content"):
            done = f"{person.full_name} can log in as a doctor now."
            confirm = {"on_click": change, "args": (done, accounts.confirm_doctor, person)}
            st.button("Confirm", type="primary", icon=":material/check:", key=f"confirm_{person.id}", **confirm)
            refused = st.button("Refuse", key=f"refuse_{person.id}")
        if refused:
            question = f"{person.full_name} cannot log in. The account stays, disabled."
            ask_first(question, "Refuse", f"{person.full_name} is refused.", accounts.disable_account, person)

st.header("All accounts", anchor=False)
with st.container(horizontal=True, vertical_alignment="bottom"):
    one_of = {"index": None, "placeholder": "All", "format_func": str.capitalize, "filter_mode": None, "bind": "query-params", "width": 165}
    search = st.text_input("Name or e-mail", type="search", key="search", width=300)
    role = st.selectbox("Role", ROLES, key="role", **one_of)
    state = st.selectbox("State", tuple(STATES), key="state", **one_of)

found = accounts.list_accounts(admin, search=search, role=role, state=state, page=st.session_state.get("page", 1), size=25)
st.caption(f"{found.total} account{'' if found.total == 1 else 's'}")

if not found.items:
    empty_state("Nobody found", "No account matches. Try fewer letters, or another role or state.", icon=":material/search_off:")
for person in found.items:
    with st.container(horizontal=True, vertical_alignment="center", key=f"account_{person.id}"):
        with st.container(width="stretch"):
            words(person)
        with st.container(horizontal=True, width="content", vertical_alignment="center"):
            st.badge(person.role, color="gray")
            word, icon, color = STATES[person.account_state]
            st.badge(word, icon=icon, color=color)
            chosen = None
            if person.id != admin.id:
                chosen = st.menu_button("Change", list(choices(person)), key=f"change_{person.id}")
            if chosen:
                question, done, service, more = choices(person)[chosen]
                ask_first(question, chosen, done, service, person, **more)
if found.count > 1:
    st.pagination(found.count, key="page")

with st.expander("Create a doctor's account", icon=":material/person_add:"), st.form("create_doctor", border=False):
    errors: dict[str, str] = st.session_state.get("create_doctor_errors", {})
    typed: dict[str, str] = {}
    labels = {"first_name": "First name", "surname": "Surname", "email": "E-mail", "password": "First password, 8 to 128 characters"}
    for name, label in labels.items():
        with field(errors, name):
            kind = "password" if name == "password" else "default"
            typed[name] = st.text_input(label, type=kind, key=f"create_{name}", autocomplete="off")
    if st.form_submit_button("Create the account", type="primary"):
        st.session_state["create_doctor_errors"] = {}
        try:
            doctor = accounts.create_doctor(admin, **typed)
            st.session_state["done"] = f"{doctor.full_name} can log in now."
        except ValidationError as error:
            st.session_state["create_doctor_errors"] = error.fields
        except ServiceError as error:
            show_error(error)
        st.rerun()
