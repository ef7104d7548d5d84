"""What is said once, by commands that make runs or workers, of a storage that lies where others may have it too."""

from pathlib import Path

from store.backend import sqlite_file
from store.database import Database
from store.file_system import file_system
from tui.commands.output import note, printable


def warn(database: Database) -> None:
    """A line on stderr, where there is anything to be warned of."""
    if (says := caution(sqlite_file(database.url))) is not None:
        note(printable(f"{says}."))


def caution(file: Path | None) -> str | None:
    """Of a SQLite file that lies on a network file system; None: there is nothing to say."""
    if file is None:
        return None
    found = file_system(file.parent)
    if not found.is_network:
        return None
    return (
        f"{file.parent} is on a network file system ({found.kind}), where SQLite's fast journal (WAL) is not safe: a "
        "slower one is used; a root on a local disk, or --storage with a PostgreSQL address, is faster and surer"
    )
