"""A report to print or hand over, as PDF (A4): one mole, or everything of a patient."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

from fpdf import FPDF
from fpdf.enums import XPos, YPos

import core
from core.overlay import shrink_to
from core.photo import encode_jpeg
from db.models import Lesion, User
from services import audit, body, evolution, mapping, photos, policy, reviews, words
from services import report_plot as plot
from services.audit import Action
from services.body import PlacedMole
from services.errors import NotFound
from services.evolution import Evolution
from services.fields import today
from services.unit_of_work import reading, transaction
from services.views import Finding, Person, PhotoView, Timeline, VisitView
from services.words import Preferences

FONTS = Path(__file__).with_name("fonts")
MARGIN_MM, WIDTH_MM = 18.0, 174.0
PICTURE_PX, PICTURE_QUALITY = 700, 82
MOST_PICTURED = 6
"""So many visits of a mole, the newest, are shown with pictures; the table holds all."""
STATES = {"refer": "See a doctor", "changed": "Changed", "due": "Due", "fine": "Fine"}
NO_BREAK = "\u00a0"
CAUTION_GREY = (85, 100, 106)


def mole_report(actor: Person, *, lesion_id: int) -> bytes:
    """One mole: its owner's, or for a doctor the owner shares with."""
    with reading() as session:
        lesion = session.get(Lesion, lesion_id)
        policy.require(session, actor, Action.VIEW_REPORT, patient_id=lesion.patient_id if lesion else None)
    evolved = evolution.evolution(actor, lesion_id=lesion_id)
    pdf = _Report(evolved.timeline.patient, Preferences.of(actor))
    pdf.mole(actor, evolved)
    return _finished(actor, pdf, subject=f"lesion:{lesion_id}", patient=evolved.timeline.patient)


def whole_report(actor: Person, *, patient_id: int | None = None) -> bytes:
    """All moles of a patient: one's own, or of one who shares with this doctor."""
    whose = actor.id if patient_id is None else patient_id
    with reading() as session:
        policy.require(session, actor, Action.VIEW_REPORT, patient_id=whose)
        patient = session.get(User, whose)
        if patient is None:
            raise NotFound
        patient = mapping.person(patient)
    moles = body.overview(actor, patient_id=patient_id).moles
    pdf = _Report(patient, Preferences.of(actor))
    pdf.overview(moles)
    for placed in moles:
        if placed.mole.visit_count:
            pdf.mole(actor, evolution.evolution(actor, lesion_id=placed.mole.id))
    return _finished(actor, pdf, subject=f"user:{whose}", patient=patient)


def _finished(actor: Person, pdf: FPDF, *, subject: str, patient: Person) -> bytes:
    with transaction() as session:
        audit.record(session, actor_id=actor.id, action=Action.VIEW_REPORT, subject=subject, patient_id=patient.id)
    return bytes(pdf.output())


