"""The one style of all figures: sizes, type, colours. Matplotlib's own settings stay as they are."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from engine.colours import CLASS_COLOURS, CLASS_INKS, RUN_COLOURS

_WIDTHS_IN = {1: 3.35, 2: 6.9}
"""Of one column and of two, as journals have them."""
_TYPE_PT = 8
_DARK, _LIGHT = "#12161b", "#ffffff"


@dataclass(frozen=True, kw_only=True)
class Style:
    """``columns``: 1 or 2, the width in a journal's page. ``dpi`` counts where dots are drawn: in ``png``."""

    columns: int = 2
    dpi: int = 200
    is_dark: bool = False

    def run_colour(self, number: int) -> str:
        """Of the ``number``-th of several runs, as the screen has it on such a ground."""
        colour = RUN_COLOURS[number % len(RUN_COLOURS)]
        return colour if self.is_dark else CLASS_INKS[CLASS_COLOURS.index(colour)]

    @contextmanager
    def figure(self, height: float) -> Iterator[tuple[Figure, Axes]]:
        """A figure with one pair of axes to be drawn on meanwhile; ``height`` as a share of its width."""
        width = _WIDTHS_IN[self.columns]
        with mpl.rc_context(self._settings()):
            figure = Figure(figsize=(width, width * height), layout="constrained")
            yield figure, figure.subplots()

    def _settings(self) -> dict[Any, Any]:  # matplotlib has a type for each name that it knows
        ink, ground = ("#d6dae0", _DARK) if self.is_dark else ("#22272e", _LIGHT)
        return {
            "font.family": "sans-serif",
            "font.sans-serif": ["DejaVu Sans"],  # it comes with matplotlib: the same type on every machine
            "font.size": _TYPE_PT,
            "axes.titlesize": _TYPE_PT,
            "legend.fontsize": _TYPE_PT - 1,
            "legend.frameon": False,
            "lines.linewidth": 1.2,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "grid.linewidth": 0.4,
            "grid.alpha": 0.3,
            **dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), ink),
            **dict.fromkeys(("figure.facecolor", "axes.facecolor", "savefig.facecolor"), ground),
        }
