"""Whether there is room on the root's disk, and what to say where there is none.

A quota counts as a full disk: only writing tells. What became of a run must be written down on a full disk too, so a
piece of it is kept in reserve for that.
"""

import contextlib
import errno
import os
import shutil
from pathlib import Path

from store.errors import NoRoom
from store.file_system import nearest
from store.paths import Root, RunPaths

ENOUGH = 8 << 20
"""Bytes without which nothing is begun: checkpoints, codes and pictures of an epoch of a small run."""
_RESERVE = 1 << 20
_ERRNOS = (errno.ENOSPC, errno.EDQUOT)


def lack(error: BaseException, folder: Path) -> NoRoom | None:
    """What to say of ``error`` where it comes from a full disk under ``folder``; None: it has another cause."""
    if isinstance(error, NoRoom):
        return error
    if isinstance(error, OSError) and error.errno in _ERRNOS:
        return no_room(folder)
    return None


def no_room(folder: Path) -> NoRoom:
    return NoRoom(
        f"There is no room left on the disk of {folder} (or in your quota of it): free some there, "
        "`aetui doctor` says how much there is."
    )


def is_full(folder: Path) -> bool:
    """Whether nothing is to be begun below ``folder``, as far as that can be told without writing."""
    try:
        return shutil.disk_usage(folder).free < ENOUGH
    except FileNotFoundError:  # the root was removed in this moment: its workers are about to notice
        return False


def has_room(folder: Path, num_bytes: int = ENOUGH) -> bool:
    """Whether ``num_bytes`` more can be written below ``folder``: by trying, since a quota is not told beforehand."""
    if not num_bytes:
        return True
    if shutil.disk_usage(folder).free < num_bytes:
        return False
    probe = folder / f".room.{os.getpid()}"
    try:
        _fill(probe, num_bytes)
    except OSError as error:
        if error.errno in _ERRNOS:
            return False
        raise
    finally:
        probe.unlink(missing_ok=True)
    return True


def wanted(paths: RunPaths) -> int:
    """How much a run that the full disk stopped wants before it goes on: its next checkpoints, and some more."""
    sizes = [file.stat().st_size for file in (paths.last, paths.best) if file.exists()]
    return max(ENOUGH, 2 * sum(sizes))


def check(root: Root) -> None:
    """Raises NoRoom: the root, or the folder that it will be made in, has less than `ENOUGH`."""
    if shutil.disk_usage(nearest(root.path)).free < ENOUGH:
        raise no_room(root.path)


def keep_reserve(root: Root) -> None:
    """Set some room aside, unless that is done or there is none."""
    if not root.reserve.exists():
        try:
            _fill(root.reserve, _RESERVE)
        except OSError:
            use_reserve(root)


def use_reserve(root: Root) -> None:
    with contextlib.suppress(OSError):
        root.reserve.unlink(missing_ok=True)


def _fill(path: Path, num_bytes: int) -> None:
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        os.posix_fallocate(descriptor, 0, num_bytes)
    finally:
        os.close(descriptor)
