"""Which storage is meant: by an option, a variable or a file, since an address can hold a password.

What stands on a command line is in every process list; a file is read by its owner alone. On the way to the screen:
nothing heavy.
"""

import os
from pathlib import Path

from store.errors import RequestError

STORAGE_VARIABLE, STORAGE_FILE_VARIABLE = "AETUI_STORAGE", "AETUI_STORAGE_FILE"
_IN_FILE = "@"


def find_storage(explicit: str | None = None) -> str | None:
    """The address: ``explicit``, else ``AETUI_STORAGE``, else what the file ``AETUI_STORAGE_FILE`` holds; else None.

    Raises:
        RequestError: it stands in a file that cannot be read.
    """
    if named := explicit or os.environ.get(STORAGE_VARIABLE):
        return read_address(named)
    file = os.environ.get(STORAGE_FILE_VARIABLE)
    return _first_line(Path(file)) if file else None


def read_address(text: str) -> str:
    """``text``, or the first line of ``FILE`` where it is ``@FILE``.

    Raises:
        RequestError: the file cannot be read, or is empty.
    """
    return _first_line(Path(text.removeprefix(_IN_FILE))) if text.startswith(_IN_FILE) else text


def _first_line(file: Path) -> str:
    try:
        line = file.expanduser().read_text(encoding="utf-8").strip().partition("\n")[0].strip()
    except (OSError, UnicodeDecodeError) as error:
        # What cannot be decoded is not repeated: it may be half of a password.
        cause = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise RequestError(f"The storage address cannot be read from {file}: {cause}.") from None
    if not line:
        raise RequestError(f"{file} is empty: its first line is to be the storage address.")
    return line
