"""Images as cells of a terminal: half blocks in colours, braille without them, shades in ASCII. Pure functions.

A half block shows two pixels above each other, in its own colour and its background's. Greys are cut to 32 steps (a
terminal of 256 colours has 26), on a terminal of 16 colours to its four, dithered.
"""

import functools

import numpy as np
from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from rich.text import Text

from tui.look import Look
from tui.pictures.strips import LARGEST, ORDER, braille, picture, shades

SCALES = (-16, -12, -8, -6, -4, -3, -2, 1, 2, 3, 4, 6, 8)
"""So many times larger; below zero, so many pixels averaged each way."""
_STEP = 8
_GREYS = np.array([0, 85, 170, 255])
"""Of a terminal of 16 colours, as rich knows them."""
_NOTHING = -1
_SMALL = 64

Line = list[Segment]


def dots(look: Look) -> tuple[int, int]:
    """How many pixels a cell holds across and down."""
    return (2, 4) if look.is_unicode and not look.has_colour else (1, 2)


def sized(images: np.ndarray, scale: int) -> np.ndarray:
    """uint8 [N, C, H, W] at ``scale``."""
    if scale > 0:
        return images.repeat(scale, axis=2).repeat(scale, axis=3)
    across, down = (max(1, side // -scale) for side in (images.shape[3], images.shape[2]))
    high, wide = min(-scale, images.shape[2]), min(-scale, images.shape[3])
    cut = images[:, :, : down * high, : across * wide]
    averaged = cut.reshape(*images.shape[:2], down, high, across, wide).mean(axis=(3, 5))
    return averaged.round().astype(np.uint8)


def side(pixels: int, scale: int) -> int:
    """How many pixels ``pixels`` become at ``scale``."""
    return pixels * scale if scale > 0 else max(1, pixels // -scale)


def lines(image: np.ndarray, look: Look) -> list[Line]:
    """The lines of one image uint8 [C, H, W], as `dots` says."""
    if look.is_unicode and look.has_colour:
        return _blocks(_colours(image, look))
    grey = image.mean(axis=0) / 255
    if look.is_unicode:
        return [[Segment(line)] for line in braille(grey)]
    return [[Segment(line)] for line in shades(grey, dots(look))]


def side_by_side(pictures: list[list[Line]], gap: int) -> list[Line]:
    """With ``gap`` columns between them."""
    joined: list[Line] = []
    for parts in zip(*pictures, strict=True):
        line = list(parts[0])
        for part in parts[1:]:
            line += [Segment(" " * gap), *part]
        joined.append(line)
    return joined


def small(image: np.ndarray, look: Look) -> list[Text]:
    """The lines of one image uint8 [C, H, W], as small as braille makes it; in its colours where there are any."""
    if not (look.is_unicode and look.has_colour):
        return [Text(line) for line in picture(image, look)]
    factor = -(-max(image.shape[1:]) // LARGEST)
    found = lines(sized(image[None], -2 * factor)[0], look)
    return [Text.assemble(*((segment.text, segment.style or "") for segment in line)) for line in found]


def rgb(images: np.ndarray) -> np.ndarray:
    """uint8 [..., C, H, W] -> [..., H, W, 3]; of other than three channels the mean, in grey."""
    if images.shape[-3] != 3:
        images = images.mean(axis=-3, keepdims=True).round().astype(np.uint8).repeat(3, axis=-3)
    return np.moveaxis(images, -3, -1)


def enlarged(pixels: np.ndarray) -> np.ndarray:
    """uint8 [N, H, W, 3], three times as large where it is small: terminals blur what they stretch."""
    factor = 3 if max(pixels.shape[1:3]) <= _SMALL else 1
    return pixels.repeat(factor, axis=1).repeat(factor, axis=2)


def row_of(pixels: np.ndarray, gap: float, background: tuple[int, int, int]) -> np.ndarray:
    """uint8 [H, W, 3]: the images uint8 [N, H, W, 3] beside each other, ``gap`` of their widths between two."""
    between = np.broadcast_to(np.array(background, np.uint8), (pixels.shape[1], round(gap * pixels.shape[2]), 3))
    parts = [part for image in pixels for part in (between, image)]
    return np.concatenate(parts[1:], axis=1)


def _colours(image: np.ndarray, look: Look) -> np.ndarray:
    """int [H, W]: red, green, blue, a byte each."""
    if look.has_few_colours:
        grey = image.mean(axis=0) / 255 * (len(_GREYS) - 1)
        height, width = grey.shape
        thresholds = np.tile((ORDER + 0.5) / ORDER.size, (-(-height // 4), -(-width // 4)))[:height, :width]
        levels = np.minimum(np.floor(grey) + (grey % 1 > thresholds), len(_GREYS) - 1)
        return _GREYS[levels.astype(int)] * 0x010101
    # Black and white stay as they are.
    steps = rgb(image).astype(int) // _STEP
    bytes_of = (steps * 255 / (255 // _STEP)).round().astype(int)
    packed: np.ndarray = (bytes_of * (0x10000, 0x100, 1)).sum(axis=2)
    return packed


def _blocks(colours: np.ndarray) -> list[Line]:
    if len(colours) % 2:
        colours = np.vstack([colours, np.full((1, colours.shape[1]), _NOTHING)])
    found = []
    for upper, lower in zip(colours[::2], colours[1::2], strict=True):
        cuts = np.flatnonzero((upper[1:] != upper[:-1]) | (lower[1:] != lower[:-1])) + 1
        starts = [0, *cuts.tolist()]
        line = []
        for start, end, above, below in zip(
            starts, [*starts[1:], len(upper)], upper[starts].tolist(), lower[starts].tolist(), strict=True
        ):
            line.append(Segment((" " if above == below else "▀") * (end - start), _style(above, below)))
        found.append(line)
    return found


@functools.lru_cache(1 << 14)
def _style(above: int, below: int) -> Style:
    background = None if below == _NOTHING else _colour(below)
    return Style(color=None if above == below else _colour(above), bgcolor=background)


def _colour(packed: int) -> Color:
    return Color.from_rgb(packed >> 16, packed >> 8 & 255, packed & 255)
