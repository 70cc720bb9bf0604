"""One mole, as whoever holds a read-only link sees it: no log-in, no name, nothing to change."""

import streamlit as st

from pages._finding import finding_badge
from pages._parts import caution, empty_state, format_date, image
from pages._session import link_token, visitor
from pages._words import area_words
from services import mole_links
from services.errors import NotFound
from services.words import headline, percent_range

MOST = 12

client_address = visitor()["client_address"]
try:
    if mole_links.must_wait(client_address=client_address):
        raise NotFound("Too many links that do not work were tried from here. Please wait a while, then open yours again.")
    mole = mole_links.shared_mole(token=link_token(mole_links.PAGE), client_address=client_address)
except NotFound as error:
    st.title("This link shows nothing", anchor=False)
    empty_state("Nothing to show here", str(error), icon=":material/link_off:")
    st.stop()

st.title(f"A mole, {mole.body_site_label.lower()}", anchor=False)
st.caption(f"Shown by its owner until {format_date(mole.expires_at)}. Nothing can be changed here.")
visits = [visit for visit in reversed(mole.visits) if visit.photo]
if not visits:
    st.markdown("There is no photo of it yet.")
for visit in visits[:MOST]:
    finding = visit.finding
    st.subheader(format_date(visit.visited_on), anchor=False)
    pictures = st.columns(2)
    with pictures[0]:
        image(f"/share/{visit.photo.id}/large.jpg", None, f"Photo of {format_date(visit.visited_on)}")
    if visit.photo.finding:
        with pictures[1]:
            image(f"/share/{visit.photo.id}/overlay.jpg", None, "The same photo with the lesion outlined")
    if finding is None:
        st.markdown("This photo could not be measured.")
        continue
    finding_badge(finding)
    probability = percent_range(finding.malignant_probability, *finding.interval)
    st.markdown(f"{headline(finding)}. Probability of malignancy **{probability}**, for reference only.")
    st.markdown(f"Area {area_words(finding)}.")
if len(visits) > MOST:
    st.caption(f"The newest {MOST} of {len(visits)} visits.")
caution()
