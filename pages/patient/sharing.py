"""Who can see my moles: share with a doctor by e-mail, and take it back at once."""

import streamlit as st

from pages import _share as share_parts
from pages._parts import field, show_error
from pages._session import require_role
from services import sharing
from services.errors import ServiceError, ValidationError

person = require_role("patient")
grants = sharing.list_grants(person)


def title() -> str:
    if not grants:
        return "Only you can see your moles"
    return "1 doctor can see your moles" if len(grants) == 1 else f"{len(grants)} doctors can see your moles"


st.title(title(), anchor=False)
st.markdown(
    "A doctor you share with sees all your moles, photos and findings, and can write notes that you read. You can stop it at any time."
)

share_parts.grants(person, grants)

st.subheader("Share with a doctor", anchor=False)
# What was refused, and the address it was refused for, stay until the next try.
errors: dict[str, str] = st.session_state.get("share_errors", {})
doctors = {doctor.email: f"{doctor.full_name}, {doctor.email}" for doctor in sharing.list_doctors(person)}
with st.form("share", border=False):
    picked = None
    if doctors:
        picked = st.selectbox(
            "Pick a doctor", list(doctors), index=None, format_func=doctors.get, placeholder="Choose by name", key="share_doctor",
            help="Doctors who let patients find them here.",
        )
    label = "or type the doctor's e-mail" if doctors else "The doctor's e-mail"
    with field(errors, "doctor_email"):
        typed = st.text_input(label, key="share_email", autocomplete="off", help="The address the doctor logs in with.")
    email = typed if typed.strip() else picked or ""
    asked = st.form_submit_button("Share", key="share_now", type="primary", icon=":material/person_add:")
if asked:
    st.session_state["share_errors"] = {}
    try:
        sharing.share_with(person, doctor_email=email)
        st.rerun()
    except ValidationError as error:
        st.session_state["share_errors"] = error.fields
        st.rerun()
    except ServiceError as error:
        show_error(error)
if errors.get("doctor_email") == sharing.NO_DOCTOR:
    st.markdown(
        "Your doctor may not be here yet. We can send an e-mail that asks them to sign up; it names you, and opens nothing by itself."
    )
    if st.button("Invite them by e-mail", key="invite", icon=":material/outgoing_mail:"):
        try:
            sharing.invite(person, doctor_email=email)
            st.session_state["share_errors"] = {}
            st.toast("The invitation is on its way. Once they are confirmed, share with them here.", icon=":material/mail:")
        except ValidationError as error:
            show_error(error)

share_parts.links(person)
