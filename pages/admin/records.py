"""Diagnosis records: filter, read, and take them away as CSV. Patients are numbers here, not names."""

from urllib.parse import urlencode

import streamlit as st

from pages._parts import caution, empty_state, preferences, show_error
from pages._session import require_role
from services import body_sites, records
from services.errors import ValidationError
from services.words import percent_range

admin = require_role("admin")

heading = st.empty()

with st.container(horizontal=True, vertical_alignment="bottom"):
    # Every choice is in the address too, so that it survives a refresh.
    kept = {"bind": "query-params", "width": 165}
    one_of = kept | {"index": None, "placeholder": "All", "format_func": str.capitalize, "filter_mode": None}
    day = kept | {"value": None, "format": preferences().typed}
    diagnosis = st.selectbox("Diagnosis", ("benign", "uncertain", "malignant"), key="diagnosis", **one_of)
    confidence = st.selectbox("Confidence", ("high", "medium", "low"), key="confidence", **one_of)
    since = st.date_input("Visit since", key="since", **day)
    until = st.date_input("Visit until", key="until", **day)
    patient_id = st.number_input("Patient number", value=None, min_value=1, step=1, key="patient_id", **kept)

asked = {"diagnosis": diagnosis, "confidence": confidence, "since": since, "until": until, "patient_id": patient_id}
wanted = records.RecordFilter(**asked)
try:
    found = records.list_records(admin, filter=wanted, page=st.session_state.get("page", 1), size=50)
except ValidationError as error:
    heading.title("Diagnosis records", anchor=False)
    show_error(error)
    st.stop()

filtered = " match" if any(asked.values()) and found.total != 1 else " matches" if any(asked.values()) else ""
heading.title(f"{found.total} diagnosis record{'' if found.total == 1 else 's'}{filtered}", anchor=False)

if not found.items:
    if filtered:
        empty_state("No record matches", "Take a filter away, or widen the dates.", icon=":material/filter_alt_off:")
    else:
        empty_state("No diagnosis yet", "A record appears here for every photo that was analysed.", icon=":material/table:")
    st.stop()

st.link_button(
    f"Download {'all ' if found.total > 1 else ''}{found.total} as CSV",
    "/export/diagnoses.csv?" + urlencode({name: value for name, value in asked.items() if value}),
    icon=":material/download:",
    type="primary",
)
st.dataframe(
    [
        {
            "Visit": record.visited_on,
            "Patient": record.patient_id,
            "Mole": record.lesion_name,
            "Body site": body_sites.label(record.body_site),
            "Diagnosis": record.diagnosis,
            "Probability": percent_range(record.malignant_probability, record.interval_low, record.interval_high),
            "Confidence": record.confidence,
            "Area": preferences().area(record),
            "Outline": record.chosen_model,
            "Expected Dice": record.expected_dice,
            "Time": record.elapsed_ms / 1000,
        }
        for record in found.items
    ],
    hide_index=True,
    column_config={
        "Visit": st.column_config.DateColumn(format="D MMM YYYY"),
        "Patient": st.column_config.NumberColumn(format="%d"),
        "Probability": st.column_config.TextColumn("Probability of malignancy", help="With its range, for reference only"),
        "Expected Dice": st.column_config.NumberColumn(format="%.2f", help="Overlap to expect with an expert's outline, 0 to 1"),
        "Time": st.column_config.NumberColumn("Analysis took", format="%.1f s"),
    },
    alt="Diagnosis records, one row an analysis",
)
if found.count > 1:
    st.pagination(found.count, key="page")
caution()
