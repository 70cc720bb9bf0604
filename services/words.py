"""Dates and sizes in the form a person chose: the same words on pages and in reports."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from services.views import DiagnosisRecord, Finding, Person

UNITS: dict[str, str] = {"mm": "Millimetres", "inch": "Inches"}
DATE_STYLES: dict[str, str] = {
    "en-GB": "12 March 2026", "en-US": "March 12, 2026", "de": "12. März 2026", "fr": "12 mars 2026", "es": "12 de marzo de 2026",
    "it": "12 marzo 2026", "iso": "2026-03-12",
}
"""Code -> an example of it."""
_TYPED = {"en-US": "MM/DD/YYYY", "de": "DD.MM.YYYY", "iso": "YYYY-MM-DD"}
MM_PER_INCH = 25.4
_ENGLISH = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_MONTHS = {
    "de": ("Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November", "Dezember"),
    "fr": ("janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre", "décembre"),
    "es": (
        "enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre",
    ),
    "it": (
        "gennaio", "febbraio", "marzo", "aprile", "maggio", "giugno", "luglio", "agosto", "settembre", "ottobre", "novembre", "dicembre",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Preferences:
    """How a person reads dates and sizes."""

    units: str = "mm"
    """One of UNITS."""
    date_style: str = "en-GB"
    """One of DATE_STYLES."""

    @classmethod
    def of(cls, person: Person) -> Preferences:
        return cls(person.units, person.date_style)

    @classmethod
    def of_browser(cls, locale: str | None) -> Preferences:
        """Of somebody who has not said it yet, by their browser's language: only Americans write the month first."""
        return cls(date_style="en-US" if locale == "en-US" else "en-GB")

    @property
    def typed(self) -> str:
        """In which order a date is typed, e.g. DD/MM/YYYY."""
        return _TYPED.get(self.date_style, "DD/MM/YYYY")

    def date(self, day: date | datetime) -> str:
        if isinstance(day, datetime):
            day = day.astimezone().date()
        month = self._month(day)
        match self.date_style:
            case "iso":
                return f"{day:%Y-%m-%d}"
            case "en-US":
                return f"{month} {day.day}, {day.year}"
            case "de":
                return f"{day.day}. {month} {day.year}"
            case "es":
                return f"{day.day} de {month} de {day.year}"
            case _:
                return f"{day.day} {month} {day.year}"

    def short_date(self, day: date) -> str:
        """With the month's first three letters, for lists and axes."""
        month = self._month(day)
        return self.date(day).replace(month, month[:3])

    def month(self, day: date) -> str:
        """Without the day, for axes: Mar 2026, or 2026-03."""
        return f"{day:%Y-%m}" if self.date_style == "iso" else f"{self._month(day)[:3]} {day.year}"

    def _month(self, day: date) -> str:
        return _MONTHS.get(self.date_style, _ENGLISH)[day.month - 1]

    def length(self, mm: float) -> str:
        return f"{mm / MM_PER_INCH:.2g} in" if self.units == "inch" else f"{digits(mm)} mm"

    def shown_in(self, unit: str) -> tuple[float, str]:
        """What a number of this unit is multiplied by for this reader, and the unit's name then; only mm and mm² change."""
        power = {"mm": 1, "mm²": 2}.get(unit)
        if power is None or self.units != "inch":
            return 1.0, unit
        return MM_PER_INCH**-power, unit.replace("mm", "in")

    def area(self, finding: Finding | DiagnosisRecord) -> str:
        """In the person's unit where the photo carries a scale, otherwise as a part of the frame."""
        if finding.area_mm2 is not None:
            factor, unit = self.shown_in("mm²")
            return f"{digits(finding.area_mm2 * factor)} {unit}"
        return f"{100 * finding.area_fraction:.3g} % of the frame"


def digits(value: float) -> str:
    """Three digits, and never as a power of ten: 0.0791, 12.4, 1800."""
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def percent(fraction: float) -> str:
    """A probability for reading, never a false 0 % or 100 %."""
    if fraction < 0.01:
        return "under 1 %"
    if fraction > 0.99:
        return "over 99 %"
    return f"{fraction:.0%}".replace("%", " %")


def percent_range(fraction: float, low: float, high: float) -> str:
    """E.g. "3 % (1 to 8 %)"."""
    return f"{percent(fraction)} ({percent(low).removesuffix(' %')} to {percent(high)})"


def headline(finding: Finding) -> str:
    """The answer in one line, e.g. "Benign, high confidence"."""
    if finding.diagnosis == "uncertain":
        return "Uncertain: the networks cannot tell"
    return f"{finding.diagnosis.capitalize()}, {finding.confidence} confidence"


CAUTION = (
    "A reference and follow-up aid, not a medical device. See a doctor about any discomfort or suspicious change, whatever this says."
)
