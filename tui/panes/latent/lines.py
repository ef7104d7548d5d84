"""What stands beside and below the cloud of the latent pane: pictures of samples and places. Pure functions."""

import textwrap

import numpy as np
from rich.text import Text

from tui.bindings import key_of
from tui.look import Look, class_digit, number_text
from tui.panes.decoding import Decoded
from tui.pictures.pixels import small

SIDE_WIDTH = 16
LINE_HEIGHT = 9
"""Of the row of pictures between two samples: a heading, and pictures of at most 32 pixels."""
GRID_CELL = (15, 8)
"""Columns and lines of one picture of 28 pixels in a grid, with the space before the next."""


def side_lines(
    sample: int, label: int, decoded: Decoded | None, height: int, look: Look, *, note: str = ""
) -> list[Text]:
    """The sample nearest to the cursor, what the model makes of it, and of the place under the cursor, if it is one."""
    lines = [Text(f"sample {sample}", style="bold"), Text(f"class {class_digit(label)}" if label >= 0 else "no label")]
    lines += _wrapped(note)
    if decoded is None:
        return [*lines, Text("decoding", style="dim")]
    if decoded.says:
        return [*lines, *_wrapped(decoded.says)]
    pictures = [("", decoded.original)]
    if decoded.reconstruction is not None:
        error = f"error {number_text(decoded.error)}"
        pictures.append((error, decoded.reconstruction))
    if decoded.images is not None:
        pictures.append(("at the cursor", decoded.images))
    if height < len(lines) + sum(_rows(images) + bool(heading) for heading, images in pictures):
        del pictures[1:-1]  # the place under the cursor is what no other line shows
    for heading, images in pictures:
        if heading:
            lines.append(Text(heading, style="dim"))
        if images is not None and len(images):
            lines += small(images[0], look)
    return lines[:height]


def _rows(images: np.ndarray | None) -> int:
    return 0 if images is None else -(-min(int(images.shape[2]), 32) // 4)


def _wrapped(sentence: str) -> list[Text]:
    return [Text(line, style="dim") for line in textwrap.wrap(sentence, SIDE_WIDTH)]


def between_lines(ends: tuple[int, ...], decoded: Decoded | None, width: int, look: Look) -> list[Text]:
    """The line from one sample to another, decoded: as many evenly spaced pictures as there is room for."""
    heading = Text(no_wrap=True).append(f"A {ends[0]}", style="bold")
    if len(ends) < 2:
        return [heading.append(f"  {key_of('latent.end')} again: B", style="dim")]
    heading.append(look.pick(" → ", " -> ")).append(f"B {ends[1]}", style="bold")
    if decoded is None or decoded.line is None:
        return [heading.append(f"  {decoded.says if decoded else 'decoding'}", style="dim")]
    pictures = [small(image, look) for image in decoded.line]
    room = max(2, min(len(pictures), (width + 1) // (len(pictures[0][0]) + 1)))
    chosen = [pictures[at] for at in np.linspace(0, len(pictures) - 1, room).round().astype(int)]
    return [heading, *(Text(" ").join(row) for row in zip(*chosen, strict=True))]


def grid_size(width: int, height: int) -> tuple[int, int]:
    """How many pictures a grid of so many columns and lines has across and down."""
    return max(1, (width + 1) // GRID_CELL[0]), max(1, (height + 1) // GRID_CELL[1])


def grid_lines(images: np.ndarray, across: int, look: Look) -> list[Text]:
    """``images`` row by row, ``across`` of them in each."""
    lines = []
    for start in range(0, len(images), across):
        pictures = [small(image, look) for image in images[start : start + across]]
        lines += [*(Text(" ").join(row) for row in zip(*pictures, strict=True)), Text()]
    return lines[:-1]
