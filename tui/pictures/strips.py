"""Rows of images as text: dots of braille, dithered, or shades of ASCII; read without any colour. Pure functions."""

from collections.abc import Sequence

import numpy as np
from rich.text import Text

from tui.look import Look

_BRAILLE = 0x2800
_DOT_BITS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])
ORDER = np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]])
"""Bayer's order of 4 x 4 thresholds (1973): a grey is as many dots as it is bright."""
_SHADES = " .:-=+*#%@"
LARGEST = 32
"""Pixels a side; larger images are averaged down to it."""


def strips_text(rows: Sequence[tuple[str, np.ndarray]], width: int, look: Look) -> Text:
    """A row of pictures for each label: ``rows`` of uint8 [N, C, H, W], as many as ``width`` columns have room for."""
    text = Text(no_wrap=True)
    for number, (label, images) in enumerate(rows):
        text.append("\n" if number else "").append(label, style="bold")
        pictures = [picture(image, look) for image in images]
        fitting = max(1, (width + 1) // (len(pictures[0][0]) + 1)) if pictures else 0
        for lines in zip(*pictures[:fitting], strict=True):
            text.append("\n" + " ".join(lines).rstrip())
    return text


def picture(image: np.ndarray, look: Look) -> list[str]:
    """The lines of one image, 2 x 4 pixels a character."""
    grey = _shrunk(image.mean(axis=0) / 255)
    return braille(grey) if look.is_unicode else shades(grey, (2, 4))


def braille(grey: np.ndarray) -> list[str]:
    """``grey`` [H, W] in [0, 1], 2 x 4 pixels a character, dithered."""
    cells = _cells(grey, 2, 4)
    down, across = cells.shape[:2]
    thresholds = np.tile((ORDER + 0.5) / ORDER.size, (down, (across + 1) // 2))[:, : 2 * across]
    limits = thresholds.reshape(down, 4, across, 2).swapaxes(1, 2)
    bits = ((cells > limits) * _DOT_BITS).sum(axis=(2, 3))
    return ["".join(chr(_BRAILLE + bit) for bit in row) for row in bits]


def shades(grey: np.ndarray, dots: tuple[int, int]) -> list[str]:
    """``grey`` [H, W] in [0, 1] in ASCII, as many pixels a character across and down as ``dots`` says."""
    levels = np.clip(_cells(grey, *dots).mean(axis=(2, 3)) * len(_SHADES), 0, len(_SHADES) - 1).astype(int)
    return ["".join(_SHADES[level] for level in row) for row in levels]


def _cells(grey: np.ndarray, wide: int, high: int) -> np.ndarray:
    """[H, W] -> [rows, columns, ``high``, ``wide``], black where a cell reaches beyond it."""
    height, width = grey.shape
    padded = np.pad(grey, ((0, -height % high), (0, -width % wide)))
    return padded.reshape(padded.shape[0] // high, high, padded.shape[1] // wide, wide).swapaxes(1, 2)


def _shrunk(grey: np.ndarray) -> np.ndarray:
    factor = -(-max(grey.shape) // LARGEST)
    if factor == 1:
        return grey
    height, width = (side // factor * factor for side in grey.shape)
    shrunk: np.ndarray = grey[:height, :width].reshape(height // factor, factor, width // factor, factor).mean((1, 3))
    return shrunk
