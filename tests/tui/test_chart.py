"""How the loss pane looks at its curves, without a screen."""

import math

import numpy as np
import pytest

from tui.look import Look
from tui.panes.loss.chart import SMOOTHINGS, X_AXES, Chart
from tui.panes.loss.curves import Curves, smoothed
from tui.panes.loss.series import in_units, value_at, with_smoothing, without_outliers
from tui.plots import Series, curves_text

PLACES = [float(place) for place in range(1, 101)]
EXTENT = (1.0, 100.0)
COLOUR = "#ffffff"


def test_zooming_keeps_the_cursor_in_its_place_and_ends_with_all() -> None:
    chart = Chart(cursor=25.0).zoomed(EXTENT, 1)
    assert chart.x_span is not None
    low, high = chart.x_span
    assert high - low == pytest.approx(49.5)
    assert (25.0 - low) / (high - low) == pytest.approx((25.0 - 1) / 99)
    assert chart.zoomed(EXTENT, -1).x_span is None
    assert chart.zoomed(EXTENT, 1).zoomed(EXTENT, -1).x_span == pytest.approx((low, high))
    assert Chart().zoomed(EXTENT, 1).x_span == pytest.approx((25.75, 75.25))
    assert Chart().zoomed((3.0, 3.0), 1) == Chart(), "a single place cannot be halved"


def test_a_window_stays_within_what_there_is() -> None:
    chart = Chart(x_span=(80.0, 100.0))
    assert chart.panned(EXTENT, 1).x_span == (80.0, 100.0)
    assert chart.panned(EXTENT, -1).x_span == (75.0, 95.0)
    assert Chart(x_span=(1.0, 21.0)).panned(EXTENT, -1).x_span == (1.0, 21.0)
    assert Chart().panned(EXTENT, 1) == Chart()
    # At the end of the axis the cursor cannot keep its place: the window must not reach out.
    assert Chart(x_span=(60.0, 100.0), cursor=100.0).zoomed(EXTENT, -1).x_span == pytest.approx((20.0, 100.0))


def test_the_cursor_walks_over_what_was_measured_and_pulls_the_window() -> None:
    assert Chart().moved([], 1) == Chart()
    assert Chart().moved(PLACES, -1).cursor == 100.0
    assert Chart(x_span=(10.0, 20.4)).moved(PLACES, -1).cursor == 20.0
    assert Chart(cursor=50.0).moved(PLACES, 1).cursor == 51.0
    assert Chart(cursor=50.0).moved(PLACES, -60).cursor == 1.0
    assert Chart(cursor=100.0).moved(PLACES, 1).cursor == 100.0
    pulled = Chart(cursor=20.0, x_span=(10.0, 20.0)).moved(PLACES, 1)
    assert (pulled.cursor, pulled.x_span) == (21.0, (11.0, 21.0))


def test_axes_and_smoothing_go_round_or_end() -> None:
    chart = Chart(x_span=(1.0, 2.0), cursor=1.5)
    seen = []
    for _ in X_AXES:
        seen.append(chart.x_axis)
        chart = chart.with_next_axis()
        assert (chart.x_span, chart.cursor) == (None, None)
    assert tuple(seen) == X_AXES
    assert chart.x_axis == X_AXES[0]
    assert Chart().smoothed(-1).smoothing == 0.0
    assert Chart().smoothed(100).smoothing == SMOOTHINGS[-1]
    assert Chart().with_next_part().part == "train"
    assert Chart(y_span=(0, 1), without_outliers=True, log_y=True, smoothing=0.5).whole() == Chart(
        log_y=True, smoothing=0.5
    )


def test_smoothing_is_tensorboards() -> None:
    # Closed form after three values with weight w: (w^2 a + w b + c) / (w^2 + w + 1).
    found = smoothed(np.array([4.0, 2.0, 1.0]), 0.5)
    assert found.tolist() == pytest.approx([4.0, (2 + 2) / 1.5, (1 + 1 + 1) / 1.75])
    assert smoothed(np.full(50, 3.0), 0.98).tolist() == pytest.approx([3.0] * 50), "no bias to 0 at the start"
    odd = smoothed(np.array([1.0, math.nan, math.inf, 1.0]), 0.9)
    assert math.isnan(odd[1])
    assert odd[2] == math.inf
    assert odd[[0, 3]].tolist() == [1.0, 1.0]
    values = np.array([1.0, 2.0])
    assert smoothed(values, 0.0) is values


