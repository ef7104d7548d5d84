"""What a host remembers of a run's folder: which object each of its files was uploaded to, or fetched from."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from store.artifacts import written_aside
from store.database import exclusive
from store.json_file import read_object
from store.sharing.ledger import is_shareable

_KNOWN, _LOCK = ".shared.json", ".shared.lock"


@dataclass(frozen=True, slots=True)
class Known:
    """A file as it lay here when its content was that of the object ``key``; ``stamp`` changes whenever it does."""

    key: str
    stamp: tuple[int, ...]


def shareable_files(folder: Path) -> dict[str, Path]:
    """The files of a run's folder that others get to see, by their path in it; links are none."""
    found = {
        str(path.relative_to(folder)): path
        for path in (*folder.glob("*"), *folder.glob("*/*"))
        if path.is_file() and not path.is_symlink()
    }
    return {path: file for path, file in sorted(found.items()) if is_shareable(path)}


def stamp_of(path: Path) -> tuple[int, ...]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns, status.st_ino


def read_known(folder: Path) -> dict[str, Known]:
    """By path; nothing of a folder that was never shared, or where the note is damaged."""
    found = {}
    for path, noted in read_object(folder / _KNOWN).items():
        match noted:
            case [str(key), [int(size), int(modified), int(inode)]]:
                found[path] = Known(key, (size, modified, inode))
    return found


def write_known(folder: Path, known: Mapping[str, Known]) -> None:
    with written_aside(folder / _KNOWN) as aside:
        aside.write_text(json.dumps({path: [each.key, each.stamp] for path, each in known.items()}), encoding="utf-8")


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Let no other process of this host upload or fetch the run's files meanwhile."""
    with exclusive(folder / _LOCK):
        yield
