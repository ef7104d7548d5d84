"""Figures hold what they were given, and files of them are whole or not there."""

from pathlib import Path

import pytest

from engine.colours import CLASS_INKS, RUN_COLOURS
from engine.figures.files import save_numbers
from engine.figures.overlay import Overlay
from engine.figures.style import Style

OVERLAY = Overlay(
    measure="mse",
    curves={"_sweep/0": ([1.0, 2.0, 3.0], [0.3, 0.2, 0.1]), "b/1": ([1.0], [0.25]), "c/2": ([1.0, 2.0], [0.4, 0.2])},
)


@pytest.mark.parametrize("is_dark", [False, True])
def test_an_overlay_draws_each_run_under_its_name(is_dark: bool) -> None:
    (axes,) = OVERLAY.draw(Style(is_dark=is_dark)).axes
    drawn = {str(text.get_text()): line for text, line in zip(axes.get_legend().get_texts(), axes.lines, strict=True)}
    assert list(drawn) == ["_sweep/0", "b/1", "c/2"], "names that matplotlib would hide, too"
    for name, (epochs, values) in OVERLAY.curves.items():
        assert drawn[name].get_xdata().tolist() == epochs
        assert drawn[name].get_ydata().tolist() == values
    assert drawn["b/1"].get_marker() == "o", "a run of one epoch is seen"
    colours = [line.get_color() for line in axes.lines]
    assert len(set(colours)) == 3
    assert set(colours) <= set(RUN_COLOURS if is_dark else CLASS_INKS)
    assert axes.get_ylabel() == "mean squared error (validation)"


def test_the_rows_are_what_is_drawn() -> None:
    assert list(OVERLAY.rows())[2:5] == [("_sweep/0", 3.0, 0.1), ("b/1", 1.0, 0.25), ("c/2", 1.0, 0.4)]


def test_what_fails_half_way_leaves_the_older_file(tmp_path: Path) -> None:
    file = tmp_path / "numbers.csv"
    save_numbers(file, ("a",), [(1,)])

    def rows() -> "list[tuple[int]]":
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        save_numbers(file, ("a",), (row for _ in range(1) for row in rows()))
    assert file.read_text() == "a\n1\n"
    assert list(tmp_path.iterdir()) == [file]
