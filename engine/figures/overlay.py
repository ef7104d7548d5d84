"""The validation curves of several runs over each other."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from engine.figures.style import Style

_NAMES = {"mse": "mean squared error"}


@dataclass(frozen=True, kw_only=True)
class Overlay:
    """``curves``: run -> epochs and values of ``measure`` (``mse``, ``loss``) on the validation images."""

    measure: str
    curves: Mapping[str, tuple[Sequence[float], Sequence[float]]]

    COLUMNS = ("run", "epoch", "value")

    def rows(self) -> Iterator[tuple[str, float, float]]:
        """What is drawn, a row a point."""
        for name, (epochs, values) in self.curves.items():
            for epoch, value in zip(epochs, values, strict=True):
                yield name, epoch, value

    def draw(self, style: "Style") -> "Figure":
        from matplotlib.ticker import MaxNLocator  # 0.3 s, for those who draw

        with style.figure(height=0.55) as figure:
            axes = figure.subplots()
            for number, (epochs, values) in enumerate(self.curves.values()):
                mark = "o" if len(epochs) == 1 else ""  # a line of one point is nothing
                axes.plot(epochs, values, color=style.run_colour(number), marker=mark, markersize=3)
            axes.set_xlabel("epoch")
            axes.set_ylabel(f"{_NAMES.get(self.measure, self.measure)} (validation)")
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
            axes.legend(axes.lines, list(self.curves))
        return figure
