"""One bar a class, a unit or a setting."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.figures.numbers import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from engine.figures.style import Style

_BAR_IN, _AROUND_IN = 0.24, 0.5
"""What a lying bar takes, and all of them what is below."""


@dataclass(frozen=True, kw_only=True)
class Bars:
    """``are_classes``: each in the colour of its class. Where names are too long to stand below, the bars lie."""

    names: Sequence[str]
    values: Sequence[float]
    names_label: str
    values_label: str
    is_horizontal: bool = False
    are_classes: bool = False

    def numbers(self) -> Table:
        return Table(
            columns=(self.names_label, self.values_label), rows=list(zip(self.names, self.values, strict=True))
        )

    def draw(self, style: "Style") -> "Figure":
        places = list(range(len(self.names)))
        colours = [style.class_colour(place) if self.are_classes else style.run_colour(0) for place in places]
        is_long = max(map(style.width_of, self.names)) * len(places) > 0.7 * style.width_in
        lies = self.is_horizontal or is_long
        height = (_AROUND_IN + _BAR_IN * len(places)) / style.width_in if lies else 0.6
        with style.figure(height, layout="tight") as figure:
            axes = figure.subplots()
            if lies:
                axes.barh(places, self.values, color=colours, height=0.7)
                axes.set_yticks(places, self.names)
                axes.invert_yaxis()  # the first on top
                axes.set_xlabel(self.values_label)
                axes.grid(visible=False, axis="y")
            else:
                axes.bar(places, self.values, color=colours, width=0.75)
                axes.set_xticks(places, self.names)
                axes.set_xlabel(self.names_label)
                axes.set_ylabel(self.values_label)
                axes.grid(visible=False, axis="x")
        return figure
