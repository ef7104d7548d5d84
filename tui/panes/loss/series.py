"""What is done to the series of the loss pane before they are drawn. Pure functions."""

import math
from dataclasses import replace

import numpy as np

from tui.panes.loss.chart import Span
from tui.panes.loss.curves import smoothed
from tui.plots import Series

_OUTER = 5.0  # percent of the values at either end that count as outliers
_FEW_VALUES = 5


def in_units(series: list[Series], axis: str) -> tuple[list[Series], str]:
    """Along ``axis``, and what that is called: seconds as minutes."""
    if axis != "time":
        return series, axis
    return [replace(each, x=np.asarray(each.x) / 60) for each in series], "minutes"


def value_at(series: Series, place: float) -> float:
    """The value of ``series`` nearest to ``place`` on the x axis; NaN where there is none."""
    if not len(series.x):
        return math.nan
    distances = np.abs(np.asarray(series.x, dtype=float) - place)
    return math.nan if np.isnan(distances).all() else float(series.y[int(np.nanargmin(distances))])


def with_smoothing(series: Series, weight: float) -> Series:
    """Drawn smoothed; the figure in its legend stays one that was measured."""
    figure = series.figure if series.figure is not None or not len(series.y) else float(series.y[-1])
    return replace(series, y=smoothed(np.asarray(series.y, dtype=float), weight), figure=figure)


def without_outliers(series: list[Series], x_span: Span | None) -> Span | None:
    """The y axis on which all but the outermost values within ``x_span`` lie; None where there are too few to tell."""
    values = [
        y for each in series for x, y in zip(each.x, each.y, strict=True) if not x_span or x_span[0] <= x <= x_span[1]
    ]
    known = np.array(values, dtype=float)
    known = known[np.isfinite(known)]
    if len(known) < _FEW_VALUES:
        return None
    low, high = np.percentile(known, (_OUTER, 100 - _OUTER))
    margin = 0.04 * (high - low)
    bottom = low - margin if low - margin > 0 or low <= 0 else low  # on a log scale, 0 is far away
    return (float(bottom), float(high + margin)) if high > low else None
