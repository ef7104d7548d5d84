"""Pictures in rows and columns, each pixel as sharp as it is."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from engine.figures.style import Style

Pictures = npt.NDArray[np.uint8]
_ENLARGED_TO = 84
"""Dots across a picture: readers of pdf and svg blur what they enlarge themselves."""
_GAP = 0.08
"""Between pictures, as a share of one's side."""
_MOST_LETTERS = 24
_EDGE_IN = 0.08
"""Of paper around all of it."""


@dataclass(frozen=True, kw_only=True)
class PictureTable:
    """``pictures`` uint8 [R, K, C, H, W] in R rows of K; grey where C is 1, red green blue where it is 3.

    ``row_names`` [R] stand on the left, ``column_names`` [K] above; either may be left out. ``facts`` goes into the
    numbers beside the pixels: whatever tells where the pictures come from.
    """

    pictures: Pictures
    row_names: Sequence[str] = ()
    column_names: Sequence[str] = ()
    row_label: str = ""
    column_label: str = ""
    facts: dict[str, Any] = field(default_factory=dict)

    def numbers(self) -> dict[str, Any]:
        return {
            "rows": list(self.row_names),
            "columns": list(self.column_names),
            **self.facts,
            "pictures": {
                "shape": list(self.pictures.shape),
                "axes": "row, column, channel, height, width",
                "dtype": "uint8",
                "base64": base64.b64encode(np.ascontiguousarray(self.pictures).tobytes()).decode("ascii"),
            },
        }

    def draw(self, style: "Style") -> "Figure":
        canvas, step_y, step_x = self._canvas(style)
        num_rows, num_columns = self.pictures.shape[:2]
        rows, columns = [list(map(_short, names)) for names in (self.row_names, self.column_names)]
        line_in = style.type_in * 1.6
        left_in = _EDGE_IN + max(map(style.width_of, rows), default=0) + (line_in if self.row_label else 0)
        picture_in = style.width_in - left_in - _EDGE_IN
        widest_in = max((style.width_of(name) for name in columns if name), default=0)
        room_in = picture_in / max(1, num_columns) * _sparseness(columns)
        is_on_end = widest_in > 0.9 * room_in
        if not is_on_end:  # the last name may stand out beyond its picture
            picture_in -= max(0.0, (widest_in - picture_in / max(1, num_columns)) / 2)
        names_in = (widest_in + 0.5 * line_in if is_on_end else line_in) if columns else 0
        top_in = _EDGE_IN + names_in + (line_in if self.column_label else 0)
        height_in = picture_in * canvas.shape[0] / canvas.shape[1]
        whole_in = top_in + height_in + _EDGE_IN
        with style.figure(height=whole_in / style.width_in, layout="placed") as figure:
            # Placed by hand: pictures have no axes that would have to find room, and all the width is theirs.
            width = style.width_in
            axes = figure.add_axes((left_in / width, _EDGE_IN / whole_in, picture_in / width, height_in / whole_in))
            axes.imshow(canvas, interpolation="none", aspect="auto")
            axes.grid(visible=False)
            axes.spines[:].set_visible(False)
            axes.tick_params(length=0, pad=2)
            axes.set_yticks([(row + 0.5) * step_y for row in range(num_rows)] if rows else [], rows)
            places = [(column + 0.5) * step_x for column in range(num_columns)] if columns else []
            axes.set_xticks(places, columns, rotation=90 if is_on_end else 0)
            axes.xaxis.tick_top()
            axes.xaxis.set_label_position("top")
            axes.set_xlabel(self.column_label, labelpad=2)
            axes.set_ylabel(self.row_label, labelpad=2)
        return figure

    def _canvas(self, style: "Style") -> tuple[Pictures, int, int]:
        """All of them in one picture [height, width, 3], and how far it is from one to the next, down and across."""
        num_rows, num_columns, _, height, width = self.pictures.shape
        times = max(1, _ENLARGED_TO // max(height, width))
        gap = max(1, round(_GAP * times * max(height, width)))
        step_y, step_x = times * height + gap, times * width + gap
        ground = [int(style.ground[at : at + 2], 16) for at in (1, 3, 5)]
        canvas = np.empty((num_rows * step_y - gap, num_columns * step_x - gap, 3), np.uint8)
        canvas[:] = ground
        for row, column in np.ndindex(num_rows, num_columns):
            large = self.pictures[row, column].repeat(times, axis=1).repeat(times, axis=2)  # [C, height, width]
            y, x = row * step_y, column * step_x
            canvas[y : y + times * height, x : x + times * width] = large.transpose(
                1, 2, 0
            )  # grey spreads to all three
        return canvas, step_y, step_x


def _short(name: str) -> str:
    return name if len(name) <= _MOST_LETTERS else f"{name[: _MOST_LETTERS - 3]}..."


def _sparseness(names: Sequence[str]) -> int:
    """Of how many columns one has a name."""
    return next((at for at, name in enumerate(names) if at and name), 1)
