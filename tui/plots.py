"""Curves and points by plotext: the only module that imports it. Pure functions, on the UI thread (a figure is shared).

plotext is given finite values, already on a log scale where one is asked for, at most two points a column, and its own
ticks are replaced: it fails on inf and on the log of values <= 0, and its cost grows with the number of points.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import plotext
from rich.cells import cell_len
from rich.text import Text

from tui.look import Look, ink, number_text
from tui.panes.loss.chart import Span

_ASCII_FRAME = str.maketrans("─│┌┐└┘├┤┬┴┼", "-|+++++++++")
_PLAIN_MARKS = "•x+o#*%@"
_ASCII_MARKS = "*x+o#@%&"
MIN_WIDTH, MIN_HEIGHT = 16, 5

_TINY = 1e-300  # below, powers of ten round to 0


@dataclass(frozen=True, kw_only=True, eq=False)
class Series:
    """One curve: ``x`` ascending, ``y`` of the same length with NaN and inf as they come, ``colour`` as #rrggbb.

    With ``points``, a glyph and its stand-in in ASCII, each value stands for itself, and no line joins them. ``figure``
    stands in the legend; None: the last of ``y``.
    """

    name: str
    x: Sequence[float] | np.ndarray
    y: Sequence[float] | np.ndarray
    colour: str
    points: tuple[str, str] | None = None
    figure: float | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class _Prepared:
    series: Series
    x: np.ndarray
    y: np.ndarray
    """Finite values only, log10 already taken where asked for."""
    odd: list[tuple[float, str]] = field(default_factory=list)
    """x and mark of what cannot be drawn: ``?`` NaN, ``^`` +inf, ``v`` -inf or nothing on a log scale."""


@dataclass(frozen=True, kw_only=True)
class _Axes:
    """``y_span`` is as it is drawn: logarithms where ``log_y``."""

    x_label: str
    log_y: bool
    x_span: Span | None
    y_span: Span | None
    cursor: float | None


def curves_text(
    curves: Sequence[Series],
    width: int,
    height: int,
    *,
    look: Look,
    log_y: bool = False,
    title: str = "",
    x_label: str = "epoch",
    x_span: Span | None = None,
    y_span: Span | None = None,
    cursor: float | None = None,
) -> Text:
    """``height`` lines of ``width`` columns: title and legend first, then the figure.

    Of the axes, ``x_span`` and ``y_span`` are shown, None: all that there is. Values that cannot be drawn stand on the
    edge as ``?`` (NaN), ``^`` (+inf, or above ``y_span``) and ``v`` (-inf, below, or <= 0 on a log scale). A line goes
    up at ``cursor``.
    """
    width, height = max(width, MIN_WIDTH), max(height, MIN_HEIGHT)
    if y_span is not None and log_y:
        y_span = (math.log10(max(y_span[0], _TINY)), math.log10(max(y_span[1], _TINY)))
    axes = _Axes(x_label=x_label, log_y=log_y, x_span=x_span, y_span=y_span, cursor=cursor)
    prepared = [_prepare(series, width, axes) for series in curves]
    legend = _legend(prepared, width, look, title + (" (log)" if log_y and title else ""))
    if len(legend) > max(1, height // 3):
        legend = legend[: max(1, height // 3)]
    figure = _figure(prepared, width, height - len(legend), look, axes)
    return Text("\n", no_wrap=True).join([*legend, *figure])


def reduce_points(x: np.ndarray, y: np.ndarray, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """At most two points a column, the lowest and the highest of each in their order, so that spikes survive."""
    if len(x) <= 2 * columns:
        return x, y
    span = (x[-1] - x[0]) or 1.0
    column = np.minimum(((x - x[0]) / span * columns).astype(int), columns - 1)
    starts = np.flatnonzero(np.r_[True, column[1:] != column[:-1]])
    keep = set[int]()
    for start, end in zip(starts, np.r_[starts[1:], len(x)], strict=True):
        keep |= {int(start + np.argmin(y[start:end])), int(start + np.argmax(y[start:end]))}
    kept = np.array(sorted(keep))
    return x[kept], y[kept]


def _prepare(series: Series, columns: int, axes: _Axes) -> _Prepared:
    log_y, x_span, y_span = axes.log_y, axes.x_span, axes.y_span
    x = np.asarray(series.x, dtype=float)
    y = np.asarray(series.y, dtype=float)
    known = np.isfinite(x)
    x, y = x[known], y[known]
    if x_span is not None:
        x, y = _cut(x, y, x_span)
    drawable = np.isfinite(y) & (y > _TINY if log_y else True)
    heights = np.where(drawable, np.log10(np.where(drawable, y, 1.0)) if log_y else y, y)
    if y_span is not None:
        with np.errstate(invalid="ignore"):
            drawable &= (heights >= y_span[0]) & (heights <= y_span[1])
    is_above = heights > (y_span[1] if y_span is not None else np.finfo(float).max)
    marks = np.where(np.isnan(y), "?", np.where(is_above, "^", "v"))[~drawable]
    odd = [(float(at), str(mark)) for at, mark in zip(x[~drawable], marks, strict=True)]
    x, heights = reduce_points(x[drawable], heights[drawable], columns)
    return _Prepared(series=series, x=x, y=heights, odd=odd)


def _cut(x: np.ndarray, y: np.ndarray, span: Span) -> tuple[np.ndarray, np.ndarray]:
    """What lies within ``span``, and where the line crosses its ends."""
    inside = (x >= span[0]) & (x <= span[1])
    found_x, found_y = [x[inside]], [y[inside]]
    finite = np.isfinite(y)
    if finite.sum() > 1:
        for place, end in ((0, span[0]), (len(found_x), span[1])):
            if x[finite][0] < end < x[finite][-1] and end not in x:
                found_x.insert(place, np.array([end]))
                found_y.insert(place, np.array([np.interp(end, x[finite], y[finite])]))
    return np.concatenate(found_x), np.concatenate(found_y)


def _legend(prepared: Iterable[_Prepared], width: int, look: Look, title: str) -> list[Text]:
    """The title, then a sample, the name and the last value of each curve, broken into lines of ``width``."""
    entries = [Text(title, style="bold")] if title else []
    for index, curve in enumerate(prepared):
        points = curve.series.points
        sample = look.pick(*points) if points else _sample(index, look)
        entry = Text(f"{sample} ", style=ink(curve.series.colour, look) if look.has_colour else "")
        entry.append(curve.series.name, style="not bold")
        if len(curve.series.y) and not points:
            figure = float(curve.series.y[-1]) if curve.series.figure is None else curve.series.figure
            entry.append(f" {number_text(figure)}", style="bold")
        if curve.odd:
            entry.append(f" ({len(curve.odd)} off the scale)", style="italic")
        entries.append(entry)
    lines = [Text(no_wrap=True)]
    for entry in entries:
        entry.truncate(width, overflow="ellipsis" if look.is_unicode else "crop")
        if lines[-1] and cell_len(lines[-1].plain) + 3 + cell_len(entry.plain) > width:
            lines.append(Text(no_wrap=True))
        if lines[-1]:
            lines[-1].append("   ")
        lines[-1].append_text(entry)
    return lines


def _sample(index: int, look: Look) -> str:
    if look.is_unicode and (look.has_colour or index == 0):
        return "━━" if look.has_colour else "⣀⣀"
    return _mark(index, look) * 2


def _mark(index: int, look: Look) -> str:
    """plotext's marker of the curve: lines of dots where colour or being the first tells it from the others."""
    if look.is_unicode and (look.has_colour or index == 0):
        return "braille"
    return _PLAIN_MARKS[index % len(_PLAIN_MARKS)] if look.is_unicode else _ASCII_MARKS[index % len(_ASCII_MARKS)]


