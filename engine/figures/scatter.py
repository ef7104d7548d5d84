"""Codes as points, coloured by class."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from engine.figures.numbers import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from engine.figures.style import Style

UNLABELLED = "no label"
_WIDEST_BESIDE_IN = 0.6
"""Longer names of classes stand below the clouds."""
_MOST_LETTERS = 3
"""Longer names cover the cloud."""
_INKED_PT2, _SIZES_PT2 = 3000.0, (3.0, 14.0)
"""How much of a cloud is ink, and how large a point may be."""
PLAIN_POWERS = (-2, 4)
"""Of ten: beyond them an axis names the power once, for its numbers would run into each other."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Cloud:
    """``points`` [N, 2] by one method."""

    title: str
    points: npt.NDArray[np.floating]
    x_label: str
    y_label: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Scatter:
    """``clouds`` of the same N images side by side; ``labels`` [N] (-1: none) count in ``class_names``."""

    clouds: Sequence[Cloud]
    labels: npt.NDArray[np.integer]
    class_names: Sequence[str]

    def numbers(self) -> Table:
        names = [f"{cloud.title} {axis}" for cloud in self.clouds for axis in (cloud.x_label, cloud.y_label)]
        coordinates = np.concatenate([cloud.points for cloud in self.clouds], axis=1)
        return Table(
            columns=("class", *names),
            rows=[
                (self._name(label), *map(float, places)) for label, places in zip(self.labels, coordinates, strict=True)
            ],
        )

    def draw(self, style: "Style") -> "Figure":
        is_stacked = style.columns == 1 and len(self.clouds) > 1
        rows, columns = (len(self.clouds), 1) if is_stacked else (1, len(self.clouds))
        height = rows * 0.85 if is_stacked or style.columns == 1 else (0.5 if columns > 1 else 0.72)
        with style.figure(height=height) as figure:
            all_axes = list(figure.subplots(rows, columns, squeeze=False).flat)
            for cloud, axes in zip(self.clouds, all_axes, strict=True):
                self._draw(cloud, axes, style)
            handles, names = all_axes[0].get_legend_handles_labels()
            widest_in = max(map(style.width_of, names), default=0)
            is_below = widest_in > _WIDEST_BESIDE_IN
            figure.legend(
                handles,
                names,
                loc="outside lower center" if is_below else "outside right center",
                ncols=max(1, int(style.width_in / (widest_in + 0.3))) if is_below else 1,
                markerscale=2,
                handletextpad=0.1,
                borderpad=0,
            )
        return figure

    def _draw(self, cloud: Cloud, axes: "Axes", style: "Style") -> None:
        from matplotlib.patheffects import withStroke

        size = float(np.clip(_INKED_PT2 / max(len(self.labels), 1), *_SIZES_PT2)) ** 0.5
        for label in np.unique(self.labels):
            own = cloud.points[self.labels == label]
            colour = style.ink if label < 0 else style.class_colour(int(label))
            # Markers of a line: all alike, they are drawn in half of the time that a scatter takes.
            look = {"linestyle": "", "marker": "o", "markersize": size, "markeredgewidth": 0, "alpha": 0.75}
            axes.plot(own[:, 0], own[:, 1], color=colour, label=self._name(label), **look)
        for label in np.unique(self.labels[self.labels >= 0]):  # classes can be told apart without colour, too
            if len(self._name(label)) > _MOST_LETTERS:
                continue
            own = cloud.points[self.labels == label]
            middle = own[np.linalg.norm(own - np.median(own, axis=0), axis=1).argmin()]
            halo = [withStroke(linewidth=2, foreground=style.ground)]
            axes.text(
                middle[0], middle[1], self._name(label), ha="center", va="center", fontsize="large", path_effects=halo
            )
        axes.ticklabel_format(scilimits=PLAIN_POWERS)
        axes.set_title(cloud.title)
        axes.set_xlabel(cloud.x_label)
        axes.set_ylabel(cloud.y_label)

    def _name(self, label: int) -> str:
        return UNLABELLED if label < 0 else self.class_names[label]
