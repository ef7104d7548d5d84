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
        with style.figure(height=0.7 * rows if is_stacked else (0.62 if columns == 1 else 0.4)) as figure:
            for panel, axes in zip(self.panels, figure.subplots(rows, columns, squeeze=False).flat, strict=True):
                _draw(panel, axes, style)
        return figure


def _draw(panel: Panel, axes: "Axes", style: "Style") -> None:
    from matplotlib.ticker import MaxNLocator  # 0.3 s, for those who draw

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
    elif panel.is_x_whole:
        axes.xaxis.set_major_locator(MaxNLocator(nbins="auto", integer=True, min_n_ticks=1))
    if panel.log_y:
        axes.set_yscale("log")
    if len(entries) > 1:
        axes.legend(list(entries.values()), list(entries))
