"""Paths as users write them."""

import errno
import os
import stat
from pathlib import Path

from store.errors import RequestError


def user_path(text: str | os.PathLike[str]) -> Path:
    """``text`` as a path, ``~`` being the home folder; whether anything lies there is not asked.

    Raises:
        RequestError: nothing can lie there: it is too long, holds a NUL, or names a user who is not known.
    """
    try:
        path = Path(text).expanduser()
        os.lstat(path)
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise RequestError(f"{_shown(text)} is no path: it is longer than a path can be.") from error
    except ValueError as error:
        raise RequestError(f"{_shown(text)} is no path: it holds a character that none can have.") from error
    except RuntimeError as error:
        raise RequestError(f"{_shown(text)} is no path: nobody of that name has a home here.") from error
    return path


def read_small(path: Path, most: int) -> bytes:
    """The first ``most`` bytes of a file that a user named.

    Raises:
        OSError: it cannot be read, or is no regular file: a pipe may never say anything, and a device never end.
    """
    # Of a pipe that nobody writes to, a plain open would wait.
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as opened:
        mode = os.fstat(opened.fileno()).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        return opened.read(most)


def _shown(text: str | os.PathLike[str]) -> str:
    named = os.fspath(text)
    return ascii(named if len(named) <= 80 else f"{named[:80]}...")
