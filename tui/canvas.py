"""The latent canvas: numpy dots -> cells of a terminal, as Textual strips or as text. Pure functions.

A cell holds 2 x 4 braille dots and one colour, that of the class most of its points belong to, so no class erases
another; where points are few, a cell is one larger dot. Without colour, or without UTF-8, it is that class's digit.
"""

import functools
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.strip import Strip

from tui.look import Look, class_colour, class_digit

_BRAILLE = 0x2800
_SHADES, _ASCII_SHADES = " ░▒▓█", " .:*#"
_SPARSE = 2  # fewer than a point in so many cells: a braille dot alone is hard to see and its colour harder
_DIMMED = -3  # a cell's class, where only another is in colour
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

    def zoomed(self, factor: float, middle: tuple[float, float]) -> "Limits":
        """As many times smaller, ``middle`` keeping its place."""
        x, y = middle
        return Limits(
            x + (self.left - x) / factor,
            x + (self.right - x) / factor,
            y + (self.bottom - y) / factor,
            y + (self.top - y) / factor,
        )

    def shifted(self, across: float, up: float) -> "Limits":
        """Moved by that many of its own widths and heights."""
        by_x, by_y = across * (self.right - self.left), up * (self.top - self.bottom)
        return Limits(self.left + by_x, self.right + by_x, self.bottom + by_y, self.top + by_y)

    def cell_of(self, point: tuple[float, float], width: int, height: int) -> tuple[int, int]:
        """Row and column of ``width`` x ``height`` cells where ``point`` is drawn; on the edge, if it lies outside."""
        x, y = (np.array([value]) for value in point)
        column = int(_dots(x, self.left, self.right, 2 * width)[0]) // 2
        row = (4 * height - 1 - int(_dots(y, self.bottom, self.top, 4 * height)[0])) // 4
        return row, column

    def point_of(self, row: int, column: int, width: int, height: int) -> tuple[float, float]:
        """The middle of that cell."""
        x = self.left + (column + 0.5) / width * (self.right - self.left)
        y = self.top - (row + 0.5) / height * (self.top - self.bottom)
        return x, y

    def fitted(self, width: int, height: int) -> "Limits":
        """Widened to ``width`` x ``height`` cells so that a unit is as long across as it is up (cells are 1:2)."""
        unit = max((self.right - self.left) / (2 * width), (self.top - self.bottom) / (4 * height))
        extra_x = (unit * 2 * width - (self.right - self.left)) / 2
        extra_y = (unit * 4 * height - (self.top - self.bottom)) / 2
        return Limits(self.left - extra_x, self.right + extra_x, self.bottom - extra_y, self.top + extra_y)


@dataclass(frozen=True, eq=False, slots=True)
class Canvas:
    """``glyphs`` [height, width] code points, ``classes`` [height, width]: label of the colour.

    -1: of no class, -2: empty, -3: dimmed.
    """

    glyphs: np.ndarray
    classes: np.ndarray
    look: Look
    marks: Mapping[tuple[int, int], str] = field(default_factory=dict)
    """Row and column -> what stands out there: a cursor, say."""

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
        line = self._unmarked(row)
        for column, mark in sorted((column, mark) for (at, column), mark in self.marks.items() if at == row):
            before, _, after = Segment.divide(line, [column, column + 1, self.glyphs.shape[1]])
            line = [*before, Segment(mark, Style(bold=True, reverse=True)), *after]
        return line

    def _unmarked(self, row: int) -> list[Segment]:
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
    points: np.ndarray,
    labels: np.ndarray,
    width: int,
    height: int,
    *,
    look: Look,
    limits: Limits | None = None,
    only: int | None = None,
) -> Canvas:
    """Draw ``points`` [N, 2] with ``labels`` int [N] (-1: unlabelled) on ``width`` x ``height`` cells.

    Points outside ``limits`` (by default around the cloud, one unit equally long both ways) stand on its edge; points
    that are not finite are left out. Where there is a class ``only``, it hides the others, which are dimmed.
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
    if only is not None:
        is_chosen = labels == only
        stays = is_chosen | ~np.isin(cell, cell[is_chosen])
        row, column, cell, labels = row[stays], column[stays], cell[stays], np.where(is_chosen, only, -1)[stays]
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
    if only is not None:
        winners = np.where(winners == -1, _DIMMED, winners)
    return Canvas(glyphs, winners, look)


def density(points: np.ndarray, width: int, height: int, *, look: Look, limits: Limits | None = None) -> Canvas:
    """How many of ``points`` [N, 2] lie in each cell, as shades on a logarithmic scale; otherwise as `scatter`."""
    glyphs = np.full((height, width), ord(" "))
    classes = np.full((height, width), -2)
    points = points[np.isfinite(points).all(axis=1)].astype(float)
    if len(points):
        box = limits or Limits.around(points).fitted(width, height)
        column = _dots(points[:, 0], box.left, box.right, width)
        row = height - 1 - _dots(points[:, 1], box.bottom, box.top, height)
        counts = np.bincount(row * width + column, minlength=width * height).reshape(height, width)
        shades = np.array([ord(shade) for shade in look.pick(_SHADES, _ASCII_SHADES)])
        levels = np.log1p(counts) / np.log1p(counts.max()) * (len(shades) - 1)
        glyphs = np.where(counts > 0, shades[np.maximum(levels.round().astype(int), 1)], glyphs)
    return Canvas(glyphs, classes, look)


def scatter_text(
    points: np.ndarray, labels: np.ndarray, width: int, height: int, *, look: Look, title: str = ""
) -> Text:
    """The scatter with a first line of ``title`` and the classes, for the command line."""
    head = Text(title, style="bold", no_wrap=True)
    head.append("  " if title else "").append_text(class_legend(labels, look))
    head.truncate(width)
    return Text("\n", no_wrap=True).join([head, scatter(points, labels, width, height - 1, look=look).text()])


def class_legend(labels: np.ndarray, look: Look, only: int | None = None) -> Text:
    """Every class's digit in its colour, and all but ``only`` dimmed; nothing where no point has a label."""
    legend = Text(no_wrap=True)
    for label in np.unique(labels[labels >= 0]).tolist():
        dot = look.pick("●", "") if look.has_colour else ""
        colour = class_colour(label, look) if look.has_colour else None
        is_dimmed, is_chosen = only not in (None, label), only == label
        style = Style(dim=True) if is_dimmed else Style(color=colour, bold=is_chosen, reverse=is_chosen)
        legend.append(f"{dot}{label}", style=style).append(" ")
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


def _style(label: int, look: Look) -> Style:
    if label == _DIMMED:
        return Style(dim=True)
    return _of_colour(class_colour(label, look)) if label > -2 else Style.null()


@functools.cache
def _of_colour(colour: str) -> Style:
    return Style(color=colour)
