"""Lines of a log as a terminal would leave them: text, colours, whether they tell of an error. Pure, but for `Cleaner`.

No other control sequence than those of colours (SGR) gets through, so that no log can disturb a screen.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text

_SGR = re.compile(r"(\x1b\[[0-9;:]*m)")
_RESET = re.compile(r"\x1b\[(?:0*;)*0*m")
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_TRACEBACK = "Traceback (most recent call last)"
_ERROR = re.compile(r"Traceback \(most|\b(?:\w*Error|\w*Exception|ERROR|CRITICAL|FATAL)\b|\b[Ff]ailed\b")
_LONGEST = 10_000
_MOST_OPEN = 8  # of colours that are switched on and never off
_NEAR = 2
_ONE_ROW = (0,)


class LogLine(NamedTuple):
    """``width`` of ``text`` in cells; ``coloured``: the same text with its colours, "" where it has none."""

    text: str
    width: int
    is_error: bool = False
    coloured: str = ""

    def as_text(self) -> Text:
        return Text.from_ansi(self.coloured, no_wrap=True) if self.coloured else Text(self.text, no_wrap=True)

    def as_ascii(self) -> "LogLine":
        """With ``?`` for what ASCII has not."""
        if self.text.isascii():
            return self
        text, coloured = (part.encode("ascii", "replace").decode() for part in (self.text, self.coloured))
        return self._replace(text=text, width=len(text), coloured=coloured)


class Cleaner:
    """Makes lines of raw ones, in their order: a colour stays on until it is switched off, over lines too."""

    def __init__(self) -> None:
        self._open: tuple[str, ...] = ()

    def line(self, raw: str) -> LogLine:
        """What stands after the last carriage return (progress bars), without control characters."""
        if raw.isprintable() and not self._open and len(raw) <= _LONGEST:
            return _line(raw)
        before = "".join(self._open)
        for sequence in _SGR.findall(raw):
            self._open = () if _RESET.fullmatch(sequence) else (*self._open, sequence)[-_MOST_OPEN:]
        shown = raw.rstrip("\r").rpartition("\r")[2]
        if len(shown) > _LONGEST:
            shown = f"{shown[:_LONGEST]} (cut)"
        parts = _SGR.split(shown)
        parts[::2] = [_CONTROLS.sub("", _ESCAPES.sub("", part).expandtabs(4)) for part in parts[::2]]
        text = "".join(parts[::2])
        return _line(text, before + "".join(parts) if before or len(parts) > 1 else "")


def _line(text: str, coloured: str = "") -> LogLine:
    width = len(text) if text.isascii() else cell_len(text)
    return LogLine(text, width, _ERROR.search(text) is not None, coloured)


def row_starts(line: LogLine, width: int) -> Sequence[int]:
    """The cell that each row begins with, where ``line`` is broken to be no wider: behind a blank that is near."""
    if line.width <= width:
        return _ONE_ROW
    if len(line.text) != line.width:  # wide characters: not worth the search
        return range(0, line.width, width)
    starts = [0]
    while line.width - starts[-1] > width:
        begin = starts[-1]
        blank = line.text.rfind(" ", begin + width // 2, begin + width + 1)
        starts.append(begin + width if blank < 0 else blank + 1)
    return starts


def error_starts(lines: Sequence[LogLine]) -> list[int]:
    """Where errors begin: a traceback, its exception and what is said of it right after are one."""
    starts: list[int] = []
    last, in_traceback = -_NEAR - 2, False
    for at, line in enumerate(lines):
        if in_traceback and line.text.startswith(" "):
            last = at
        elif line.is_error or in_traceback:  # what ends a traceback may be an exception of any name
            if at - last > _NEAR:
                starts.append(at)
            last, in_traceback = at, _TRACEBACK in line.text
    return starts


def matches(lines: Sequence[LogLine], words: str, first: int = 0) -> list[int]:
    """The lines from ``first`` on that hold ``words``; capitals count where ``words`` has some."""
    if not words:
        return []
    if words == words.lower():
        return [at for at in range(first, len(lines)) if words in lines[at].text.lower()]
    return [at for at in range(first, len(lines)) if words in lines[at].text]


def highlighted(text: Text, words: str, style: Style) -> None:
    """Give every occurrence of ``words`` in ``text`` that style."""
    flags = re.IGNORECASE if words == words.lower() else 0
    for found in re.finditer(re.escape(words), text.plain, flags):
        text.stylize(style, *found.span())
