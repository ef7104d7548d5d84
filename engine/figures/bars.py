"""One bar a class, a unit or a setting."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.figures.numbers import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from engine.figures.style import Style

_MOST_UPRIGHT = 12
"""Names longer than this, all taken together with their number, lie on their side."""


@dataclass(frozen=True, kw_only=True)
class Bars:
    """``are_classes``: each in the colour of its class. ``threshold``: a line across, and what it is called."""

    names: Sequence[str]
    values: Sequence[float]
    names_label: str
    values_label: str
    is_horizontal: bool = False
    are_classes: bool = False
    threshold: tuple[float, str] | None = None

    def numbers(self) -> Table:
        return Table(
            columns=(self.names_label, self.values_label), rows=list(zip(self.names, self.values, strict=True))
        )

    def draw(self, style: "Style") -> "Figure":
        places = list(range(len(self.names)))
        colours = [style.class_colour(place) if self.are_classes else style.run_colour(0) for place in places]
        with style.figure(height=0.62 if not self.is_horizontal else 0.14 + 0.06 * len(places)) as figure:
            axes = figure.subplots()
            if self.is_horizontal:
                axes.barh(places, self.values, color=colours, height=0.7)
                axes.set_yticks(places, self.names)
                axes.invert_yaxis()  # the first on top
                axes.set_xlabel(self.values_label)
                axes.grid(visible=False, axis="y")
            else:
                axes.bar(places, self.values, color=colours, width=0.75)
                is_crowded = sum(map(len, self.names)) * 2 > 30 * style.columns
                axes.set_xticks(
                    places, self.names, rotation=45 if is_crowded else 0, ha="right" if is_crowded else "center"
                )
                axes.set_xlabel(self.names_label)
                axes.set_ylabel(self.values_label)
                axes.grid(visible=False, axis="x")
            if self.threshold is not None:
                value, name = self.threshold
                mark = axes.axvline if self.is_horizontal else axes.axhline
                line = mark(value, color=style.ink, linewidth=0.8, linestyle="--")
                axes.legend([line], [name])
        return figure
