"""Paths as users write them."""

import errno
import os
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


def _shown(text: str | os.PathLike[str]) -> str:
    named = os.fspath(text)
    return ascii(named if len(named) <= 80 else f"{named[:80]}...")
