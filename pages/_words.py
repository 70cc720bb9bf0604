"""Words that patient and doctor pages share: what people typed, dates, areas, bands."""

from __future__ import annotations

import re
from datetime import date

from pages._parts import preferences
from services import photos
from services.errors import ServiceError
from services.fields import today
from services.views import Finding, VisitView
from services.words import headline, percent


def plain(text: str) -> str:
    """What a person typed, safe inside Markdown: no link, picture or formatting comes of it."""
    unlinked = re.sub(r"(://|@|www(?=\.))", "\\1\u2060", " ".join(text.split()), flags=re.IGNORECASE)
    return re.sub(r"([\\`*_{}\[\]()<>#+\-.!|~:$&@/])", r"\\\1", unlinked)


def short_date(day: date) -> str:
    return preferences().short_date(day)


def place(name: str, body_site_label: str) -> str:
    """Where a mole of this name is; empty where it is called just that, so that nothing is said twice."""
    return "" if name.casefold() == body_site_label.casefold() else body_site_label


def joined(*parts: str) -> str:
    """What there is of these, separated by commas, the first with a capital letter."""
    words = ", ".join(part for part in parts if part)
    return words[:1].upper() + words[1:]


def ago(day: date) -> str:
    """How long since, in the unit a person would use."""
    days = (today() - day).days
    if days < 2:
        return "yesterday" if days == 1 else "today"
    for least, length, unit in ((730, 365, "years"), (60, 30, "months"), (14, 7, "weeks")):
        if days >= least:
            return f"{days // length} {unit} ago"
    return f"{days} days ago"


def area_words(finding: Finding) -> str:
    return preferences().area(finding)


def interval_words(finding: Finding) -> str:
    """E.g. "3 % (1 to 8)"."""
    low, high = (percent(edge).removesuffix(" %") for edge in finding.interval)
    return f"{percent(finding.malignant_probability)} ({low} to {high})"


def brief(finding: Finding) -> str:
    """The answer without its explanation, for lists and titles."""
    return headline(finding).split(":")[0]


def waits_for_reader(visit: VisitView) -> bool:
    """Whether the reader, a doctor, is to judge its photo before they are told the answer."""
    return visit.photo is not None and visit.photo.unjudged


def said(visit: VisitView) -> str:
    """A visit in two or three words."""
    if visit.finding:
        return brief(visit.finding)
    if waits_for_reader(visit):
        return "For you to judge"
    return "Photo refused" if visit.photo and not visit.photo.accepted else "Not measured"


def bands() -> tuple[tuple[float, float, str, str], ...]:
    """How the networks in use read a probability; nothing where they cannot be loaded, so that what is stored still shows."""
    try:
        return photos.bands()
    except ServiceError:
        return ()
