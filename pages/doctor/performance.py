"""How the networks do at this clinic, by what doctors and laboratories said of the same moles."""

from datetime import date

import pandas as pd
import streamlit as st

from pages import _performance as parts
from pages._charts import CONFIG
from pages._parts import caution, empty_state
from pages._session import require_role
from pages._table import table
from services import performance
from services.body_sites import REGIONS
from services.performance import CALLS, FEWEST, Share

HELD_FOR = {True: "Held for malignant", False: "Held for benign"}


def short(share: Share) -> str:
    return "unknown" if share.value is None else f"{100 * share.value:.0f} %"


person = require_role("doctor", "admin")
found = performance.performance(person)
whole = found.whole
whose = "all patients" if person.role == "admin" else "the patients who share with you"

if not found.enough:
    st.title("Too few reviews to say how the networks do", anchor=False)
    empty_state(
        f"{whole.n} of {FEWEST} moles",
        f"The calls of the networks are compared with reviews and laboratory results of {whose}. From {FEWEST} judged moles on, "
        "sensitivity, specificity and calibration stand here.",
        icon=":material/monitoring:",
    )
    st.stop()

st.title(f"Sensitivity {short(whole.sensitivity)}, specificity {short(whole.specificity)}, over {whole.n} moles", anchor=False)
st.markdown(
    f"Over {whose}: the newest judged photo of each mole. A mole is malignant or benign by the laboratory where it said so "
    f"({found.by_laboratory} of {whole.n}), else by the newest review. Intervals are 95 % (Wilson)."
)
st.caption(
    f":material/info: {found.blind} of {whole.n} were judged before the doctor saw the networks' call; who saw it agrees more easily. "
    "Moles that were reviewed are no chance sample of all moles. “Uncertain” is no call, and counts as a miss."
)

left, right = st.columns(2, gap="large")
with left:
    st.subheader("Calls and what the moles are held for", anchor=False)
    # A table of two by three stays one on a phone too: it is read along and down.
    confusion = [{"Call": call.capitalize()} | {words: str(found.table[call, held]) for held, words in HELD_FOR.items()} for call in CALLS]
    confusion.append({"Call": "All"} | {words: str(sum(found.table[call, held] for call in CALLS)) for held, words in HELD_FOR.items()})
    st.table(
        pd.DataFrame(confusion), border="horizontal", hide_index=True, alt="Calls of the networks against what the moles are held for"
    )
    st.markdown(
        f"Sensitivity **{parts.share_words(whole.sensitivity)}**  \nSpecificity **{parts.share_words(whole.specificity)}**"
    )
with right:
    st.subheader("Calibration", anchor=False)
    st.plotly_chart(parts.calibration(found.bins), config=CONFIG, key="calibration", alt="Probability against the share held for malignant")
    st.caption("On the dotted line, the probabilities are right. Bars are the intervals of each tenth of the scale.")

st.subheader("Month by month", anchor=False)
st.plotly_chart(
    parts.drift(found.months), config=CONFIG, key="drift", alt="Sensitivity and specificity of each month; the table has the numbers"
)
with st.expander("The months as a table"):
    months = parts.rows(found.months[::-1], "Month", lambda month: f"{date.fromisoformat(month + '-01'):%B %Y}")
    table(months, label="Each month", key="months")

st.subheader("By skin type", anchor=False)
table(parts.rows(found.skin_types, "Fitzpatrick type"), label="Each skin type", key="skin_types")
st.subheader("By body site", anchor=False)
table(parts.rows(found.regions, "Body site", lambda region: REGIONS[region][0]), label="Each part of the body", key="regions")
caution()
