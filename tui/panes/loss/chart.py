"""How the loss pane looks at its curves: axes, smoothing, window, cursor. Frozen: each key makes a new one."""

import bisect
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

Span = tuple[float, float]

X_AXES = ("epoch", "step", "time")
SMOOTHINGS = (0.0, 0.5, 0.8, 0.9, 0.95, 0.98)
PARTS = ("val", "train")
TOP = (0, 3, 5, 10)
_ZOOM = 2.0
_PAN = 0.25


@dataclass(frozen=True, kw_only=True)
class Chart:
    """``x_span`` and ``y_span`` are what is shown of the axes, None all that there is; ``cursor`` is a place on x.

    ``smoothing`` is the weight of the past (0: none), ``part`` what is shown of runs that lie over each other.
    ``without_outliers``: the y axis ends where all but the outermost twentieths of the values do.
    """

    x_axis: str = "epoch"
    log_y: bool = False
    smoothing: float = 0.0
    part: str = "val"
    without_outliers: bool = False
    x_span: Span | None = None
    y_span: Span | None = None
    cursor: float | None = None

    def with_next_axis(self) -> Self:
        """The next of epoch, step and time; all of it, as places on one mean nothing on another."""
        following = X_AXES[(X_AXES.index(self.x_axis) + 1) % len(X_AXES)]
        return replace(self, x_axis=following, x_span=None, cursor=None)

    def with_next_part(self) -> Self:
        return replace(self, part=PARTS[(PARTS.index(self.part) + 1) % len(PARTS)])

    def smoothed(self, steps: int) -> Self:
        at = SMOOTHINGS.index(self.smoothing) + steps
        return replace(self, smoothing=SMOOTHINGS[max(0, min(len(SMOOTHINGS) - 1, at))])

    def whole(self) -> Self:
        """All that there is, of both axes, without a cursor."""
        return replace(self, x_span=None, y_span=None, without_outliers=False, cursor=None)

    def zoomed(self, extent: Span, steps: int) -> Self:
        """The x axis halved (``steps`` > 0) or doubled around the cursor, else its middle, within ``extent``."""
        low, high = self.x_span or extent
        width = (high - low) / _ZOOM**steps
        if width <= 0 or not math.isfinite(width):
            return self
        if width >= extent[1] - extent[0]:
            return replace(self, x_span=None)
        middle = self.cursor if self.cursor is not None and low <= self.cursor <= high else (low + high) / 2
        # The cursor keeps its place on the screen.
        start = middle - (middle - low) / _ZOOM**steps
        return replace(self, x_span=_within((start, start + width), extent))

    def panned(self, extent: Span, steps: int) -> Self:
        """A quarter of the window on or back; nothing where all is shown."""
        if self.x_span is None:
            return self
        low, high = self.x_span
        by = (high - low) * _PAN * steps
        return replace(self, x_span=_within((low + by, high + by), extent))

    def moved(self, places: Sequence[float], steps: int) -> Self:
        """The cursor ``steps`` of ``places`` (ascending) on, the window with it; at first at the last one shown."""
        if not places:
            return self
        if self.cursor is None:
            high = self.x_span[1] if self.x_span else math.inf
            at = max(0, bisect.bisect_right(places, high) - 1)
        else:
            at = max(0, min(len(places) - 1, _nearest(places, self.cursor) + steps))
        cursor, span = places[at], self.x_span
        if span and not span[0] <= cursor <= span[1]:
            by = cursor - (span[0] if cursor < span[0] else span[1])
            span = (span[0] + by, span[1] + by)
        return replace(self, cursor=cursor, x_span=span)


def _nearest(places: Sequence[float], to: float) -> int:
    at = bisect.bisect_left(places, to)
    if at == len(places) or (at and to - places[at - 1] <= places[at] - to):
        return at - 1
    return at


def _within(span: Span, extent: Span) -> Span:
    """``span`` moved so that it does not reach out of ``extent``."""
    low, high = span
    if low < extent[0]:
        return extent[0], extent[0] + (high - low)
    if high > extent[1]:
        return extent[1] - (high - low), extent[1]
    return span
