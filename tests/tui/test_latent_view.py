"""How the latent pane looks at a cloud, without a screen."""

from dataclasses import replace

import numpy as np
import pytest

from tui.canvas import Limits, density, scatter
from tui.look import Look
from tui.panes.decoding import Decoded
from tui.panes.latent.frames import Codes, Frame, Plane, project
from tui.panes.latent.lines import SIDE_WIDTH, between_lines, grid_lines, grid_size, side_lines
from tui.panes.latent.view import LatentView

WHOLE = Limits(-2.0, 2.0, -1.0, 1.0)
ASCII, PLAIN = Look(is_unicode=False), Look(has_colour=False)


def frame(dim: int, number: int = 60) -> Frame:
    values = np.random.default_rng(0).normal(size=(number, dim)).astype(np.float32) * np.arange(dim, 0, -1)
    return project(Codes(3, values, np.arange(number) % 4, np.arange(number) * 10), None)


def plane_of(frame: Frame) -> Plane:
    assert frame.plane is not None
    return frame.plane


def picture(grey: int) -> np.ndarray:
    return np.full((1, 1, 28, 28), grey, dtype=np.uint8)


def test_axes_go_round() -> None:
    view, seen = LatentView(shows_grid=True), []
    for _ in range(6):
        view = view.with_next_axes(6)
        seen.append("t-SNE" if view.shows_tsne else view.axes)
    assert seen == ["t-SNE", (0, 1), (2, 3), (4, 5), None, "t-SNE"]
    assert not view.shows_grid, "t-SNE has none"
    assert LatentView(axes=(0, 1)).with_next_axes(3).axes is None, "a last axis alone is no plane"
    assert LatentView().with_next_axes(2).with_next_axes(2) == LatentView()
    assert LatentView().with_next_axes(1) == LatentView()


def test_classes_go_round() -> None:
    view, seen = LatentView(), []
    for _ in range(4):
        view = view.with_next_class([0, 3])
        seen.append(view.only)
    assert seen == [0, 3, None, 0]
    assert view.with_next_class([5]).only == 5, "whatever class it was, another cloud lacks it"


def test_a_cloud_is_turned_onto_that_of_another_run_of_the_same_images() -> None:
    first = frame(6)
    angle = np.array([[np.cos(2.0), -np.sin(2.0)], [np.sin(2.0), np.cos(2.0)]])
    other = replace(first, points=first.points @ angle)
    assert other.is_of_the_images_of(first)
    turned = other.turned_onto(first)
    np.testing.assert_allclose(turned.points, first.points, atol=1e-6)
    assert turned.axes.endswith(", turned")
    assert turned.plane is None
    assert not replace(first, labels=first.labels + 1).is_of_the_images_of(first)
    assert (first.row_of(170), first.row_of(171)) == (17, None)
    assert not first.along(0, 1).is_turnable
    assert first.embedded(first.points).is_turnable


def test_zoom_is_around_the_cursor_and_ends_with_all() -> None:
    view = LatentView(cursor=(1.0, 0.5)).zoomed(WHOLE, 1)
    assert view.limits == Limits(-0.5, 1.5, -0.25, 0.75)
    assert view.zoomed(WHOLE, -1).limits is None
    assert LatentView().zoomed(WHOLE, 1).limits == Limits(-1.0, 1.0, -0.5, 0.5)


@pytest.mark.parametrize("place", [(0, 0), (19, 39), (7, 21)])
def test_a_cell_is_where_its_point_is_drawn(place: tuple[int, int]) -> None:
    point = WHOLE.point_of(*place, 40, 20)
    assert WHOLE.cell_of(point, 40, 20) == place
    canvas = scatter(np.array([point]), np.array([0]), 40, 20, look=Look(), limits=WHOLE)
    assert np.argwhere(canvas.classes == 0).tolist() == [list(place)]


def test_the_cursor_stays_on_the_cloud_and_pulls_a_window() -> None:
    view = LatentView().moved(WHOLE, 40, 20, 0, 0)
    assert view.cursor is not None
    assert WHOLE.cell_of(view.cursor, 40, 20) == (10, 20)
    view = view.moved(WHOLE, 40, 20, 3, -2)
    assert view.cursor is not None
    assert WHOLE.cell_of(view.cursor, 40, 20) == (8, 23)
    for _ in range(30):
        view = view.moved(WHOLE, 40, 20, 1, 1)
    assert view.cursor is not None
    assert WHOLE.cell_of(view.cursor, 40, 20) == (19, 39)
    inside = LatentView(limits=Limits(-0.5, 0.5, -0.25, 0.25), cursor=(0.49, 0.0)).moved(WHOLE, 40, 20, 1, 0)
    assert inside.limits is not None
    assert inside.cursor is not None
    assert inside.limits.left == pytest.approx(-0.25)
    assert inside.cursor[0] == pytest.approx(0.5125)


def test_ends_are_set_one_after_the_other() -> None:
    view = LatentView().with_end(4)
    assert view.ends == (4,)
    assert view.with_end(9).ends == (4, 9)
    assert view.with_end(9).with_end(1).ends == ()