def test_the_legend_of_a_smoothed_curve_says_what_was_measured() -> None:
    series = with_smoothing(Series(name="a", x=[1, 2], y=[4.0, 2.0], colour=COLOUR), 0.5)
    assert series.figure == 2.0
    assert float(series.y[-1]) > 2.5
    at = Series(name="a", x=[1.0, 3.0, math.nan], y=[5.0, 7.0, 9.0], colour=COLOUR)
    assert [value_at(at, place) for place in (0.0, 1.9, 2.1, 9.0)] == [5.0, 5.0, 7.0, 7.0]
    assert math.isnan(value_at(Series(name="a", x=[], y=[], colour=COLOUR), 1.0))


def test_outliers_are_left_out_of_the_axis_but_stay_on_its_edge() -> None:
    y = np.r_[50.0, np.linspace(1.0, 2.0, 98), math.nan]
    series = Series(name="a", x=np.arange(100), y=y, colour=COLOUR)
    span = without_outliers([series], None)
    assert span is not None
    assert 0.9 < span[0] < 1.1
    assert 1.9 < span[1] < 2.1
    assert without_outliers([series], (0.0, 2.0)) is None, "too few to tell"
    drawn = curves_text([series], 60, 14, look=Look(), y_span=span).plain
    assert "^" in drawn
    assert "?" in drawn
    assert "50" not in drawn.split("\n", 1)[1]


def test_minutes() -> None:
    (series,), name = in_units([Series(name="a", x=[60.0, 90.0], y=[1.0, 2.0], colour=COLOUR)], "time")
    assert (list(series.x), name) == ([1.0, 1.5], "minutes")


def test_curves_along_each_axis() -> None:
    curves = Curves().grown(
        [
            {"kind": "step", "epoch": 1, "step": 5, "time": 1.0, "loss": 0.9},
            {"kind": "step", "epoch": 1, "step": 10, "time": 2.0, "loss": 0.7},
            {"kind": "epoch", "epoch": 1, "step": 10, "time": 2.5, "train_loss": 0.8, "val_loss": 0.6},
        ]
    )
    assert [part.tolist() for part in curves.along("epoch", "train_loss")] == [[1.0], [0.8]]
    assert [part.tolist() for part in curves.along("step", "train_loss")] == [[5.0, 10.0], [0.9, 0.7]]
    assert [part.tolist() for part in curves.along("time", "train_loss")] == [[1.0, 2.0], [0.9, 0.7]]
    assert [part.tolist() for part in curves.along("time", "val_loss")] == [[2.5], [0.6]]


@pytest.mark.parametrize("place", [1, 13, 50, 77, 100])
@pytest.mark.parametrize("look", [Look(), Look(has_colour=False), Look(is_unicode=False)])
def test_the_cursor_stands_where_its_value_is_drawn(place: int, look: Look) -> None:
    def rows(y: np.ndarray, cursor: float | None) -> list[str]:
        series = Series(name="a", x=PLACES, y=y, colour=COLOUR)
        drawn = curves_text([series], 72, 20, look=look, title="t", y_span=(-0.1, 1.1), cursor=cursor)
        return [row.ljust(72) for row in drawn.plain.split("\n")[1:-2]]

    def columns(changed: list[str]) -> set[int]:
        return {at for old, new in zip(flat, changed, strict=True) for at in range(72) if old[at] != new[at]}

    spike = np.zeros(100)
    spike[place - 1] = 1.0
    flat = rows(np.zeros(100), None)
    (column,) = columns(rows(np.zeros(100), float(place)))
    drawn = columns(rows(spike, None))
    assert min(drawn) - 1 <= column <= max(drawn) + 1
    assert max(drawn) - min(drawn) <= 2


def test_a_window_shows_its_part_alone_and_lines_go_on_to_its_edges() -> None:
    series = Series(name="a", x=PLACES, y=[100 - place for place in PLACES], colour=COLOUR)
    drawn = curves_text([series], 60, 14, look=Look(), x_span=(40.5, 60.5)).plain.split("\n")
    ticks = [int(word) for word in drawn[-1].split()]
    assert min(ticks) >= 40
    assert max(ticks) <= 61
    heights = [float(word) for line in drawn[1:-2] for word in line[:6].replace("┤", " ").split() if word[0].isdigit()]
    assert 38 <= min(heights) <= max(heights) <= 61
    # Between two values the line is still there.
    between = curves_text([series], 60, 14, look=Look(), x_span=(50.2, 50.8)).plain
    assert any("⠀" < mark <= "⣿" for mark in between)
