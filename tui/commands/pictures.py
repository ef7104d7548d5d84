"""Loss curves and a latent scatter as text, for ``show``, ``compare`` and for ``demo`` without a terminal."""

import dataclasses
import shutil
import sys

from rich.text import Text

from engine.arrays_file import UnreadableArrays
from engine.colours import TRAIN_COLOUR, VALIDATION_COLOUR
from engine.figures.overlay import Overlay
from store.metrics import MetricsReader
from store.paths import RunPaths
from store.records import Run
from tui.canvas import scatter_text
from tui.commands.output import console, is_terminal, note
from tui.look import Look, run_colour
from tui.panes.latent.frames import Codes, project
from tui.panes.loss.curves import Curves
from tui.plots import Series, curves_text

_WIDTH, _CURVE_HEIGHT, _SCATTER_HEIGHT = 100, 16, 26


def print_pictures(run: Run, paths: RunPaths) -> None:
    """Whatever the run has so far, on stdout; colours only on a terminal."""
    look, width = _look_and_width()
    _print(_loss_curve(run, paths, width, look), _latent_scatter(run, paths, width, look))


def print_overlay(overlay: Overlay) -> None:
    """The curves over each other, where there are any; colours only on a terminal."""
    look, width = _look_and_width()
    series = [
        Series(name=name, x=x, y=y, colour=run_colour(number, look))
        for number, (name, (x, y)) in enumerate(overlay.curves.items())
    ]
    if series:
        _print(curves_text(series, width, _CURVE_HEIGHT, look=look, title=f"validation {overlay.measure}"))


def _look_and_width() -> tuple[Look, int]:
    look = Look.of()
    if not is_terminal(sys.stdout):
        look = dataclasses.replace(look, has_colour=False)
    return look, min(_WIDTH, shutil.get_terminal_size().columns) if sys.stdout.isatty() else _WIDTH


def _print(*pictures: Text | None) -> None:
    for picture in pictures:
        if picture is not None:
            print()
            console(sys.stdout).print(picture)


def read_curves(paths: RunPaths) -> Curves:
    """Of what can be read; says what cannot."""
    reader = MetricsReader(paths.metrics)
    try:
        curves = Curves().grown(reader.read())
    except OSError as error:
        note(f"{paths.metrics} cannot be read: {error.strerror or error}.")
        return Curves()
    if reader.num_damaged:
        lines = "1 line" if reader.num_damaged == 1 else f"{reader.num_damaged} lines"
        note(f"{paths.metrics} is damaged: {lines} of it cannot be read.")
    return curves


def _loss_curve(run: Run, paths: RunPaths, width: int, look: Look) -> Text | None:
    curves = read_curves(paths)
    if not curves.epochs:
        return None
    series = [
        Series(name=name, x=x, y=y, colour=colour)
        for name, key, colour in (
            ("training", "train_loss", TRAIN_COLOUR),
            ("validation", "val_loss", VALIDATION_COLOUR),
        )
        for x, y in [curves.along("epoch", key)]
    ]
    return curves_text(series, width, _CURVE_HEIGHT, look=look, title=f"{run.name} loss")


def _latent_scatter(run: Run, paths: RunPaths, width: int, look: Look) -> Text | None:
    kept = paths.latent_epochs()
    if not kept:
        return None
    try:
        codes = Codes.read(paths.latents_of(kept[-1]))
    except UnreadableArrays as error:
        note(str(error))
        return None
    frame = project(codes, None)
    title = f"{run.name} latent space, epoch {frame.epoch}, {frame.axes}"
    return scatter_text(frame.points, frame.labels, width, _SCATTER_HEIGHT, look=look, title=title)
