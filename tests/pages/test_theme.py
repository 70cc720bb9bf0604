"""Both themes keep WCAG 2.2 AA contrast, for what is read and for what is only seen."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from pages._sparkline import TEAL

CONFIG = tomllib.loads((Path(__file__).resolve().parents[2] / ".streamlit" / "config.toml").read_text())
THEMES = {name: CONFIG["theme"][name] for name in ("light", "dark")}
HUES = ("red", "orange", "yellow", "green", "blue", "violet", "gray")
READ, SEEN = 4.5, 3.0
FADED = 0.6
"""Streamlit draws captions and placeholders in the text colour at this strength."""


def rgb(color: str) -> tuple[int, int, int]:
    return tuple(int(color[i : i + 2], 16) for i in (1, 3, 5))


def luminance(color: tuple[float, ...]) -> float:
    linear = [c / 255 / 12.92 if c / 255 <= 0.03928 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in color]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """WCAG 2.2, "contrast ratio"."""
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.fixture(params=THEMES)
def theme(request) -> dict:
    return THEMES[request.param]


@pytest.mark.parametrize("ground", ["backgroundColor", "secondaryBackgroundColor"])
def test_text_links_and_captions_can_be_read(theme, ground):
    below = rgb(theme[ground])
    assert contrast(rgb(theme["textColor"]), below) >= READ
    assert contrast(rgb(theme["linkColor"]), below) >= READ
    faded = tuple(FADED * text + (1 - FADED) * back for text, back in zip(rgb(theme["textColor"]), below, strict=True))
    assert contrast(faded, below) >= READ


@pytest.mark.parametrize("hue", HUES)
def test_badges_and_messages_can_be_read(theme, hue):
    text = rgb(theme[f"{hue}TextColor"])
    assert contrast(text, rgb(theme[f"{hue}BackgroundColor"])) >= READ
    assert contrast(text, rgb(theme["backgroundColor"])) >= READ


def test_primary_button_can_be_read_and_seen(theme):
    assert contrast(rgb(theme["primaryColor"]), (255, 255, 255)) >= READ
    assert contrast(rgb(theme["primaryColor"]), rgb(theme["backgroundColor"])) >= SEEN


def test_lines_of_charts_can_be_seen(theme):
    assert [color for color in theme["chartCategoricalColors"] if contrast(rgb(color), rgb(theme["backgroundColor"])) < SEEN] == []


def test_small_lines_can_be_seen(theme):
    assert contrast(rgb(TEAL), rgb(theme["backgroundColor"])) >= SEEN


def test_upload_limit_is_the_services_own():
    from services.photos import MAX_UPLOAD_BYTES

    assert CONFIG["server"]["maxUploadSize"] * 1024 * 1024 == MAX_UPLOAD_BYTES
