"""What a terminal can show, and the colours and glyphs that follow from it. Imports no Textual, no numpy."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from engine.colours import CLASS_COLOURS, CLASS_INKS, RUN_COLOURS
from store.printable import printable as printable  # for all that is shown
from store.records import RunState

LOW_COLOURS = (
    "#ff5555",
    "#55ffff",
    "#55ff55",
    "#ffff55",
    "#5555ff",
    "#aa5500",
    "#ff55ff",
    "#aaaaaa",
    "#00aaaa",
    "#aa00aa",
)
"""The same for a terminal of 16: ten that it has, as rich knows them, so that no two fall together."""

_LOW_INKS = (
    "#aa0000",
    "#00aaaa",
    "#00aa00",
    "#aa5500",
    "#0000aa",
    "#ff5555",
    "#ff55ff",
    "#555555",
    "#5555ff",
    "#aa00aa",
)

CLASS_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
UNLABELLED_COLOUR = "#9a9a9a"
_INKS = dict(zip(CLASS_COLOURS, CLASS_INKS, strict=True)) | {UNLABELLED_COLOUR: "#6e6e6e", "#b0b0b0": "#606060"}

STATE_GLYPHS: Mapping[RunState, tuple[str, str]] = {
    RunState.RUNNING: ("▶", ">"),
    RunState.WAITING: ("◌", "."),
    RunState.HELD: ("◫", "="),
    RunState.PAUSED: ("‖", '"'),
    RunState.STALLED: ("?", "?"),
    RunState.LOST: ("?", "?"),
    RunState.STOPPED: ("■", "#"),
    RunState.PRUNED: ("✂", "%"),
    RunState.COMPLETE: ("✓", "+"),
    RunState.FAILED: ("✗", "!"),
}


@dataclass(slots=True)
class Ground:
    """What is drawn on. It changes with the theme, under widgets that keep their look."""

    is_light: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """``is_unicode``: the locale is UTF-8. ``has_colour``: the user did not ask for none (https://no-color.org).

    ``has_few_colours``: the terminal promises no more than 16.
    """

    is_unicode: bool = True
    has_colour: bool = True
    has_few_colours: bool = False
    ground: Ground = field(default_factory=Ground, compare=False, repr=False)

    @classmethod
    def of(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """What ``environ`` promises.

        An explicit ``LANG=C`` counts although Python itself then sets LC_CTYPE to C.UTF-8 (PEP 538).
        """
        ctype, lang = environ.get("LC_CTYPE", ""), environ.get("LANG", "")
        was_coerced = lang in ("C", "POSIX") and ctype == "C.UTF-8"
        locale = environ.get("LC_ALL") or (lang if was_coerced else ctype or lang)
        has_many = environ.get("COLORTERM") in ("truecolor", "24bit") or "256" in environ.get("TERM", "256")
        return cls(
            is_unicode=locale.lower().replace("-", "").endswith("utf8"),
            has_colour=not environ.get("NO_COLOR"),
            has_few_colours=not has_many,
        )

    def pick(self, unicode: str, ascii: str) -> str:
        return unicode if self.is_unicode else ascii

    def glyph(self, state: RunState) -> str:
        return self.pick(*STATE_GLYPHS[state])


def class_digit(label: int) -> str:
    """The character of a class; ``.`` for no label."""
    return CLASS_DIGITS[label % len(CLASS_DIGITS)] if label >= 0 else "."


def class_colour(label: int, look: Look) -> str:
    if label < 0:
        return ink(UNLABELLED_COLOUR, look)
    return _low(label, look) if look.has_few_colours else ink(CLASS_COLOURS[label % len(CLASS_COLOURS)], look)


def run_colour(number: int, look: Look) -> str:
    """The colour of the run that was marked as the ``number``-th."""
    return _low(number, look) if look.has_few_colours else ink(RUN_COLOURS[number % len(RUN_COLOURS)], look)


def ink(colour: str, look: Look) -> str:
    """``colour`` of those above, as it is drawn on the ground of now; any other, and what is ink already, as it is."""
    return _INKS.get(colour, colour) if look.ground.is_light else colour


def _low(number: int, look: Look) -> str:
    colours = _LOW_INKS if look.ground.is_light else LOW_COLOURS
    return colours[number % len(colours)]


def path_text(path: Path) -> str:
    """As a user writes it: ``~`` for the home folder."""
    try:
        return f"~/{path.relative_to(Path.home())}"
    except ValueError:
        return str(path)


def number_text(value: float | None, absent: str = "-") -> str:
    """A figure in at most 8 characters, four significant digits."""
    if value is None:
        return absent
    return f"{value:.4g}" if value != value or abs(value) >= 1e-4 or value == 0 else f"{value:.1e}"


def duration_text(seconds: float) -> str:
    """``42s``, ``3m07``, ``2h05``, ``4d03h``."""
    whole = int(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02}"
    if whole < 86400:
        return f"{whole // 3600}h{whole % 3600 // 60:02}"
    return f"{whole // 86400}d{whole % 86400 // 3600:02}h"
