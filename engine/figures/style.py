"""The one style of all figures: sizes, type, colours. Matplotlib's own settings stay as they are."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.layout_engine import ConstrainedLayoutEngine, LayoutEngine, TightLayoutEngine
from matplotlib.textpath import TextPath

from engine.colours import CLASS_COLOURS, CLASS_INKS, RUN_COLOURS
from engine.figures.face import families

_WIDTHS_IN = {1: 3.35, 2: 6.9}
"""Of one column and of two, as journals have them."""
_TYPE_PT = 8
_PAD_IN = 0.06
Layout = Literal["constrained", "tight", "placed"]
_INKED = ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color")
_DARK, _LIGHT = "#12161b", "#ffffff"
_DARK_INK, _LIGHT_INK = "#22272e", "#d6dae0"


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

    def class_colour(self, number: int) -> str:
        """Of the ``number``-th class: the same hue on the screen and in every figure."""
        return (CLASS_COLOURS if self.is_dark else CLASS_INKS)[number % len(CLASS_COLOURS)]

    @property
    def ink(self) -> str:
        """Of type and axes."""
        return _LIGHT_INK if self.is_dark else _DARK_INK

    @property
    def ground(self) -> str:
        return _DARK if self.is_dark else _LIGHT

    @property
    def width_in(self) -> float:
        return _WIDTHS_IN[self.columns]

    @property
    def type_in(self) -> float:
        """How high a line of type is, in inches."""
        return _TYPE_PT / 72

    def width_of(self, text: str) -> float:
        """In inches."""
        if not text.strip():
            return 0.0
        outline = TextPath((0, 0), text, size=_TYPE_PT, prop=FontProperties(family=families()))
        return float(outline.get_extents().x1) / 72

    @contextmanager
    def figure(self, height: float, layout: Layout = "constrained") -> Iterator[Figure]:
        """A figure to be drawn on meanwhile; ``height`` as a share of its width.

        Room for what stands around its axes is found by itself, unless they are ``placed`` already. ``tight`` knows
        nothing of what belongs to no axes, and takes half of the time.
        """
        with self.applied():
            engine: LayoutEngine | None = None
            if layout == "constrained":
                engine = ConstrainedLayoutEngine(w_pad=_PAD_IN, h_pad=_PAD_IN)
            elif layout == "tight":
                engine = TightLayoutEngine(pad=_PAD_IN * 72 / _TYPE_PT)
            yield Figure(figsize=(self.width_in, self.width_in * height), dpi=self.dpi, layout=engine)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Matplotlib's settings are those of the style meanwhile."""
        with mpl.rc_context(self._settings()):
            yield

    def _settings(self) -> dict[Any, Any]:  # matplotlib has a type for each name that it knows
        return {
            "font.family": "sans-serif",
            "font.sans-serif": families(),
            "font.size": _TYPE_PT,
            "axes.titlesize": _TYPE_PT,
            "legend.fontsize": _TYPE_PT - 1,
            "legend.frameon": False,
            "lines.linewidth": 1.2,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "axes.axisbelow": True,
            "grid.linewidth": 0.4,
            "grid.alpha": 0.3,
            **dict.fromkeys(_INKED, self.ink),
            **dict.fromkeys(("figure.facecolor", "axes.facecolor", "savefig.facecolor"), self.ground),
        }
