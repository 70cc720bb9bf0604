"""A photo with thin lines over it: what was taken for a coin or a ruler, for the person who knows whether it is one.

A custom element, as Streamlit has none that draws over a picture of an authorised route.
"""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pages._parts import full_address, photo_address

CSS = """
.frame { position: relative; max-width: 720px; line-height: 0; }
img { width: 100%; height: auto; display: block; border-radius: 8px; }
svg { position: absolute; inset: 0; width: 100%; height: 100%; overflow: visible; }
polyline { fill: none; stroke: #ff2020; stroke-width: 2px; filter: drop-shadow(0 0 1px #fff); vector-effect: non-scaling-stroke; }
"""
HTML = '<div class="frame"><img alt=""><svg viewBox="0 0 1 1" preserveAspectRatio="none" aria-hidden="true"></svg></div>'
JS = """
export default function ({ data, parentElement }) {
  const image = parentElement.querySelector("img"), drawing = parentElement.querySelector("svg");
  if (image.getAttribute("src") !== data.address) image.src = data.address;
  image.alt = data.alt;
  drawing.replaceChildren(...data.lines.map((line) => {
    const drawn = document.createElementNS("http://www.w3.org/2000/svg", "polyline");
    drawn.setAttribute("points", line.map((point) => point.join(",")).join(" "));
    return drawn;
  }));
}
"""

Line = Sequence[tuple[float, float]]


def marked_photo(upload_id: int, lines: Sequence[Line], alt: str, *, key: str) -> None:
    """Show the photo with these lines, corners in shares of its width and height; `alt` is what a screen reader says."""
    # Registered here, not at import: the component registry belongs to the running server.
    draw = st.components.v2.component("moletrail_marked_photo", html=HTML, css=CSS, js=JS)
    draw(data={"address": full_address(photo_address(upload_id)), "alt": alt, "lines": lines}, key=key)
