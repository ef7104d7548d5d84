"""Files written aside and renamed; those of a run are fenced by its attempt number.

The order makes a worker harmless that slept through its own take-over: it writes its temporary file, then asks whether
the run is still its own, then renames. The attempt that took over has first made its number valid and then removed
older attempts' temporary files. So the old worker's question is answered no, or the file it would rename is gone.
"""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from store.errors import LeaseLost

_LONG_S = 3600.0


@contextmanager
def replaced(path: Path, attempt: int, check: Callable[[], None]) -> Iterator[Path]:
    """Yield a temporary path beside ``path`` to fill; afterwards it is synced and renamed into place.

    Raises:
        LeaseLost: ``check`` said so, or a later attempt has removed the temporary file.
    """
    aside = _aside(path, attempt)
    try:
        yield aside
        try:
            sync(aside)
            check()
            aside.rename(path)
        except FileNotFoundError as error:
            raise LeaseLost(f"{path}: a later attempt has the run") from error
    finally:
        aside.unlink(missing_ok=True)


@contextmanager
def written_aside(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path`` to fill; afterwards it is synced and renamed into place.

    For files that no attempt owns. What goes wrong leaves ``path`` as it was, and nothing beside it.
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}.aside")
    try:
        yield aside
        sync(aside)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def set_aside(path: Path) -> Path:
    """Rename a damaged file to NAME.damaged, over an older such one; returns where it lies now."""
    return path.replace(_damaged(path))


def damaged_copy(path: Path) -> Path:
    """Copy a file that is damaged in part, and about to be replaced, to NAME.damaged; returns where that lies."""
    return Path(shutil.copyfile(path, _damaged(path)))


def _damaged(path: Path) -> Path:
    return path.with_name(f"{path.name}.damaged")


def remove_leftovers(folder: Path, attempt: int) -> None:
    """Remove temporary files of attempts before ``attempt`` in a run's folder; call it once that number is valid.

    Later ones are left: who calls may have slept since, and the run be another's. Of those that no attempt owns, old
    ones go: who wrote them was killed.
    """
    for leftover in folder.rglob(".*.tmp"):
        _, number, _, _ = f"0.0.{leftover.name}".rsplit(".", 3)
        if not number.isdecimal() or int(number) < attempt:
            leftover.unlink(missing_ok=True)
    for leftover in folder.rglob(".*.aside"):
        with suppress(FileNotFoundError):
            if time.time() - leftover.stat().st_mtime > _LONG_S:
                leftover.unlink()


def _aside(path: Path, attempt: int) -> Path:
    return path.with_name(f".{path.name}.{attempt}.{os.getpid()}.tmp")


def sync(path: Path) -> None:
    """Have the content of a file on the disk."""
    # Without it, a rename can outlive the data it names when the machine loses power.
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