class _Report(FPDF):
    """The page with its head and foot, and the parts of a report in their order."""

    def __init__(self, patient: Person, preferences: Preferences) -> None:
        super().__init__(format="A4")
        self.patient, self.preferences = patient, preferences
        self.add_font("Sans", "", FONTS / "DejaVuSans.ttf")
        self.add_font("Sans", "B", FONTS / "DejaVuSans-Bold.ttf")
        self.set_margins(MARGIN_MM, 24, MARGIN_MM)
        self.c_margin = 0  # words, lines and pictures begin at one edge
        self.set_auto_page_break(True, margin=24)
        self.set_title(f"Moletrail report, {patient.full_name}")
        self.set_lang("en")
        self.set_creator("Moletrail")
        self.add_page()

    def header(self) -> None:
        self.set_xy(MARGIN_MM, 10)
        self.set_font("Sans", "", 8)
        self.set_text_color(*CAUTION_GREY)
        born = f", born {self.preferences.date(self.patient.birth_date)}" if self.patient.birth_date else ""
        self.cell(WIDTH_MM / 2, 5, f"{self.patient.full_name}{born}")
        self.cell(WIDTH_MM / 2, 5, f"Moletrail, {self.preferences.date(today())}", align="R")
        self.set_draw_color(*plot.RULE)
        self.line(MARGIN_MM, 17, MARGIN_MM + WIDTH_MM, 17)
        self.set_text_color(0)
        self.set_xy(MARGIN_MM, 24)

    def footer(self) -> None:
        self.set_y(-19)
        self.set_font("Sans", "", 7)
        self.set_text_color(*CAUTION_GREY)
        self.multi_cell(WIDTH_MM, 3.6, f"For reference only. {words.CAUTION}", align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self.cell(WIDTH_MM, 4, f"Page {self.page_no()} of {{nb}}", align="R")
        self.set_text_color(0)

    # Words

    def heading(self, text: str, size: float = 16) -> None:
        self.set_font("Sans", "B", size)
        self.multi_cell(WIDTH_MM, size * 0.5, text, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self.ln(1.5)

    def paragraph(self, text: str, *, size: float = 9.5, bold: bool = False, grey: bool = False) -> None:
        self.set_font("Sans", "B" if bold else "", size)
        self.set_text_color(*(CAUTION_GREY if grey else (0, 0, 0)))
        self.multi_cell(WIDTH_MM, size * 0.48, text, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self.set_text_color(0)

    def rows(self, heads: Sequence[str], rows: Sequence[Sequence[str]], widths: Sequence[int]) -> None:
        self.set_font("Sans", "", 8.5)
        self.set_draw_color(*plot.RULE)
        self.set_fill_color(255)
        with self.table(
            col_widths=tuple(widths), width=WIDTH_MM, align="LEFT", text_align="LEFT", borders_layout="HORIZONTAL_LINES",
            line_height=5, padding=0.8,
        ) as table:
            for cells in (heads, *rows):
                row = table.row()
                for cell in cells:
                    row.cell(cell)
        self.ln(3)

    # Parts

    def overview(self, moles: Sequence[PlacedMole]) -> None:
        self.heading("1 mole" if len(moles) == 1 else f"{len(moles)} moles")
        if not moles:
            self.paragraph("No mole is followed yet.")
            return
        self.rows(
            ("Mole", "Last visit", "Newest photo", "Probability", "How it stands"),
            [
                (
                    mole.name + (f", {mole.body_site_label.lower()}" if mole.body_site_label.casefold() != mole.name.casefold() else ""),
                    self.preferences.short_date(mole.last_visited_on) if mole.last_visited_on else "not yet",
                    words.headline(mole.last_finding) if mole.last_finding else "not measured",
                    _range(mole.last_finding) if mole.last_finding else "",
                    f"{STATES[placed.standing.state]}. {placed.standing.reason}.",
                )
                for placed in moles for mole in [placed.mole]
            ],
            (34, 24, 33, 31, 52),
        )  # fmt: skip

    def mole(self, actor: Person, evolved: Evolution) -> None:
        timeline = evolved.timeline
        if self.get_y() > 26:
            self.add_page()
        lesion = timeline.lesion
        self.start_section(lesion.name)
        self.heading(lesion.name)
        noticed = f", first noticed {self.preferences.date(lesion.first_noticed)}" if lesion.first_noticed else ""
        self.paragraph(f"{lesion.body_site_label}{noticed}", grey=True)
        if lesion.last_finding:
            finding = lesion.last_finding
            probability = words.percent_range(finding.malignant_probability, *finding.interval)
            self.ln(1)
            self.paragraph(f"{evolved.headline}.", bold=True)
            self.paragraph(f"Newest photo: {words.headline(finding)}. Probability of malignancy {probability}, for reference only.")
            if evolved.trend:
                self.paragraph(evolved.trend)
        self.ln(2)
        self.plots(evolved)
        self.said(actor, timeline)
        pictured = [visit for visit in reversed(timeline.visits) if visit.photo][:MOST_PICTURED]
        for visit in pictured:
            self.pictures(actor, visit)
        self.numbers(evolved, pictured=len(pictured))

    def plots(self, evolved: Evolution) -> None:
        """Area and probability over the visits, with their errors as bands."""
        area = evolved.area
        (probability,) = evolved.lines_of("probability")
        if not any(value is not None for value in probability.values):
            self.paragraph("No photo of this mole could be measured.")
            return
        self.make_room(58)
        top, half = self.get_y(), (WIDTH_MM - 6) / 2
        for number, (line, end) in enumerate(((area, None), (probability, 100.0))):
            points = [
                plot.Point(visit.visited_on, value, low, high)
                for visit, value, low, high in zip(evolved.visits, line.values, line.lows, line.highs, strict=True)
                if value is not None
            ]
            place = {"x": MARGIN_MM + number * (half + 6), "y": top, "width": half, "height": 54}
            if points:
                plot.draw(self, points, title=f"{line.label}, {line.unit}", top=end, date_words=self.preferences.short_date, **place)
        self.set_xy(MARGIN_MM, top + 58)

    def said(self, actor: Person, timeline: Timeline) -> None:
        """What doctors wrote, the newest first."""
        lines = []
        for visit in reversed(timeline.visits):
            day = self.preferences.date(visit.visited_on)
            for review in reviews.said_to_patient(actor, visit_id=visit.id):
                next_time = f" Next check on {self.preferences.date(review.follow_up_on)}." if review.follow_up_on else ""
                lines.append((f"{review.author}, on the visit of {day}", f"{review.words} {review.management}{next_time}".strip()))
            lines += [(f"{note.author}, on the visit of {day}", note.text) for note in visit.notes]
        if lines:
            self.heading("What the doctor said", 11)
        for who, text in lines:
            self.paragraph(who, bold=True, size=8.5)
            self.paragraph(text)
            self.ln(2)

    def pictures(self, actor: Person, visit: VisitView) -> None:
        """Photo beside outline, with what was found."""
        shown = visit.photo
        half = (WIDTH_MM - 6) / 2
        height = min(half * shown.height / shown.width, 48.0)
        self.make_room(height + 20)
        self.heading(self.preferences.date(visit.visited_on), 11)
        top = self.get_y()
        width = height * shown.width / shown.height
        self.image(BytesIO(_small(photos.photo_file(actor, upload_id=shown.id, size="large"))), MARGIN_MM, top, width, height,
                   alt_text=f"Photo of {self.preferences.date(visit.visited_on)}")  # fmt: skip
        if shown.finding:
            self.image(BytesIO(_small(photos.overlay_file(actor, upload_id=shown.id))), MARGIN_MM + half + 6, top, width, height,
                       alt_text="The same photo with the lesion outlined")  # fmt: skip
        self.set_xy(MARGIN_MM, top + height + 2)
        self.paragraph(self.found(shown), size=8.5)
        if visit.note:
            self.paragraph(f"Own note: {visit.note}", size=8.5)
        self.ln(3)

    def found(self, shown: PhotoView) -> str:
        finding = shown.finding
        if finding is None:
            return " ".join(("Not measured.", *shown.reasons))
        dice = f" Expected agreement of the outline with an expert's: Dice {finding.expected_dice:.2f}." if finding.expected_dice else ""
        scale = "" if finding.area_mm2 is not None else " (relative only: this photo carries no scale)"
        probability = words.percent_range(finding.malignant_probability, *finding.interval)
        return f"{words.headline(finding)}. Probability of malignancy {probability}. Area {self.preferences.area(finding)}{scale}.{dice}"

    def numbers(self, evolved: Evolution, *, pictured: int) -> None:
        self.make_room(30)
        self.heading("Numbers of all visits", 11)
        with_photo = sum(1 for visit in evolved.visits if visit.photo)
        if with_photo > pictured:
            self.paragraph(f"Pictures show the newest {pictured} of {with_photo} visits.", grey=True, size=8.5)
            self.ln(1)
        self.paragraph("In brackets: between which edges the number lies in 95 of 100 cases.", grey=True, size=8.5)
        self.ln(1)
        rows = [self.row(evolved, place) for place in reversed(range(len(evolved.visits)))]
        self.rows(("Date", "Area", "Longest diameter", "Probability", "Dice", "Finding"), rows, (24, 38, 38, 32, 11, 31))

    def row(self, evolved: Evolution, place: int) -> tuple[str, ...]:
        visit = evolved.visits[place]
        day, finding = self.preferences.short_date(visit.visited_on), visit.finding
        if finding is None:
            return day, "", "", "", "", "Not measured"
        return (
            day, evolved.words_of("area", visit.id), evolved.words_of("diameter", visit.id),
            _range(finding),
            f"{finding.expected_dice:.2f}" if finding.expected_dice is not None else "", words.headline(finding),
        )  # fmt: skip

    def make_room(self, height_mm: float) -> None:
        """Begin a new page where so much does not fit on this one."""
        if self.will_page_break(height_mm):
            self.add_page()


def _range(finding: Finding) -> str:
    """The probability for a narrow column: broken, if at all, before its brackets."""
    return words.percent_range(finding.malignant_probability, *finding.interval).replace(" ", NO_BREAK).replace(f"{NO_BREAK}(", " (")


def _small(jpeg: bytes) -> bytes:
    return encode_jpeg(shrink_to(core.read_photo(jpeg).rgb, PICTURE_PX), PICTURE_QUALITY)
