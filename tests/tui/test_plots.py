import math

import numpy as np
import pytest

from engine.colours import TRAIN_COLOUR, VALIDATION_COLOUR
from tui.look import Look
from tui.plots import Series, curves_text, reduce_points

ASCII = Look(is_unicode=False)
PLAIN = Look(has_colour=False)


def series(y: list[float], name: str = "training", colour: str = TRAIN_COLOUR) -> Series:
    return Series(name=name, x=range(1, len(y) + 1), y=y, colour=colour)


def canvas_rows(text: str) -> list[str]:
    """The part of each line right of the axis."""
    return [line.partition("┤")[2] or line.partition("│")[2] for line in text.split("\n") if "┤" in line or "│" in line]


@pytest.mark.parametrize("look", [Look(), ASCII, PLAIN, Look(is_unicode=False, has_colour=False)])
@pytest.mark.parametrize("size", [(40, 10), (80, 24), (200, 60)])
def test_fills_exactly_its_size(size: tuple[int, int], look: Look) -> None:
    width, height = size
    lines = curves_text([series([0.5, 0.25, 0.2])], width, height, look=look, title="loss").plain.split("\n")
    assert len(lines) == height
    assert max(map(len, lines)) <= width


def test_is_not_cut_to_the_terminal_it_runs_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    monkeypatch.setenv("LINES", "8")
    lines = curves_text([series([0.5, 0.25])], 120, 40, look=Look()).plain.split("\n")
    assert len(lines) == 40
    assert max(map(len, lines)) == 120


def test_a_falling_curve_falls() -> None:
    rows = canvas_rows(curves_text([series([1.0, 0.5, 0.0])], 60, 20, look=Look()).plain)
    left = next(y for y, row in enumerate(rows) if row[:3].strip())
    right = next(y for y, row in enumerate(rows) if row[-3:].strip())
    assert left < 2
    assert right > len(rows) - 4


def test_names_and_last_values_are_in_the_legend() -> None:
    both = [series([0.5, 0.25]), series([0.6, 0.3125], "validation", VALIDATION_COLOUR)]
    head = curves_text(both, 80, 12, look=Look(), title="loss").plain.split("\n")[0]
    assert head.split() == ["loss", "━━", "training", "0.25", "━━", "validation", "0.3125"]


def test_ascii_stays_ascii() -> None:
    both = [series([0.5, 0.25]), series([0.6, 0.3], "validation")]
    assert curves_text(both, 80, 12, look=ASCII, title="loss", log_y=True).plain.isascii()


def test_without_colour_glyphs_tell_the_curves_apart() -> None:
    text = curves_text([series([0.5, 0.3]), series([0.9, 0.8], "validation")], 60, 14, look=PLAIN)
    assert not any("#" in str(span.style) for span in text.spans)
    rows = "".join(canvas_rows(text.plain))
    assert "x" in rows
    assert any(0x2800 < ord(character) < 0x2900 for character in rows)


def test_colours_are_those_asked_for() -> None:
    text = curves_text([series([0.5, 0.3])], 60, 14, look=Look())
    assert any(TRAIN_COLOUR in str(span.style) for span in text.spans)


def test_log_axis_takes_equal_steps_for_equal_factors() -> None:
    text = curves_text([series([1.0, 0.1, 0.01])], 61, 31, look=Look(), log_y=True)
    rows = canvas_rows(text.plain)
    heights = [next(y for y, row in enumerate(rows) if row[x].strip()) for x in (0, len(rows[0]) // 2)]
    assert heights[1] - heights[0] == pytest.approx(len(rows) / 2, abs=2)
    labels = [line.partition("┤")[0].strip() for line in text.plain.split("\n") if "┤" in line]
    assert {"1", "0.1", "0.01"} <= set(labels)


@pytest.mark.parametrize("log_y", [False, True])
def test_what_cannot_be_drawn_is_marked(log_y: bool) -> None:
    values = [0.5, math.nan, math.inf, -math.inf, 0.4]
    text = curves_text([series(values)], 60, 14, look=Look(), log_y=log_y, title="loss").plain
    assert "(3 off the scale)" in text
    rows = canvas_rows(text)
    assert "^" in rows[0]
    assert {"?", "v"} <= set(rows[-1])


def test_zero_and_less_are_marked_on_a_log_axis_only() -> None:
    assert "off the scale" not in curves_text([series([0.5, 0.0, -1.0])], 60, 14, look=Look()).plain
    assert "(2 off the scale)" in curves_text([series([0.5, 0.0, -1.0])], 60, 14, look=Look(), log_y=True).plain


@pytest.mark.parametrize(
    "values", [[], [0.3], [math.nan], [0.2, 0.2, 0.2], [0.0], [-1.0, -2.0], [1e-30, 1e30], [5e-324]]
)
@pytest.mark.parametrize("log_y", [False, True])
def test_odd_curves_are_drawn_again_and_again(values: list[float], log_y: bool) -> None:
    for _ in range(2):
        text = curves_text([series(values)], 50, 12, look=Look(), log_y=log_y)
        assert len(text.plain.split("\n")) == 12


def test_a_single_point_is_plainly_seen() -> None:
    assert "●" in curves_text([series([0.3])], 50, 12, look=Look()).plain


def test_epochs_are_marked_at_whole_numbers() -> None:
    last = curves_text([series([0.5, 0.4, 0.3])], 80, 12, look=Look()).plain.split("\n")[-1]
    assert all("." not in tick for tick in last.split())


def test_reducing_keeps_spikes_and_ends() -> None:
    x = np.arange(100_000.0)
    y = np.sin(x / 5000)
    y[43_210], y[77_001] = 9.0, -9.0
    few_x, few_y = reduce_points(x, y, 100)
    assert len(few_x) <= 200
    assert np.all(np.diff(few_x) > 0)
    assert (few_x[np.argmax(few_y)], few_y.max()) == (43_210, 9.0)
    assert (few_x[np.argmin(few_y)], few_y.min()) == (77_001, -9.0)


def test_few_points_are_left_alone() -> None:
    x = np.arange(20.0)
    assert reduce_points(x, x, 100)[0] is x


@pytest.mark.parametrize("look", [Look(), ASCII, PLAIN])
def test_points_stand_for_themselves(look: Look) -> None:
    points = Series(name="3 runs", x=[0, 5, 9], y=[0.5, 0.9, 0.1], colour=TRAIN_COLOUR, points=("×", "x"))
    drawn = curves_text([points], 60, 14, look=look)
    mark = look.pick("×", "x")
    assert "".join(drawn.plain.split("\n")[1:-2]).count(mark) == 3
    assert not any(0x2800 < ord(character) < 0x2900 for character in drawn.plain), "no line joins them"
    assert drawn.plain.split("\n")[0].split() == [mark, "3", "runs"]


def test_many_curves_leave_room_for_the_figure() -> None:
    curves = [series([0.5, 0.4], f"run {number}") for number in range(30)]
    assert len(canvas_rows(curves_text(curves, 60, 18, look=Look(), title="loss").plain)) >= 10
