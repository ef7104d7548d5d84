"""The latent canvas: numpy dots -> cells of a terminal, as Textual strips or as text. Pure functions.

A cell holds 2 x 4 braille dots and one colour, that of the class most of its points belong to, so no class erases
another; where points are few, a cell is one larger dot. Without colour, or without UTF-8, it is that class's digit.
"""

import functools
import itertools
from dataclasses import dataclass

import numpy as np
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.strip import Strip

from tui.look import Look, class_colour, class_digit

_BRAILLE = 0x2800
_SPARSE = 2  # fewer than a point in so many cells: a braille dot alone is hard to see and its colour harder
_DOT_BITS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])
"""Bit of the dot in row 0..3, column 0..1 of a braille cell."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The rectangle of the plane that the canvas shows."""

    left: float
    right: float
    bottom: float
    top: float

    @classmethod
    def around(cls, *clouds: np.ndarray, margin: float = 0.04) -> "Limits":
        """Around all ``clouds`` [N, 2], but for the outermost half percent of each, which lands on the edge."""
        corners = []
        for cloud in clouds:
            known = cloud[np.isfinite(cloud).all(axis=1)]
            if len(known):
                corners.append(np.percentile(known, (0.25, 99.75), axis=0))
        if not corners:
            return cls(-1.0, 1.0, -1.0, 1.0)
        low = np.min([corner[0] for corner in corners], axis=0)
        high = np.max([corner[1] for corner in corners], axis=0)
        extra = np.maximum((high - low) * margin, np.where(high > low, 0, 0.5))
        (left, bottom), (right, top) = low - extra, high + extra
        return cls(float(left), float(right), float(bottom), float(top))

    def fitted(self, width: int, height: int) -> "Limits":
        """Widened to ``width`` x ``height`` cells so that a unit is as long across as it is up (cells are 1:2)."""
        unit = max((self.right - self.left) / (2 * width), (self.top - self.bottom) / (4 * height))
        extra_x = (unit * 2 * width - (self.right - self.left)) / 2
        extra_y = (unit * 4 * height - (self.top - self.bottom)) / 2
        return Limits(self.left - extra_x, self.right + extra_x, self.bottom - extra_y, self.top + extra_y)


@dataclass(frozen=True, eq=False, slots=True)
class Canvas:
    """``glyphs`` [height, width] code points, ``classes`` [height, width]: label of the colour, -1 none, -2 empty."""

    glyphs: np.ndarray
    classes: np.ndarray
    look: Look

    def lines(self) -> list[list[Segment]]:
        """One list of segments a line, neighbours of one class joined."""
        return [self._line(row) for row in range(len(self.glyphs))]

    def strips(self) -> list[Strip]:
        return [Strip(line, self.glyphs.shape[1]) for line in self.lines()]

    def text(self) -> Text:
        text = Text(no_wrap=True)
        for row, line in enumerate(self.lines()):
            text.append("\n" if row else "")
            for segment in line:
                text.append(segment.text, segment.style)
        return text

    def _line(self, row: int) -> list[Segment]:
        glyphs = "".join(map(chr, self.glyphs[row]))
        classes = self.classes[row]
        if not self.look.has_colour:
            return [Segment(glyphs)]
        cuts = np.flatnonzero(classes[1:] != classes[:-1]) + 1
        edges = [0, *cuts.tolist(), len(glyphs)]
        return [
            Segment(glyphs[start:end], _style(int(classes[start]), self.look))
            for start, end in itertools.pairwise(edges)
        ]


def scatter(
    points: np.ndarray, labels: np.ndarray, width: int, height: int, *, look: Look, limits: Limits | None = None
) -> Canvas:
    """Draw ``points`` [N, 2] with ``labels`` int [N] (-1: unlabelled) on ``width`` x ``height`` cells.

    Points outside ``limits`` (by default around the cloud, one unit equally long both ways) stand on its edge; points
    that are not finite are left out.
    """
    glyphs = np.full((height, width), ord(" "))
    classes = np.full((height, width), -2)
    known = np.isfinite(points).all(axis=1)
    points, labels = points[known].astype(float), labels[known]
    if not len(points):
        return Canvas(glyphs, classes, look)
    box = limits or Limits.around(points).fitted(width, height)
    column = _dots(points[:, 0], box.left, box.right, 2 * width)
    row = 4 * height - 1 - _dots(points[:, 1], box.bottom, box.top, 4 * height)
    cell = row // 4 * width + column // 2
    winners = _majority(cell, labels, width * height).reshape(height, width)
    is_filled = winners > -2
    if look.is_unicode and look.has_colour and len(points) * _SPARSE < width * height:
        glyphs[is_filled] = ord("•")
    elif look.is_unicode and look.has_colour:
        bits = np.zeros(width * height, dtype=int)
        np.bitwise_or.at(bits, cell, _DOT_BITS[row % 4, column % 2])
        glyphs = np.where(is_filled, bits.reshape(height, width) + _BRAILLE, glyphs)
    else:
        digits = np.array([ord(class_digit(label)) for label in range(-1, int(labels.max()) + 1)])
        glyphs[is_filled] = digits[winners[is_filled] + 1]
    return Canvas(glyphs, winners, look)


def scatter_text(
    points: np.ndarray, labels: np.ndarray, width: int, height: int, *, look: Look, title: str = ""
) -> Text:
    """The scatter with a first line of ``title`` and the classes, for the command line."""
    head = Text(title, style="bold", no_wrap=True)
    head.append("  " if title else "").append_text(class_legend(labels, look))
    head.truncate(width)
    return Text("\n", no_wrap=True).join([head, scatter(points, labels, width, height - 1, look=look).text()])


def class_legend(labels: np.ndarray, look: Look) -> Text:
    """Every class's digit in its colour; nothing where no point has a label."""
    legend = Text(no_wrap=True)
    for label in np.unique(labels[labels >= 0]).tolist():
        dot = look.pick("●", "") if look.has_colour else ""
        legend.append(f"{dot}{label} ", style=Style(color=class_colour(label, look)) if look.has_colour else "")
    return legend


def _dots(values: np.ndarray, low: float, high: float, num_dots: int) -> np.ndarray:
    scaled = (values - low) / ((high - low) or 1.0) * num_dots
    return np.clip(scaled, 0, num_dots - 1).astype(int)


def _majority(cell: np.ndarray, labels: np.ndarray, num_cells: int) -> np.ndarray:
    """Each cell's most frequent label (the lower one of equals), -2 where it has no point."""
    num_labels = int(labels.max()) + 2  # -1 counts as one
    counts = np.bincount(cell * num_labels + labels + 1, minlength=num_cells * num_labels)
    counts = counts.reshape(num_cells, num_labels)
    return np.where(counts.any(axis=1), counts.argmax(axis=1) - 1, -2)


@functools.cache
def _style(label: int, look: Look) -> Style:
    return Style(color=class_colour(label, look)) if label > -2 else Style.null()
