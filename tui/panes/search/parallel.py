"""Parallel coordinates of a search: an axis a setting, the error as the last one, a line a complete run."""

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from rich.text import Text

from engine.space import Parameter
from store.records import Run
from tui.canvas import Canvas, Limits, scatter
from tui.look import Look, class_colour, class_digit, number_text, printable
from tui.panes.search.findings import Findings, value_of

GROUPS = ((0.1, "best tenth", 0), (0.5, "better half", 1), (1.0, "the others", -1))
"""Runs by their error, up to which share of them, and the class whose colour, or digit, they have on the canvas."""
_MIN_HEIGHT = 8
_AXIS = ("│", "|")


@dataclass(frozen=True, kw_only=True)
class Axis:
    """``place`` puts a run on it, from 0 (bottom) to 1, NaN where it has no such setting; ``labels`` stand on it."""

    name: str
    place: Callable[[Run], float]
    labels: Sequence[tuple[float, str]]


def parallel(findings: Findings, width: int, height: int, look: Look) -> list[Text]:
    """``height`` lines of ``width``: the legend, the lines between the axes, the names of the axes."""
    runs = sorted(findings.complete, key=value_of)
    if not runs:
        return [Text(), Text("No run of this search is complete yet.", style="dim")]
    rows = max(_MIN_HEIGHT, height - 2)
    axes = [*(_setting_axis(parameter) for parameter in findings.parameters), _error_axis(runs)]
    columns = [round(column) for column in np.linspace(0, width - 1, len(axes)).tolist()]
    canvas = scatter(np.empty((0, 2)), np.empty(0, dtype=int), width, rows, look=look)
    for members, (_, _, label) in reversed(list(zip(grouped(runs), GROUPS, strict=True))):  # the best in front
        _draw_lines(canvas, members, label, axes, columns)
    for axis, column in zip(axes, columns, strict=True):
        _draw_axis(canvas, axis, column)
    return [_legend(width, look), *canvas.text().split("\n", allow_blank=True), _names(axes, columns, width, look)]


def grouped(runs: Sequence[Run]) -> list[Sequence[Run]]:
    """``runs``, the best first, by `GROUPS`; the first is never empty."""
    ends = [0, *(max(1, math.ceil(share * len(runs))) for share, _, _ in GROUPS)]
    return [runs[start:end] for start, end in itertools.pairwise(ends)]


def _draw_lines(canvas: Canvas, runs: Sequence[Run], label: int, axes: Sequence[Axis], columns: Sequence[int]) -> None:
    """The lines of one group over what is there, as points so close that they meet."""
    if not runs:
        return
    rows, width = canvas.glyphs.shape
    x = np.linspace(0, width - 1, max(4 * width, rows * width // len(runs)))
    clouds = [np.column_stack([x, np.interp(x, columns, [axis.place(run) for axis in axes])]) for run in runs]
    points = np.concatenate(clouds)
    limits = Limits(-0.5, width - 0.5, -0.02, 1.02)
    drawn = scatter(points, np.full(len(points), label), width, rows, look=canvas.look, limits=limits)
    is_filled = drawn.classes > -2
    canvas.glyphs[is_filled], canvas.classes[is_filled] = drawn.glyphs[is_filled], drawn.classes[is_filled]


def _draw_axis(canvas: Canvas, axis: Axis, column: int) -> None:
    """A line where no run's is, and the labels at their heights, on the side where there is room."""
    rows, width = canvas.glyphs.shape
    is_free = canvas.classes[:, column] == -2
    canvas.glyphs[is_free, column] = ord(canvas.look.pick(*_AXIS))
    canvas.classes[is_free, column] = -1
    for place, label in axis.labels:
        row = round((1 - place) * (rows - 1))
        text = f" {label}" if column + len(label) + 2 <= width else f"{label} "
        start = column + 1 if text.startswith(" ") else max(0, column - len(text))
        for at, letter in enumerate(text[: width - start], start):
            canvas.glyphs[row, at], canvas.classes[row, at] = ord(letter), -1


def _setting_axis(parameter: Parameter) -> Axis:
    name = parameter.name
    if parameter.choices:
        places = _spread(len(parameter.choices))
        labels = [(place, printable(str(choice))) for place, choice in zip(places, parameter.choices, strict=True)]
        by_choice = dict(zip(map(str, parameter.choices), places, strict=True))
        return Axis(name=name, place=lambda run: by_choice.get(str(run.params.get(name)), math.nan), labels=labels)
    low, high = (float(end) for end in parameter.ends)

    def place(run: Run) -> float:
        value = run.params.get(name)
        if not isinstance(value, int | float) or (parameter.log and value <= 0):
            return math.nan
        return _between(float(value), low, high, parameter.log)

    return Axis(name=name, place=place, labels=[(0.0, f"{low:.3g}"), (1.0, f"{high:.3g}")])


def _error_axis(runs: Sequence[Run]) -> Axis:
    """Logarithmic where it can be: the good ones are close to each other."""
    low, high = value_of(runs[0]), value_of(runs[-1])
    return Axis(
        name="error",
        place=lambda run: _between(value_of(run), low, high, low > 0),
        labels=[(0.0, number_text(low)), (1.0, number_text(high))],
    )


def _between(value: float, low: float, high: float, is_log: bool) -> float:
    if is_log:
        value, low, high = math.log(value), math.log(low), math.log(high)
    return min(max((value - low) / (high - low), 0.0), 1.0) if high > low else 0.5


def _spread(num: int) -> list[float]:
    return [index / (num - 1) for index in range(num)] if num > 1 else [0.5]


def _legend(width: int, look: Look) -> Text:
    legend = Text(no_wrap=True)
    for _, name, label in GROUPS:
        sample = look.pick("━━", class_digit(label)) if look.has_colour else class_digit(label)
        legend.append(sample, style=class_colour(label, look) if look.has_colour else "").append(f" {name}   ")
    legend.truncate(width)
    return legend


def _names(axes: Sequence[Axis], columns: Sequence[int], width: int, look: Look) -> Text:
    """Each below its axis, as much of it as there is room for."""
    room = width // len(axes)
    line = [" "] * width
    for axis, column in zip(axes, columns, strict=True):
        name = axis.name if len(axis.name) < room else axis.name[: room - 2] + look.pick("…", "~")
        start = min(max(0, column - len(name) // 2), width - len(name))
        line[start : start + len(name)] = name
    return Text("".join(line), style="bold", no_wrap=True)
