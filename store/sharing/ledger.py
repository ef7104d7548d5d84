"""Which object of the artifact store holds which file of a run: rows of the storage, changed all at once."""

import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from sqlalchemy import Connection, delete, insert, select

from store import schema
from store.database import Database
from store.names import RunName
from store.records import Run

# Rows come from others: no path leads out of the run's folder, to a hidden file, or to more than one folder below.
_PART = r"[A-Za-z0-9_-][A-Za-z0-9_.@=+-]*"
_PATH = re.compile(rf"{_PART}(/{_PART})?")
_KEY = re.compile(rf"{_PART}(/{_PART})*")
_LONGEST = 255


@dataclass(frozen=True, kw_only=True, slots=True)
class SharedFile:
    """``path`` is relative to the run's folder, ``key`` names the object, ``digest`` is the SHA-256 of its content."""

    path: str
    key: str
    size: int
    digest: str


def is_shareable(path: str) -> bool:
    """Whether a file of a run's folder is one that others get to see: neither hidden nor deeper than one folder."""
    return len(path) <= _LONGEST and _PATH.fullmatch(path) is not None


def new_key(name: RunName, path: str) -> str:
    """A key that no object has had: EXPERIMENT/NUMBER/UNIQUE-FILE, so that who looks at the store finds his way."""
    return f"{name.experiment}/{name.number}/{uuid.uuid4().hex}-{PurePosixPath(path).name}"


def files(connection: Connection, trial_id: int) -> dict[str, SharedFile]:
    """The run's files by path, as they were uploaded last; rows that nobody of us wrote are passed over."""
    table = schema.artifacts
    query = select(table.c.path, table.c.key, table.c.size, table.c.digest).where(table.c.trial_id == trial_id)
    found = (
        SharedFile(path=row.path, key=row.key, size=row.size, digest=row.digest) for row in connection.execute(query)
    )
    return {file.path: file for file in found if is_shareable(file.path) and _KEY.fullmatch(file.key)}


def replace(connection: Connection, trial_id: int, changed: Mapping[str, SharedFile], gone: Iterable[str]) -> None:
    """Let ``changed`` take the place of what was under these paths, and nothing that of ``gone``."""
    table = schema.artifacts
    paths = [*changed, *gone]
    connection.execute(delete(table).where(table.c.trial_id == trial_id, table.c.path.in_(paths)))
    if changed:
        connection.execute(
            insert(table),
            [
                {"trial_id": trial_id, "path": file.path, "key": file.key, "size": file.size, "digest": file.digest}
                for file in changed.values()
            ],
        )


def has_file(database: Database, run: Run, path: Path) -> bool:
    """Whether the run has the file ``path`` of its folder, here or, to be fetched, in the artifact store."""
    if path.is_file():
        return True
    if database.artifacts is None:
        return False
    with database.read() as connection:
        return str(path.relative_to(database.root.run(run.name).folder)) in files(connection, run.trial_id)
