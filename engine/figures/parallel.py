"""A search's runs as lines through their settings, coloured by their error."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.figures.lines import LOG_TICKS, PLAIN
from engine.figures.numbers import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from engine.figures.style import Style

_TICK_PT = 6


@dataclass(frozen=True, kw_only=True)
class Axis:
    """A setting: on a logarithmic scale where ``is_log``; ``choices`` stand one above the other, else none."""

    name: str
    choices: Sequence[str] = ()
    is_log: bool = False

    def place(self, value: Any) -> float:
        if self.choices:
            return float(self.choices.index(str(value)))
        return math.log10(value) if self.is_log else float(value)

    def shown(self, place: float) -> str:
        if self.choices:
            return self.choices[round(place)]
        return f"{10**place if self.is_log else place:.3g}"


@dataclass(frozen=True, kw_only=True)
class Course:
    """One run: ``settings`` by the names of the axes (one that it lacks is passed over)."""

    run: str
    settings: dict[str, Any]
    value: float


@dataclass(frozen=True, kw_only=True)
class ParallelCoordinates:
    """``value_name`` is what is drawn on the last axis, lower is better."""

    axes: Sequence[Axis]
    courses: Sequence[Course]
    value_name: str

    def numbers(self) -> Table:
        names = [axis.name for axis in self.axes]
        return Table(
            columns=("run", *names, self.value_name),
            rows=[
                (course.run, *(course.settings.get(name, "") for name in names), course.value)
                for course in self.courses
            ],
        )

    def draw(self, style: "Style") -> "Figure":
        from matplotlib import colormaps
        from matplotlib.cm import ScalarMappable
        from matplotlib.colors import LogNorm, Normalize
        from matplotlib.ticker import LogLocator, NullLocator

        values = [course.value for course in self.courses]
        log = min(values) > 0 and max(values) > 5 * min(values)
        norm = (LogNorm if log else Normalize)(min(values), max(values))
        colours = ScalarMappable(norm, colormaps["viridis"])
        all_axes = [*self.axes, Axis(name=self.value_name, is_log=log)]
        with style.figure(height=0.62 if style.columns == 1 else 0.45) as figure:
            axes = figure.subplots()
            places = self._places(all_axes)
            # The best last: it lies on top.
            for course, heights in sorted(zip(self.courses, places, strict=True), key=lambda each: -each[0].value):
                known = [(x, y) for x, y in enumerate(heights) if y is not None]
                axes.plot(*zip(*known, strict=True), color=colours.cmap(norm(course.value)), linewidth=0.9, alpha=0.9)
            self._label(axes, all_axes, style)
            bar = figure.colorbar(colours, ax=axes, label=self.value_name, shrink=0.9, format=PLAIN)
            if log:
                bar.ax.yaxis.set_major_locator(LogLocator(subs=LOG_TICKS))
                bar.ax.yaxis.set_minor_locator(NullLocator())
        return figure

    def _places(self, all_axes: Sequence[Axis]) -> list[list[float | None]]:
        """Of each course its height from 0 to 1 on each axis, None where it has none."""
        columns = [self._column(axis) for axis in all_axes]
        heights = []
        for column, axis in zip(columns, all_axes, strict=True):
            low, high = _range(column, axis)
            heights.append([None if place is None else (place - low) / ((high - low) or 1) for place in column])
        return [list(course) for course in zip(*heights, strict=True)]

    def _column(self, axis: Axis) -> list[float | None]:
        if axis.name == self.value_name:
            return [axis.place(course.value) for course in self.courses]
        return [
            axis.place(course.settings[axis.name]) if axis.name in course.settings else None for course in self.courses
        ]

    def _label(self, axes: "Axes", all_axes: Sequence[Axis], style: "Style") -> None:
        from matplotlib.patheffects import withStroke

        for x, axis in enumerate(all_axes):
            axes.axvline(x, color=style.ink, linewidth=0.7, zorder=0)
            low, high = _range(self._column(axis), axis)
            ticks = range(len(axis.choices)) if axis.choices else (low, high)
            for tick in dict.fromkeys(map(float, ticks)):
                height = (tick - low) / ((high - low) or 1)
                halo = [withStroke(linewidth=2, foreground=style.ground)]
                axes.text(
                    x,
                    height,
                    axis.shown(tick),
                    ha="center",
                    va="center",
                    fontsize=_TICK_PT,
                    path_effects=halo,
                    zorder=5,
                )
        names = [axis.name for axis in all_axes]
        is_narrow = style.columns == 1
        axes.set_xticks(
            range(len(names)), names, rotation=30 if is_narrow else 0, ha="right" if is_narrow else "center"
        )
        axes.set_yticks([])
        axes.set_ylim(-0.06, 1.06)
        axes.grid(visible=False)
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0)


def _range(column: Sequence[float | None], axis: Axis) -> tuple[float, float]:
    if axis.choices:
        return 0.0, float(len(axis.choices) - 1)
    known = [place for place in column if place is not None]
    return min(known), max(known)