@pytest.mark.parametrize("dim", [2, 6])
def test_places_of_the_plane_are_codes(dim: int) -> None:
    found = frame(dim)
    codes = plane_of(found).codes_at(found.points)
    assert codes.shape == (60, dim)
    if dim == 2:
        np.testing.assert_allclose(codes, found.codes, atol=1e-6)
    # Whatever else, what lies on the plane is projected back onto its place.
    back = (codes - plane_of(found).origin) @ plane_of(found).directions.T
    np.testing.assert_allclose(back, found.points, atol=1e-6)
    raw = found.along(dim - 1, 0)
    assert raw.axes == f"z{dim} x z1"
    assert (raw.points == found.codes[:, [dim - 1, 0]]).all()
    codes = plane_of(raw).codes_at(raw.points)
    np.testing.assert_allclose(codes[:, [dim - 1, 0]], raw.points, atol=1e-6)
    if dim > 2:
        np.testing.assert_allclose(codes[:, 1:-1], np.tile(found.codes.mean(axis=0)[1:-1], (60, 1)), atol=1e-5)


def test_turned_planes_still_lead_back_to_codes() -> None:
    before = frame(6)
    turned = project(Codes(4, -before.codes[:, ::-1], before.labels, before.indices), before)
    back = (plane_of(turned).codes_at(turned.points) - plane_of(turned).origin) @ plane_of(turned).directions.T
    np.testing.assert_allclose(back, turned.points, atol=1e-6)
    residual = turned.codes - plane_of(turned).codes_at(turned.points)
    np.testing.assert_allclose(residual @ plane_of(turned).directions.T, 0, atol=1e-5)


def test_nearest_is_the_nearest_that_is_known() -> None:
    found = frame(2)
    assert found.nearest(found.points[17] + 1e-4) == 17
    found.points[17] = np.nan
    assert found.nearest(np.zeros(2)) == int(np.nanargmin((found.points**2).sum(axis=1)))


def test_density_is_darkest_where_most_points_are() -> None:
    points = np.concatenate([np.zeros((500, 2)), np.full((3, 2), 0.9), [[np.nan, 0.0]]])
    canvas = density(points, 20, 10, look=Look(), limits=Limits(-1, 1, -1, 1))
    glyphs = {chr(glyph) for glyph in canvas.glyphs.flat}
    assert glyphs == {" ", "█", "░"}
    assert density(points, 20, 10, look=ASCII).text().plain.isascii()
    assert not density(np.empty((0, 2)), 20, 10, look=Look()).text().plain.strip()


@pytest.mark.parametrize("look", [Look(), PLAIN, ASCII])
def test_marks_stand_out_on_the_canvas(look: Look) -> None:
    canvas = scatter(np.zeros((50, 2)), np.arange(50) % 3, 20, 6, look=look, limits=Limits(-1, 1, -1, 1))
    canvas.marks[2, 5] = "+"  # type: ignore[index]
    canvas.marks[2, 19] = "o"  # type: ignore[index]
    row = canvas.strips()[2]
    assert row.cell_length == 20
    assert (row.text[5], row.text[19]) == ("+", "o")
    assert [segment.style.reverse for segment in row if segment.text in "+o" and segment.style] == [True, True]


def test_the_side_says_what_is_known_and_fits() -> None:
    whole = Decoded(original=picture(200), reconstruction=picture(150), error=0.0123, images=picture(90))
    lines = [line.plain for line in side_lines(12, 3, whole, 30, Look())]
    assert lines[:2] == ["sample 12", "class 3"]
    assert {"error 0.0123", "at the cursor"} <= set(lines)
    assert len(lines) == 2 + 7 + 1 + 7 + 1 + 7
    low = [line.plain for line in side_lines(12, 3, whole, 18, Look())]
    assert len(low) <= 18
    assert "at the cursor" in low
    assert "error 0.0123" not in low
    assert [line.plain for line in side_lines(1, -1, None, 9, Look())] == ["sample 1", "no label", "decoding"]
    said = side_lines(1, 0, Decoded(says="Weights are kept of epoch 38 and 40 alone."), 9, Look())
    assert " ".join(line.plain for line in said[2:]) == "Weights are kept of epoch 38 and 40 alone."
    assert max(len(line.plain) for line in said) <= SIDE_WIDTH
    assert all(line.plain.isascii() for line in side_lines(12, 3, whole, 30, ASCII))


def test_the_line_between_two_samples_shows_its_ends_whatever_the_room() -> None:
    line = np.concatenate([picture(grey) for grey in range(0, 250, 25)])
    assert between_lines((4,), None, 60, Look())[0].plain == "A 4  b again: B"
    assert "decoding" in between_lines((4, 9), None, 60, Look())[0].plain
    for width, count in ((149, 10), (60, 4), (20, 2)):
        lines = between_lines((4, 9), Decoded(line=line), width, ASCII)
        assert lines[0].plain == "A 4 -> B 9"
        assert max(len(row.plain) for row in lines[1:]) == 15 * count - 1
        assert lines[1].plain[0] == " "
        assert lines[1].plain[-1] == "%"


def test_a_grid_fills_its_room() -> None:
    assert grid_size(60, 31) == (4, 4)
    assert grid_size(5, 5) == (1, 1)
    lines = grid_lines(np.concatenate([picture(200)] * 6), 3, PLAIN)
    assert len(lines) == 7 + 1 + 7
    assert {len(line.plain) for line in lines if line} == {3 * 15 - 1}
