"""What is said once, by commands that make runs or workers, of a root that lies where others may have it too."""

from store.database import Database
from store.file_system import file_system
from store.paths import Root
from tui.commands.output import note, printable


def warn(database: Database) -> None:
    """A line on stderr, where there is anything to be warned of."""
    if database.storage is None and (says := caution(database.root)) is not None:
        note(printable(f"{says}."))


def caution(root: Root) -> str | None:
    """Of a root whose SQLite file lies on a network file system; None: there is nothing to say."""
    found = file_system(root.path)
    if not found.is_network:
        return None
    return (
        f"{root.path} is on a network file system ({found.kind}), where SQLite's fast journal (WAL) is not safe: a "
        "slower one is used; a root on a local disk, or --storage with a PostgreSQL address, is faster and surer"
    )
