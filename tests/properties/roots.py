"""What lies in a root, so that two moments can be compared; and the command line, called here in this process."""

import contextlib
import io
import sqlite3
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import typer.main

from store.paths import DATABASE_NAME, Root
from tui.cli import app


def contents(root: Root) -> Mapping[str, object]:
    """Every file with its bytes, and every row of the storage; what SQLite keeps beside its file is no content."""
    files: dict[str, object] = {
        str(path.relative_to(root.path)): path.read_bytes()
        for path in sorted(root.path.rglob("*"))
        if path.is_file() and not path.name.startswith((DATABASE_NAME, ".schema"))
    }
    with contextlib.closing(sqlite3.connect(f"file:{root.database}?mode=ro", uri=True)) as connection:
        files[DATABASE_NAME] = list(connection.iterdump())
    return files


COMMAND = typer.main.get_command(app)
"""As Typer makes it, a tenth of a second each time it is asked to."""


@dataclass(frozen=True)
class Said:
    """``status`` None: the request was in order, and something was about to be started."""

    status: int | None
    out: str
    err: str


class Started(BaseException):
    """In place of what a request in order would start: a process, a download, an endless look."""


def call(arguments: Sequence[str]) -> Said:
    """``aetui`` with ``arguments``, nobody at a terminal."""
    out, err = io.StringIO(), io.StringIO()
    before = sys.stdin
    sys.stdin = io.StringIO()
    status: int | None = None
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), contextlib.suppress(Started):
            status = int(COMMAND.main(list(arguments), standalone_mode=False))
    finally:
        sys.stdin = before
    return Said(status, out.getvalue(), err.getvalue())


def show_only_text(said: Said) -> None:
    """Nothing that would steer a terminal is in it."""
    for text in (said.out, said.err):
        steering = {character for character in text if not character.isprintable() and character not in "\n\t"}
        assert not steering, (steering, text)


def refuses_in_one_sentence(said: Said) -> None:
    lines = said.err.splitlines()
    assert len(lines) == 1, said.err
    assert lines[0].startswith("aetui: "), lines[0]
    assert lines[0].endswith((".", "...")), lines[0]


def is_no_crash(said: Said) -> None:
    """A sentence that names a class and ``--debug`` is what a traceback became."""
    assert "--debug shows where" not in said.err, said.err
    assert "Traceback" not in said.err, said.err
