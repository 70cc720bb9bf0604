"""The body map: figures of front and back with a person's moles on them. Tap a mole to open it, or the skin to add one there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import streamlit as st

from pages._parts import STATES
from services import body_figure
from services.body import Figure, PlacedMole
from services.body_figure import VIEWS, MapPoint
from services.body_sites import BODY_SITES

HERE = Path(__file__).parent
HINT = "Tap the figure where the mole is."
HINT_WITH_MOLES = "Tap a mole to open it, or the figure to add one."
# From the front a person's right is on the left of the picture, from behind on the right.
SIDES = {"front": ("right", "left"), "back": ("left", "right")}


def body_map(
    moles: Sequence[PlacedMole],
    *,
    figure: Figure,
    on_open: Callable[[int], None] | None = None,
    on_place: Callable[[MapPoint], None] | None = None,
    place_label: str = "Add a mole here",
    pin: MapPoint | None = None,
    key: str = "body_map",
) -> None:
    """Draw the map; the most urgent moles come first in `moles`.

    `on_open` is called with the number of the mole that was tapped, `on_place` with the point that was chosen; without it
    nothing can be placed. `pin` marks a point. Keyboards and screen readers need a list of the same moles beside the map.
    """
    shown = [_mole(placed, figure) for placed in moles if placed.place]
    # Registered here, not at import: the component registry belongs to the running server.
    component = st.components.v2.component(
        "moletrail_body_map", html=_html(), css=(HERE / "_body_map.css").read_text(), js=(HERE / "_body_map.js").read_text()
    )
    told = component(
        data={
            "skin": figure.skin,
            "views": {view: _view(view, figure.build) for view in VIEWS},
            "names": VIEWS,
            "zones": BODY_SITES,
            "moles": shown,
            "pin": _point(pin, figure) if pin else None,
            "first_view": pin.view if pin else shown[0]["view"] if shown else next(iter(VIEWS)),
            "place_label": place_label if on_place else None,
            "hint": HINT_WITH_MOLES if shown and on_open else HINT,
        },
        on_open_change=lambda: None,
        on_place_change=lambda: None,
        key=key,
    )
    if told.open and on_open:
        on_open(int(told.open))
    if told.place and on_place:
        on_place(body_figure.unstretched(MapPoint(told.place["view"], told.place["x"], told.place["y"]), figure.build))


def mole_label(placed: PlacedMole) -> str:
    """E.g. "Left shoulder, changed: Grew 24 % since May"."""
    return f"{placed.mole.name}, {STATES[placed.standing.state].word}: {placed.standing.reason}"


def _mole(placed: PlacedMole, figure: Figure) -> dict[str, object]:
    return {
        "id": placed.mole.id, "state": placed.standing.state, "label": mole_label(placed),
        **_point(placed.place, figure),
    }


def _point(place: MapPoint, figure: Figure) -> dict[str, object]:
    drawn = body_figure.stretched(place, figure.build)
    return {"view": drawn.view, "x": round(drawn.x, 4), "y": round(drawn.y, 4)}


def _view(view: str, build: str) -> dict[str, object]:
    drawn = body_figure.drawn(view, build)
    return {"outline": drawn.outline, "marks": drawn.marks, "zones": drawn.zones}


def _html() -> str:
    stages = "".join(
        f'<div class="stage" data-view="{view}"><svg aria-hidden="true"></svg>'
        f'<span class="side l" aria-hidden="true">{left}</span><span class="side r" aria-hidden="true">{right}</span>'
        f'<span class="name" aria-hidden="true">{VIEWS[view]}</span><div class="points"></div>'
        '<div class="zoom"><button type="button" class="nearer" aria-label="Nearer" tabindex="-1">+</button>'
        '<button type="button" class="farther" aria-label="Farther away" tabindex="-1">−</button></div>'
        '<div class="crowd" hidden></div></div>'
        for view, (left, right) in SIDES.items()
    )
    tabs = "".join(f'<button type="button" class="tab" data-view="{view}">{name}</button>' for view, name in VIEWS.items())
    return (
        '<div class="map" role="group" aria-label="Body map; the list on this page holds the same moles">'
        f'<div class="tabs">{tabs}</div><div class="stages">{stages}</div>'
        '<div class="foot"><span class="say" aria-live="polite"></span><button type="button" class="add" hidden></button></div></div>'
    )
