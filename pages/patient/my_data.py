"""My data: download it in every form, what is in the bin, the consent, and erasing everything."""

import streamlit as st

from pages._parts import format_date, link
from pages._session import require_role
from pages.account import _erase
from services import consent

person = require_role("patient")
agreed = consent.state(person)

st.title("Everything here belongs to you", anchor=False)

st.header("Download", anchor=False)
st.markdown("All photos, outlines, findings and every other row about you, with a report to read, in one file.")
st.link_button("Download everything (ZIP)", "/my-data.zip", icon=":material/folder_zip:", type="primary", width="stretch")
grid = st.grid(min_column_width=300)
for words, address, icon in (
    ("Report to print (PDF)", "/report.pdf", ":material/picture_as_pdf:"),
    ("Findings for a spreadsheet (XLSX)", "/my-data.xlsx", ":material/table:"),
    ("Findings (CSV)", "/my-data.csv", ":material/csv:"),
    ("Findings for a doctor's system (FHIR)", "/my-data.fhir.json", ":material/clinical_notes:"),
    ("Photos for a doctor's system (DICOM)", "/my-data.dicom.zip", ":material/medical_information:"),
):
    with grid.cell():
        st.link_button(words, address, icon=icon, width="stretch")
st.caption("A report of one mole is on the mole's own page. Each download is written down in the audit trail.")

st.header("Consent", anchor=False)
if agreed.in_force:
    st.markdown(f"You agreed on {format_date(agreed.accepted_at)} to what is done with your photos. You can withdraw that at any time.")
else:
    st.markdown("You have not agreed to the text in force, so no photo is taken in.")
link("consent", "Read it, or withdraw", icon=":material/handshake:")

st.header("Bin", anchor=False)
st.markdown("What you deleted can be taken back for 30 days.")
link("bin", "Open the bin", icon=":material/delete:")

_erase.draw(person)
