"""Which storage and which artifact store are meant: by an option, a variable or a file.

A storage's address can hold a password, and what stands on a command line is in every process list; a file is read by
its owner alone. On the way to the screen: nothing heavy.
"""

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from store.errors import RequestError
from store.user_paths import read_small, user_path

STORAGE_VARIABLE, STORAGE_FILE_VARIABLE = "AETUI_STORAGE", "AETUI_STORAGE_FILE"
ARTIFACTS_VARIABLE = "AETUI_ARTIFACTS"
TARGET_VARIABLE = "AETUI_MIGRATE_TO"
"""What `aetui migrate --to` says, once it has left the command line."""
S3_SCHEME = "s3://"
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9_][A-Za-z0-9_.=+-]*)*/?")
_IN_FILE, _MOST_BYTES = "@", 10_000
_RELATIVE_FILE = re.compile(r"(sqlite(?:\+\w+)?:///)(?!/|:memory:|file:)([^?]+)(\?.*)?")


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where what several hosts can share lies; None: under the root."""

    storage: str | None = field(default=None, repr=False)
    """Password included."""
    artifacts: str | None = None

    @classmethod
    def inherited(cls) -> "Addresses":
        """As `environment` told this process."""
        return cls(os.environ.get(STORAGE_VARIABLE) or None, find_artifacts())

    def environment(self) -> dict[str, str]:
        """What tells a child process: a password is never on a command line."""
        found = {STORAGE_VARIABLE: self.storage, ARTIFACTS_VARIABLE: self.artifacts}
        return {variable: address for variable, address in found.items() if address}


UNDER_ROOT = Addresses()


def find_storage(explicit: str | None = None) -> str | None:
    """The address: ``explicit``, else ``AETUI_STORAGE``, else what the file ``AETUI_STORAGE_FILE`` holds; else None.

    Raises:
        RequestError: it stands in a file that cannot be read.
    """
    if named := explicit or os.environ.get(STORAGE_VARIABLE):
        return read_address(named)
    file = os.environ.get(STORAGE_FILE_VARIABLE)
    return _first_line(Path(file)) if file else None


def find_artifacts(explicit: str | None = None) -> str | None:
    """The address of the artifact store: ``explicit``, else ``AETUI_ARTIFACTS``; None: files stay under the root.

    Raises:
        RequestError: it is neither an address of S3 nor a folder.
    """
    named = explicit or os.environ.get(ARTIFACTS_VARIABLE)
    return check_artifacts(named) if named else None


def check_artifacts(address: str) -> str:
    """The address as it is kept: ``s3://BUCKET/FOLDER``, or a folder by its absolute path.

    Raises:
        RequestError: it is neither.
    """
    scheme, has_scheme, rest = address.partition("://")
    if not has_scheme:
        return str(user_path(address).absolute())
    if scheme == "file" and rest.startswith("/"):
        return str(Path(rest))
    # What stands before an @ may be a secret, which is not repeated.
    if scheme != "s3" or not _BUCKET.fullmatch(rest):
        raise RequestError(
            "The artifact store's address cannot be used: write s3://BUCKET/FOLDER or name a folder; "
            "credentials belong into AWS's own variables or files."
        )
    return address.rstrip("/")


def read_address(text: str) -> str:
    """``text``, or the first line of ``FILE`` where it is ``@FILE``; a SQLite file by its absolute path.

    Workers are told the address that a command was given, and need not work in the folder where that was.

    Raises:
        RequestError: the file cannot be read, or is empty.
    """
    if text.startswith(_IN_FILE):
        return _first_line(Path(text.removeprefix(_IN_FILE)))
    return _absolute(text, Path.cwd())


def _absolute(address: str, folder: Path) -> str:
    found = _RELATIVE_FILE.fullmatch(address)
    return f"{found[1]}{folder / found[2]}{found[3] or ''}" if found else address


def _first_line(file: Path) -> str:
    try:
        text = read_small(file.expanduser(), _MOST_BYTES).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        # What cannot be decoded is not repeated: it may be half of a password.
        cause = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise RequestError(f"The storage address cannot be read from {file}: {cause}.") from None
    line = text.strip().partition("\n")[0].strip()
    if not line:
        raise RequestError(f"{file} is empty: its first line is to be the storage address.")
    return _absolute(line, file.expanduser().absolute().parent)
