import numpy as np
import pytest
from rich.color import Color, ColorSystem
from rich.style import Style

from tui.canvas import Canvas, Limits, class_legend, scatter, scatter_text
from tui.look import Look, class_colour, class_digit

BOX = Limits(0.0, 1.0, 0.0, 1.0)
PLAIN = Look(has_colour=False)


def lines(canvas: Canvas) -> list[str]:
    return canvas.text().plain.split("\n")


def test_braille_dots_stand_where_the_points_are() -> None:
    """One cell of 2 x 4 dots: the lower left and the upper right one."""
    points = np.array([[0.01, 0.01], [0.99, 0.99]])
    assert lines(scatter(points, np.array([0, 0]), 1, 1, look=Look(), limits=BOX)) == [chr(0x2800 + 0x40 + 0x08)]


def test_few_points_are_larger_dots() -> None:
    drawn = lines(scatter(np.array([[0.01, 0.99], [0.99, 0.01]]), np.array([3, 4]), 4, 3, look=Look(), limits=BOX))
    assert drawn == ["•   ", "    ", "   •"]


def test_up_is_up_and_right_is_right() -> None:
    points = np.array([[0.01, 0.99], [0.99, 0.01]])
    drawn = lines(scatter(points, np.array([3, 4]), 4, 2, look=PLAIN, limits=BOX))
    assert drawn == ["3   ", "   4"]


def test_the_majority_colours_a_cell() -> None:
    points = np.full((5, 2), 0.5)
    canvas = scatter(points, np.array([7, 2, 7, 2, 7]), 1, 1, look=Look(), limits=BOX)
    assert canvas.classes.tolist() == [[7]]
    assert [segment.style for segment in canvas.lines()[0]] == [Style(color=class_colour(7, Look()))]


def test_the_order_of_the_points_changes_nothing() -> None:
    random = np.random.default_rng(0)
    points, labels = random.normal(size=(3000, 2)), random.integers(0, 10, 3000)
    order = random.permutation(3000)
    one, other = (scatter(points[index], labels[index], 40, 20, look=Look()) for index in (np.arange(3000), order))
    assert np.array_equal(one.glyphs, other.glyphs)
    assert np.array_equal(one.classes, other.classes)


def test_no_class_disappears_where_each_has_a_place() -> None:
    labels = np.repeat(np.arange(10), 50)
    points = np.column_stack([labels + np.linspace(-0.2, 0.2, 500), np.zeros(500)])
    assert set(scatter(points, labels, 60, 10, look=Look()).classes.ravel().tolist()) == {-2, *range(10)}


def test_every_point_is_counted_in_the_dots() -> None:
    points = np.stack(np.meshgrid(np.arange(8) / 8 + 0.06, np.arange(16) / 16 + 0.03), -1).reshape(-1, 2)
    canvas = scatter(points, np.zeros(len(points), dtype=int), 4, 4, look=Look(), limits=BOX)
    assert np.all(canvas.glyphs == 0x28FF)


@pytest.mark.parametrize("look", [Look(is_unicode=False), Look(is_unicode=False, has_colour=False)])
def test_without_utf8_it_is_ascii(look: Look) -> None:
    random = np.random.default_rng(0)
    labels = random.integers(-1, 14, 500)
    text = scatter_text(random.normal(size=(500, 2)), labels, 60, 20, look=look, title="codes")
    assert text.plain.isascii()
    assert {"0", "9", "a", "d", "."} <= set("".join(text.plain.split("\n")[1:]))


def test_without_colour_there_is_none() -> None:
    labels = np.array([0, 1, 2])
    canvas = scatter(np.eye(3)[:, :2], labels, 20, 6, look=PLAIN)
    assert all(segment.style is None for line in canvas.lines() for segment in line)
    assert {"0", "1", "2"} <= set(canvas.text().plain)


def test_what_is_not_finite_is_left_out() -> None:
    points = np.array([[np.nan, 0.5], [np.inf, 0.5], [0.5, 0.5]])
    canvas = scatter(points, np.array([1, 2, 3]), 5, 3, look=PLAIN, limits=BOX)
    assert "".join(lines(canvas)).split() == ["3"]


@pytest.mark.parametrize("points", [np.empty((0, 2)), np.full((3, 2), np.nan), np.zeros((3, 2))])
def test_empty_and_collapsed_clouds_are_drawn(points: np.ndarray) -> None:
    canvas = scatter(points, np.zeros(len(points), dtype=int), 10, 4, look=Look())
    assert [len(line) for line in lines(canvas)] == [10] * 4


def test_points_beyond_the_limits_stand_on_the_edge() -> None:
    points = np.array([[-50.0, 0.5], [50.0, 0.5]])
    drawn = lines(scatter(points, np.array([1, 2]), 6, 1, look=PLAIN, limits=BOX))
    assert drawn == ["1    2"]


def test_a_unit_is_as_long_across_as_up() -> None:
    box = Limits(0, 1, 0, 1).fitted(40, 10)
    assert (box.right - box.left) / 80 == pytest.approx((box.top - box.bottom) / 40)
    assert (box.left + box.right) / 2 == pytest.approx(0.5)


def test_limits_ignore_a_few_outliers() -> None:
    cloud = np.random.default_rng(0).normal(size=(2000, 2))
    cloud[0] = 1000
    assert Limits.around(cloud).right < 10


def test_strips_are_as_wide_as_the_canvas() -> None:
    random = np.random.default_rng(0)
    canvas = scatter(random.normal(size=(900, 2)), random.integers(0, 5, 900), 33, 7, look=Look())
    assert [(strip.cell_length, len(strip.text)) for strip in canvas.strips()] == [(33, 33)] * 7


def test_the_legend_names_each_class_once() -> None:
    legend = class_legend(np.array([2, 0, 2, -1]), Look())
    assert legend.plain.split() == ["●0", "●2"]
    assert class_legend(np.array([-1, -1]), Look()).plain == ""


def test_ten_classes_have_ten_colours_and_digits() -> None:
    for look in (Look(), Look(has_few_colours=True)):
        assert len({Color.parse(class_colour(label, look)) for label in range(10)}) == 10
    standard = {Color.parse(class_colour(label, look)).downgrade(ColorSystem.STANDARD) for label in range(10)}
    assert len(standard) == 10, "as a terminal of 16 colours shows them"
    assert [class_digit(label) for label in range(10)] == list("0123456789")


def test_one_class_alone_is_in_colour_and_before_the_others() -> None:
    points = np.array([[0.1, 0.5], [0.1, 0.5], [0.1, 0.5], [0.9, 0.5]])
    labels = np.array([4, 4, 7, 4])
    canvas = scatter(points, labels, 2, 1, look=PLAIN, limits=BOX, only=7)
    assert lines(canvas) == ["7."]
    (row,) = scatter(points, labels, 2, 1, look=Look(), limits=BOX, only=7).lines()
    chosen, other = row
    assert chosen.style == Style(color=class_colour(7, Look()))
    assert other.style == Style(dim=True)
    styles = {span.style for span in class_legend(labels, Look(), only=7).spans}
    assert styles == {Style(dim=True), Style(color=class_colour(7, Look()), bold=True, reverse=True)}
