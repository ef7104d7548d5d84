"""Text for people and JSON for scripts. Names that a user gave are never read as markup or emoji codes."""

import json
import math
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, TextIO

from rich.console import Console
from rich.table import Table

import store.printable

_UNBOUNDED = 1000
"""Columns where nobody's window limits them: tables in a pipe are not cut."""


def is_terminal(stream: TextIO) -> bool:
    """Whether control codes may be written there."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def console(stream: TextIO) -> Console:
    terminal = is_terminal(stream)
    return Console(
        file=stream,
        force_terminal=terminal,
        width=None if stream.isatty() else _UNBOUNDED,
        markup=False,
        emoji=False,
        highlight=False,
        soft_wrap=True,
    )


def say(text: str) -> None:
    """A line of a command's result, or several, on stdout."""
    print(_shown(text))


def note(text: str) -> None:
    """A line beside the result, or several, on stderr."""
    print(_shown(text), file=sys.stderr, flush=True)


def _shown(text: str) -> str:
    return "\n".join(map(printable, text.split("\n")))


def print_json(document: Any) -> None:
    """The one document of ``--json``. What JSON has no number for is written as in ``metrics.jsonl``."""
    print(json.dumps(_plain(document), indent=2, allow_nan=False, default=str))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, right: Iterable[str] = ()) -> None:
    """A table on stdout, its columns named; those in ``right`` are numbers."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        justify: Literal["left", "right"] = "right" if column in right else "left"
        table.add_column(printable(column), justify=justify, no_wrap=True, overflow="ellipsis")
    for row in rows:
        table.add_row(*map(printable, row))
    shown = console(sys.stdout)
    with shown.capture() as capture:
        shown.print(table, soft_wrap=False)
    for line in capture.get().splitlines():
        print(line.rstrip())


def printable(text: str) -> str:
    """``text`` without control characters but tabs: a name, a reason or a log line must not steer the terminal."""
    return store.printable.printable(text, kept="\t")


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
