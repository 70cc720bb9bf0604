"""The figures of a mole's evolution, read as data: no browser."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import date, timedelta

import pytest

from pages._charts import PANEL_HEIGHT, over_visits, probability_over_visits, selected_visit, small_multiple
from services.evolution import Marker
from services.sizes import Link
from services.words import Preferences
from tests.pages import made

BANDS = (
    (0.00, 0.05, "benign", "high"), (0.05, 0.15, "benign", "medium"), (0.15, 0.60, "benign", "low"),
    (0.60, 0.85, "malignant", "low"), (0.85, 0.95, "malignant", "medium"), (0.95, 1.00, "malignant", "high"),
)


def area_over_visits(evolution):
    return over_visits(evolution, "area")


def traces(figure, name: str) -> list:
    return [trace for trace in figure.data if trace.name == name]


def drawn(trace) -> list[float | None]:
    return [None if value is None else round(value, 6) for value in trace.y]


def visits_behind(trace) -> list[int]:
    return [data[0] for data in trace.customdata]


# Area


def test_area_without_a_scale_is_a_part_of_the_frame():
    figure = area_over_visits(made.evolution(made.visits(3)))
    assert figure.layout.yaxis.title.text == "Area, % of the frame"
    (line,) = traces(figure, "measured")
    assert drawn(line) == [3.0, 3.2, 3.4]
    assert visits_behind(line) == [1, 2, 3]


def test_area_with_a_scale_is_in_square_millimetres():
    figure = area_over_visits(made.evolution(made.visits(3, with_scale=[1, 2, 3])))
    assert figure.layout.yaxis.title.text == "Area, mm²"
    (line,) = traces(figure, "measured")
    assert drawn(line) == [12.0, 12.8, 13.6]
    assert line.text[-1] == "<b>13.6 mm²</b>"


def test_millimetres_and_relative_areas_never_share_a_line():
    figure = area_over_visits(made.evolution(made.visits(4, with_scale=[3, 4])))
    in_mm2, relative = traces(figure, "measured")
    assert drawn(in_mm2) == [None, None, 13.6, 14.4]
    assert drawn(relative) == [3.0, 3.2, None, None]
    assert in_mm2.yaxis != relative.yaxis
    assert [figure.layout.yaxis.title.text, figure.layout.yaxis2.title.text] == ["Area, mm²", "Area, % of the frame"]
    assert figure.layout.height == 2 * PANEL_HEIGHT


def test_area_axis_starts_at_nothing_so_that_growth_is_not_exaggerated():
    figure = area_over_visits(made.evolution(made.visits(3)))
    assert figure.layout.yaxis.range[0] < 0 < 3.4 < figure.layout.yaxis.range[1]


# Gaps and notes


@pytest.mark.parametrize("chart", [area_over_visits, probability_over_visits])
def test_refused_photo_breaks_the_line_and_is_marked_below_the_axis(chart):
    figure = chart(made.evolution(made.visits(5, refused=[3])))
    (line,) = traces(figure, "measured")
    assert [value is None for value in line.y] == [False, False, True, False, False]
    assert line.connectgaps is False
    (gap,) = traces(figure, "gap")
    assert visits_behind(gap) == [3]
    assert gap.y[0] < 0, "a cross on or above zero could be read as a value"
    assert "Photo refused" in gap.customdata[0][1]


@pytest.mark.parametrize("chart", [area_over_visits, probability_over_visits])
def test_photo_that_the_reader_is_to_judge_is_an_open_circle_and_no_gap(chart):
    first, second = made.visits(2)
    waiting = replace(second, photos=(replace(second.photo, finding=None, unjudged=True),))
    figure = chart(made.evolution([first, waiting]))
    (sign,) = traces(figure, "waits")
    assert (visits_behind(sign), sign.marker.symbol) == ([2], "circle-open")
    assert "For you to judge" in sign.customdata[0][1]
    assert not traces(figure, "gap")


@pytest.mark.parametrize("chart", [area_over_visits, probability_over_visits])
def test_visit_with_a_note_carries_a_flag_that_opens_it(chart):
    figure = chart(made.evolution(made.visits(4, noted=[2])))
    (flag,) = traces(figure, "note")
    assert visits_behind(flag) == [2]
    assert "Dora Dale" in flag.customdata[0][1]


def test_what_people_typed_reaches_the_plot_escaped():
    noted = made.visit(1, made.FIRST_DAY, made.photo(1, found=made.finding()), notes=(made.note(author="<a href='x'>Eve</a>"),))
    (flag,) = traces(area_over_visits(made.evolution([noted])), "note")
    assert "<a" not in flag.customdata[0][1]


def test_only_refused_photos_still_make_a_figure():
    figure = area_over_visits(made.evolution(made.visits(2, refused=[1, 2])))
    assert visits_behind(traces(figure, "gap")[0]) == [1, 2]
    assert set(traces(figure, "measured")[0].y) == {None}


@pytest.mark.parametrize("chart", [area_over_visits, probability_over_visits])
def test_no_visit_at_all_makes_an_empty_figure(chart):
    assert not traces(chart(made.evolution()), "gap")


# Probability


def test_probability_is_in_percent_from_0_to_100():
    figure = probability_over_visits(made.evolution(made.visits(3)), BANDS)
    assert figure.layout.yaxis.title.text == "Probability of malignancy, %"
    assert figure.layout.yaxis.range[0] < 0 < 100 < figure.layout.yaxis.range[1]
    assert drawn(traces(figure, "measured")[0]) == [3.0, 4.0, 5.0]


def test_bands_lie_behind_the_points_and_meet_without_a_gap():
    figure = probability_over_visits(made.evolution(made.visits(3)), BANDS)
    edges = [(round(shape.y0), round(shape.y1)) for shape in figure.layout.shapes]
    assert edges == [(0, 5), (5, 15), (15, 60), (60, 85), (85, 95), (95, 100)]
    assert {shape.layer for shape in figure.layout.shapes} == {"below"}
    assert [round(tick) for tick in figure.layout.yaxis.tickvals] == [0, 15, 60, 85, 100]


def test_bands_are_named_low_medium_and_high_beside_the_plot():
    figure = probability_over_visits(made.evolution(made.visits(3)), BANDS)
    named = [(note.text, round(note.y, 1)) for note in figure.layout.annotations]
    assert named[:6] == [("High", 2.5), ("Medium", 10), ("Low", 37.5), ("Low", 72.5), ("Medium", 90), ("High", 97.5)]
    assert named[6:] == [("Benign", 30), ("Malignant", 80)]


def test_a_band_too_narrow_for_its_name_has_none():
    narrow = ((0.0, 0.05, "benign", "high"), (0.05, 0.06, "benign", "medium"), (0.06, 1.0, "benign", "low"))
    figure = probability_over_visits(made.evolution(made.visits(1)), narrow)
    assert [note.text for note in figure.layout.annotations] == ["High", "Low", "Benign"] and len(figure.layout.shapes) == 3


def test_bands_follow_the_model_card():
    moved = ((0.0, 0.3, "benign", "low"), (0.3, 1.0, "malignant", "low"))
    figure = probability_over_visits(made.evolution(made.visits(1)), moved)
    assert [(shape.y0, shape.y1) for shape in figure.layout.shapes] == [(0, 30), (30, 100)]


def test_interval_is_a_soft_band_per_unbroken_run():
    found = made.evolution(made.visits(5, refused=[3]))
    figure = probability_over_visits(found)
    before, after = traces(figure, "error")
    assert before.fill == after.fill == "toself"
    (line,) = found.lines_of("probability")
    assert sorted(before.y) == pytest.approx(sorted((*line.lows[:2], *line.highs[:2])))
    assert before.opacity < 0.5


def test_interval_of_a_single_visit_is_an_upright_stroke():
    found = made.evolution(made.visits(1))
    (stroke,) = traces(probability_over_visits(found), "error")
    assert stroke.fill is None
    assert len(set(stroke.x)) == 1
    (line,) = found.lines_of("probability")
    assert sorted(stroke.y) == pytest.approx([line.lows[0], line.highs[0]])


# Dates


def test_one_visit_is_labelled_by_its_own_date():
    axis = area_over_visits(made.evolution(made.visits(1))).layout.xaxis
    assert list(axis.tickvals) == [made.FIRST_DAY]
    assert axis.range[0] < made.FIRST_DAY < axis.range[1]


def test_two_visits_are_labelled_by_their_own_dates():
    axis = area_over_visits(made.evolution(made.visits(2))).layout.xaxis
    assert list(axis.tickvals) == [made.FIRST_DAY, made.FIRST_DAY + timedelta(days=60)]


@pytest.mark.parametrize("every_days", [1, 3, 14, 60])
def test_many_visits_never_have_more_ticks_than_a_phone_can_show(every_days):
    axis = area_over_visits(made.evolution(made.visits(200, every_days=every_days))).layout.xaxis
    assert 2 <= len(axis.tickvals) == len(axis.ticktext) <= 9
    assert axis.range[0] <= min(axis.tickvals) and max(axis.tickvals) <= axis.range[1]


@pytest.mark.parametrize(("style", "day", "month"), [
    ("en-GB", "12 Mar<br>2025", "Mar<br>2025"), ("en-US", "Mar 12<br>2025", "Mar<br>2025"), ("de", "12. Mär<br>2025", "Mär<br>2025"),
    ("es", "12 de mar<br>2025", "mar<br>2025"), ("iso", "03-12<br>2025", "03<br>2025"),
])
def test_dates_of_the_axis_are_the_readers_own(style, day, month, monkeypatch):
    monkeypatch.setattr("pages._charts.preferences", lambda: Preferences(date_style=style))
    assert area_over_visits(made.evolution(made.visits(2))).layout.xaxis.ticktext[0] == day
    assert area_over_visits(made.evolution(made.visits(20, every_days=14))).layout.xaxis.ticktext[0] == month


def test_200_visits_are_200_smaller_points():
    few, many = (traces(area_over_visits(made.evolution(made.visits(count))), "measured")[0] for count in (5, 200))
    assert len(many.y) == 200
    assert visits_behind(many) == list(range(1, 201))
    assert many.marker.size < few.marker.size


def test_only_the_newest_value_is_written_beside_its_point():
    (line,) = traces(probability_over_visits(made.evolution(made.visits(3, refused=[3]))), "measured")
    assert list(line.text) == ["", "<b>4 %</b>", ""]


def test_point_says_its_date_finding_and_numbers():
    found = made.evolution(made.visits(1))
    (line,) = traces(area_over_visits(found), "measured")
    (area,) = found.lines_of("area")
    edges = f"{area.lows[0]:.3g} to {area.highs[0]:.3g}"
    assert line.customdata[0][1] == f"<b>12 March 2025</b><br>Benign, high confidence<br>3 %, 3 % of the frame ({edges})"


# Taps


@pytest.mark.parametrize(
    ("selection", "visit"),
    [
        ({"points": [{"customdata": [7, "words"]}]}, 7),
        ({"points": [{"x": date(2025, 3, 12)}]}, None),
        ({"points": []}, None),
        (None, None),
    ],
)
def test_tapped_point_names_its_visit(selection, visit):
    assert selected_visit(selection) == visit


# Error and units


def test_error_of_an_area_is_what_rephotographing_and_the_scale_give():
    (band,) = traces(area_over_visits(made.evolution(made.visits(2, with_scale=[1, 2]))), "error")
    low, high = min(band.y), max(band.y)
    assert low < 12.0 * 0.95
    assert high > 12.8 * 1.05


def test_photos_in_register_are_told_relative_to_the_first():
    figure = area_over_visits(made.evolution(made.visits(2), links=[Link(1, 2, scale=1.0)]))
    assert figure.layout.yaxis.title.text == "Area, % of the first photo"
    assert [round(value, 1) for value in traces(figure, "measured")[0].y] == [100.0, 106.7]


def test_photo_in_register_takes_the_millimetres_of_the_one_that_has_a_scale():
    figure = area_over_visits(made.evolution(made.visits(2, with_scale=[1]), links=[Link(1, 2, scale=1.0)]))
    assert figure.layout.yaxis.title.text == "Area, mm²"
    assert drawn(traces(figure, "measured")[0]) == [12.0, 12.8]


def test_growth_is_told_from_the_first_comparable_photo_and_not_from_the_frame():
    growing = made.evolution(made.visits(3, with_scale=[1, 2, 3]))
    assert drawn(traces(small_multiple(growing, "growth"), "measured")[0]) == [0.0, pytest.approx(6.666667), pytest.approx(13.333333)]
    assert set(traces(small_multiple(made.evolution(made.visits(3)), "growth"), "measured")[0].y) == {None}


@pytest.mark.parametrize("name", ["asymmetry", "border", "colours", "growth"])
def test_small_multiples_label_two_dates_at_most(name):
    axis = small_multiple(made.evolution(made.visits(30)), name).layout.xaxis
    assert len(axis.tickvals) == 2


def test_review_stands_over_its_visit_with_its_words():
    judged = [Marker(2, "review", "Dora <Dale>", "Naevus; re-check", "Looks like one.")]
    (flag,) = traces(area_over_visits(made.evolution(made.visits(3), judged=judged)), "review")
    assert visits_behind(flag) == [2]
    assert "Naevus; re-check (Dora &lt;Dale&gt;)" in flag.customdata[0][1]


def test_pandas_is_there_whole_before_a_figure_is_made():
    """Plotly asks pandas for its types wherever another thread has begun to import it: the first page after a start would fail."""
    told = "import sys, pages._charts; sys.exit(not hasattr(sys.modules.get('pandas'), 'Series'))"
    assert subprocess.run([sys.executable, "-c", told], check=False, capture_output=True).returncode == 0
