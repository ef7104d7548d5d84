"""Who drives a recipe: one process a root, which holds a lock for as long as it lives and wrote its number into it."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from store.paths import Root

# Whoever only looks holds the lock, shared, for a moment.
_PATIENCE_S = 0.3


@contextmanager
def driver_lock(root: Root, name: str) -> Iterator[bool]:
    """Hold the lock of the recipe ``name`` unless another process does; yields whether we got it."""
    descriptor = os.open(_path(root, name), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        if _take(descriptor):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, str(os.getpid()).encode(), 0)
            yield True
            os.ftruncate(descriptor, 0)
        else:
            yield False
    finally:
        os.close(descriptor)


def driver(root: Root, name: str) -> int | None:
    """The process that drives the recipe ``name`` at this moment; None where none does."""
    try:
        descriptor = os.open(_path(root, name), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        text = os.read(descriptor, 20)
        return int(text) if text.isdigit() else None
    finally:
        os.close(descriptor)
    return None


def _take(descriptor: int) -> bool:
    give_up = time.monotonic() + _PATIENCE_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > give_up:
                return False
            time.sleep(_PATIENCE_S / 10)
        else:
            return True


def _path(root: Root, name: str) -> Path:
    return root.path / f".recipe-{name}.lock"
