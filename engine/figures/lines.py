"""Curves and points over a common axis: histories, a search's course, one number over another."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from engine.figures.numbers import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    from engine.figures.style import Style

Look = Literal["line", "dashed", "faint", "steps", "points", "crosses"]
_HEIGHTS, _BESIDE_HEIGHT = {1: 0.78, 2: 0.6}, 0.42
"""Of one panel that has the whole width, and of several side by side, as shares of it."""
_HANDLE_IN = 0.45
"""What an entry of the legend takes beside its name."""
LOG_TICKS = (1.0, 2.0, 5.0)
PLAIN = "{x:g}"
"""Ticks of a logarithmic axis: in numbers, for errors that span a factor of ten or two."""

_LOOKS: dict[Look, dict[str, Any]] = {
    "line": {},
    "dashed": {"linestyle": "--"},
    "faint": {"linewidth": 0.7, "alpha": 0.5},
    "steps": {"drawstyle": "steps-post"},
    "points": {"linestyle": "", "marker": "o", "markersize": 3.5},
    "crosses": {"linestyle": "", "marker": "x", "markersize": 4, "markeredgewidth": 0.9},
}


@dataclass(frozen=True, kw_only=True)
class Line:
    """``colour``: the number of one of the style's. Lines of one name share an entry of the legend.

    ``notes``, if there are any, stand beside the points, one each.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]
    colour: int = 0
    look: Look = "line"
    notes: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Panel:
    """``marked_x``: where a thin upright line stands, and what the legend calls it."""

    y_label: str
    lines: Sequence[Line]
    x_label: str = "epoch"
    log_x: bool = False
    log_y: bool = False
    is_x_whole: bool = True
    marked_x: tuple[float, str] | None = None


@dataclass(frozen=True, kw_only=True)
class Lines:
    """Panels side by side."""

    panels: Sequence[Panel]

    def numbers(self) -> Table:
        return Table(
            columns=("panel", "line", "x", "y", "note"),
            rows=[
                (panel.y_label, line.name, x, y, note)
                for panel in self.panels
                for line in panel.lines
                for x, y, note in zip(line.x, line.y, line.notes or [""] * len(line.x), strict=True)
            ],
        )

    def draw(self, style: "Style") -> "Figure":
        is_stacked = style.columns == 1 and len(self.panels) > 1
        rows, columns = (len(self.panels), 1) if is_stacked else (1, len(self.panels))
        height = _BESIDE_HEIGHT if columns > 1 else _HEIGHTS[style.columns]
        with style.figure(height=height * rows, layout="tight") as figure:
            for panel, axes in zip(self.panels, figure.subplots(rows, columns, squeeze=False).flat, strict=True):
                _draw(panel, axes, style, style.width_in / columns)
        return figure


def _draw(panel: Panel, axes: "Axes", style: "Style", width_in: float) -> None:
    from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator  # 0.3 s, for those who draw

    entries: dict[str, Line2D] = {}
    for line in panel.lines:
        look = _LOOKS[line.look]
        if len(line.x) == 1 and "marker" not in look:
            look = {**look, **_LOOKS["points"]}  # a line of one point is nothing
        (drawn,) = axes.plot(line.x, line.y, color=style.run_colour(line.colour), **look)
        entries.setdefault(line.name, drawn)
        for x, y, note in zip(line.x, line.y, line.notes, strict=False):
            axes.annotate(note, (x, y), xytext=(3, 3), textcoords="offset points", fontsize="small")
    if panel.marked_x is not None:
        x, name = panel.marked_x
        entries[name] = axes.axvline(x, color=style.ink, linewidth=0.7, linestyle=":", zorder=0)
    axes.set_xlabel(panel.x_label)
    axes.set_ylabel(panel.y_label)
    if panel.log_x:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=LOG_TICKS))
        axes.xaxis.set_major_formatter(PLAIN)
    elif panel.is_x_whole:
        axes.xaxis.set_major_locator(MaxNLocator(nbins="auto", integer=True, min_n_ticks=1))
    if panel.log_y:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=LOG_TICKS))
        axes.yaxis.set_major_formatter(PLAIN)
        axes.yaxis.set_minor_locator(NullLocator())
    if len(entries) > 1:
        widest = max(map(style.width_of, entries)) + _HANDLE_IN
        columns = max(1, int(0.85 * width_in / widest))
        # Above, where no data can be: "best" lies over something where curves fill the panel.
        axes.legend(
            list(entries.values()),
            list(entries),
            ncols=columns,
            loc="lower left",
            bbox_to_anchor=(0.0, 1.0),
            borderaxespad=0.2,
            columnspacing=1.2,
        )