def _figure(
    prepared: Sequence[_Prepared],
    width: int,
    height: int,
    look: Look,
    axes: _Axes,
) -> list[Text]:
    columns = [value for curve in prepared for value in (*curve.x, *(at for at, _ in curve.odd))]
    x_low, x_high = _limits(columns, 0.0) if len(set(columns)) != 1 else (columns[0] - 1, columns[0] + 1)
    y_low, y_high = _limits([value for curve in prepared for value in curve.y], 0.04)
    x_low, x_high = axes.x_span or (x_low, x_high)
    y_low, y_high = axes.y_span or (y_low, y_high)
    plotext.terminal.limit(False, False)
    figure = plotext.figure
    figure.clear()
    figure.plot_size(width, height)
    figure.theme("colorless")
    figure.axes(False, axis="x", side="upper")
    figure.axes(False, axis="y", side="right")
    for index, curve in enumerate(prepared):
        colour = plotext.pixel(_rgb(ink(curve.series.colour, look))) if look.has_colour else None
        points = curve.series.points
        symbol = look.pick(*points) if points else _mark(index, look)
        if len(curve.x) == 1 and not points:  # a single braille dot is easily missed
            symbol = look.pick("●", "*") if look.has_colour else _PLAIN_MARKS[index % len(_PLAIN_MARKS)]
            symbol = symbol if look.is_unicode else _ASCII_MARKS[index % len(_ASCII_MARKS)]
        if len(curve.x):
            marker = plotext.marker(symbol, colour)
            figure.draw(
                figure.signal(curve.x.tolist(), curve.y.tolist(), marker=marker).lines(len(curve.x) > 1 and not points)
            )
        for at, mark in curve.odd:
            edge = y_high if mark == "^" else y_low
            figure.draw(figure.signal([at], [edge], marker=plotext.marker(mark, colour)))
    y_values, y_names = _y_ticks(y_low, y_high, max(2, height // 4), axes.log_y)
    x_values, x_names = _x_ticks(x_low, x_high, max(2, width // 12))
    figure.ruler("x", "lower").lim(x_low, x_high).ticks(x_values, x_names)
    figure.ruler("y", "left").lim(y_low, y_high).ticks(y_values, y_names)
    drawn = figure.build().string()
    lines = list(Text.from_ansi(drawn if look.is_unicode else drawn.translate(_ASCII_FRAME)).split("\n"))
    margin = max((len(name) for name in y_names), default=0) + 1
    for line in lines[:-2]:
        line.stylize("dim", 0, margin)
    for line in lines[-2:]:
        line.stylize("dim")
    if axes.cursor is not None and x_low <= axes.cursor <= x_high:
        column = margin + round((axes.cursor - x_low) / (x_high - x_low) * (width - margin - 1))
        lines = [_with_cursor(line, column, look) for line in lines[:-2]] + lines[-2:]
    return _with_label(lines, axes.x_label, width)


def _with_cursor(line: Text, column: int, look: Look) -> Text:
    """An upright stroke where ``line`` is empty; what is there already stands out."""
    under = line[column : column + 1]
    if under.plain.strip(" \u2800"):
        under.stylize("reverse")
    else:
        under = Text(look.pick("│", "|"), style="dim")
    return line[:column] + under + line[column + 1 :]


def _with_label(lines: list[Text], label: str, width: int) -> list[Text]:
    """``label`` over the right end of the axis line: a line of its own would be taken from the curve."""
    if len(lines) > 1 and len(label) + 12 < width:
        axis = lines[-2]
        styled = Text(f" {label} ", style="dim")
        lines[-2] = axis[: width - len(label) - 3] + styled + axis[width - 1 :]
    return lines


def _limits(values: Sequence[float], margin: float) -> tuple[float, float]:
    if not values:
        return 0.0, 1.0
    low, high = min(values), max(values)
    if high - low <= 1e-12 * max(abs(low), abs(high), 1e-30):
        half = abs(low) * 0.1 or 0.5
        return low - half, high + half
    extra = (high - low) * margin
    return low - extra, high + extra


def _steps(low: float, high: float, most: int) -> np.ndarray:
    """Round values (1, 2 or 5 times a power of ten apart) within the limits, ``most`` or a few less."""
    rough = (high - low) / max(most, 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * (1 - 1e-9))
    return np.arange(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1) * step


def _y_ticks(low: float, high: float, most: int, log_y: bool) -> tuple[list[float], list[str]]:
    if not log_y:
        values = _steps(low, high, most)
        return values.tolist(), _aligned(values)
    bottom, top = 10.0**low, 10.0**high
    if high - low < 0.7:  # less than a factor of five: round values serve better than powers
        real = _steps(bottom, top, most)
        real = real[real > 0]
    else:
        decades = range(math.floor(low), math.ceil(high) + 1)
        for factors in ((1, 2, 5), (1, 3), (1,)):
            real = np.array([f * 10.0**d for d in decades for f in factors if bottom <= f * 10.0**d <= top])
            if len(real) <= most + 1:
                break
        real = real[:: max(1, math.ceil(len(real) / (most + 1)))]
    names = [number_text(float(value)) for value in real]
    widest = max(map(len, names), default=0)
    return np.log10(real).tolist() if len(real) else [], [name.rjust(widest) for name in names]


def _x_ticks(low: float, high: float, most: int) -> tuple[list[float], list[str]]:
    values = _steps(low, high, most)
    if high - low >= 1:  # epochs and steps: whole numbers only
        values = np.unique(np.round(values))
        values = values[(values >= low - 1e-9) & (values <= high + 1e-9)]
    return values.tolist(), [f"{value:.10g}" for value in values]


def _aligned(values: np.ndarray) -> list[str]:
    names = [f"{value:.6g}" for value in values]
    decimals = max((len(name.partition(".")[2]) for name in names if "e" not in name), default=0)
    names = [name if "e" in name else f"{float(name):.{decimals}f}" for name in names]
    widest = max(map(len, names), default=0)
    return [name.rjust(widest) for name in names]


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
