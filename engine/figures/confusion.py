"""Which class is taken for which."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from engine.figures.numbers import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from engine.figures.style import Style


@dataclass(frozen=True, kw_only=True)
class Confusion:
    """``counts`` [K][K]: how many images of a row's class were taken for a column's."""

    counts: Sequence[Sequence[int]]
    class_names: Sequence[str]

    def numbers(self) -> Table:
        return Table(
            columns=("true class", *self.class_names),
            rows=[(name, *row) for name, row in zip(self.class_names, self.counts, strict=True)],
        )

    def draw(self, style: "Style") -> "Figure":
        counts = np.array(self.counts)
        shares = counts / counts.sum(axis=1, keepdims=True).clip(min=1)
        places = range(len(counts))
        with style.figure(height=0.95 if style.columns == 1 else 0.8) as figure:
            axes = figure.subplots()
            image = axes.imshow(shares, cmap="cividis", vmin=0, vmax=1)
            for row, column in np.ndindex(*counts.shape):
                if counts[row, column]:
                    ink = "white" if shares[row, column] < 0.5 else "black"
                    size = 4.5 if style.columns == 1 else 7
                    axes.text(column, row, f"{counts[row, column]}", ha="center", va="center", color=ink, fontsize=size)
            is_long = max(map(len, self.class_names)) > 2
            axes.set_xticks(
                places, self.class_names, rotation=45 if is_long else 0, ha="right" if is_long else "center"
            )
            axes.set_yticks(places, self.class_names)
            axes.set_xlabel("predicted class")
            axes.set_ylabel("true class")
            axes.grid(visible=False)
            axes.tick_params(length=0)
            figure.colorbar(image, ax=axes, label="share of the true class", shrink=0.8)
        return figure
