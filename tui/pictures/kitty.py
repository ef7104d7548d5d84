"""Pictures by kitty's graphics protocol: sent once each, shown wherever a text has placeholders for them.

Placeholders are text, so they stand in lines like any other, also within tmux. Escapes are handed to ``write``, which
keeps them in turn with what else is drawn (textual-image writes past Textual's own thread, and not through tmux).
https://sw.kovidgoyal.net/kitty/graphics-protocol/
"""

import base64
import random
import zlib
from collections.abc import Callable

import numpy as np
from rich.color import Color
from rich.segment import Segment
from rich.style import Style

from tui.pictures.pixels import Line

MOST_CELLS = 64
"""Of a picture, each way: so many of kitty's diacritics, which number lines and columns, are known here."""
_PLACEHOLDER = "\U0010eeee"
_CHUNK = 4096
# fmt: off
_NUMBERS = (
    0x0305, 0x030d, 0x030e, 0x0310, 0x0312, 0x033d, 0x033e, 0x033f, 0x0346, 0x034a, 0x034b, 0x034c, 0x0350, 0x0351,
    0x0352, 0x0357, 0x035b, 0x0363, 0x0364, 0x0365, 0x0366, 0x0367, 0x0368, 0x0369, 0x036a, 0x036b, 0x036c, 0x036d,
    0x036e, 0x036f, 0x0483, 0x0484, 0x0485, 0x0486, 0x0487, 0x0592, 0x0593, 0x0594, 0x0595, 0x0597, 0x0598, 0x0599,
    0x059c, 0x059d, 0x059e, 0x059f, 0x05a0, 0x05a1, 0x05a8, 0x05a9, 0x05ab, 0x05ac, 0x05af, 0x05c4, 0x0610, 0x0611,
    0x0612, 0x0613, 0x0614, 0x0615, 0x0616, 0x0617, 0x0657, 0x0658,
)
# fmt: on


class Kitty:
    """Keeps account of what the terminal holds: `show` what is to be seen, then `forget` the rest."""

    def __init__(self, write: Callable[[str], object], *, is_in_tmux: bool = False) -> None:
        self._write = write
        self._is_in_tmux = is_in_tmux
        self._held: dict[tuple[object, ...], int] = {}
        self._shown: set[tuple[object, ...]] = set()
        self._next = random.randrange(1 << 16, 1 << 23)  # another program's pictures have numbers too

    def show(self, pixels: np.ndarray, columns: int, lines: int) -> list[Line]:
        """The lines in place of a picture uint8 [H, W, 3], which is no larger than `MOST_CELLS` each way."""
        across, down = min(columns, MOST_CELLS), min(lines, MOST_CELLS)
        key = (pixels.tobytes(), pixels.shape, across, down)
        self._shown.add(key)
        if key not in self._held:
            self._held[key] = self._next
            self._send(pixels, across, down, self._next)
            self._next += 1
        style = Style(color=Color.from_rgb(*self._held[key].to_bytes(3, "big")))
        rest = Segment(" " * (columns - across))
        found = []
        for row in _NUMBERS[:down]:
            cells = "".join(_PLACEHOLDER + chr(row) + chr(column) for column in _NUMBERS[:across])
            found.append([Segment(cells, style), rest])
        return found + [[Segment(" " * columns)]] * (lines - down)

    def forget(self) -> None:
        """Free what was not shown since the last time."""
        for key in [key for key in self._held if key not in self._shown]:
            self._escape(f"a=d,d=I,i={self._held.pop(key)},q=2")
        self._shown = set()

    def _send(self, pixels: np.ndarray, columns: int, lines: int, number: int) -> None:
        height, width, _ = pixels.shape
        packed = base64.b64encode(zlib.compress(pixels.tobytes())).decode("ascii")
        chunks = [packed[start : start + _CHUNK] for start in range(0, len(packed), _CHUNK)]
        head = f"a=T,U=1,i={number},c={columns},r={lines},f=24,s={width},v={height},o=z,q=2,"
        for at, chunk in enumerate(chunks):
            self._escape(f"{'' if at else head}m={int(at < len(chunks) - 1)};{chunk}")

    def _escape(self, command: str) -> None:
        escape = f"\x1b_G{command}\x1b\\"
        if self._is_in_tmux:
            escape = "\x1bPtmux;" + escape.replace("\x1b", "\x1b\x1b") + "\x1b\\"
        self._write(escape)
