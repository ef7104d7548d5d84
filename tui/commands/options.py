"""The options that stand before or after every command. On the way to the screen: no Typer, nothing heavy."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from store.address import Addresses, find_artifacts, find_storage
from store.paths import Root

if TYPE_CHECKING:
    from store.database import Database


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the user said about where things are and how to talk; None or False where nothing was said."""

    root: Path | None = None
    named_storage: str | None = field(default=None, repr=False)
    """As it was given; what counts is `storage`."""
    named_artifacts: str | None = None
    """As it was given; what counts is `artifacts`."""
    data_dir: Path | None = None
    json: bool = False
    debug: bool = False
    no_mouse: bool = False

    def given_after(self, later: dict[str, Any]) -> "Options":
        """A copy in which what was said after the command replaces what was said before it."""
        return replace(self, **{key: value for key, value in later.items() if value not in (None, False)})

    def find_root(self) -> Root:
        return Root.find(self.root)

    @cached_property
    def storage(self) -> str | None:
        """The storage's address, password included; None for the SQLite file under the root.

        Raises:
            RequestError: the file that is to hold it cannot be read.
        """
        return find_storage(self.named_storage)

    @property
    def artifacts(self) -> str | None:
        """The address of the artifact store; None: the files of runs stay under the root."""
        return find_artifacts(self.named_artifacts)

    @property
    def addresses(self) -> Addresses:
        """Raises RequestError: see `storage`."""
        return Addresses(self.storage, self.artifacts)

    def is_fresh(self) -> bool:
        """Whether nothing was ever made under this root, and no storage was named beside it."""
        from store.database import database_exists

        return self.storage is None and not database_exists(self.find_root())

    def open_database(self, *, create: bool = False) -> "Database":
        """The storage that was named.

        Raises:
            RequestError: it is absent (and not to be created) or cannot be used.
        """
        from store.database import open_database  # SQLAlchemy: 250 ms, only for the commands that need it

        return open_database(self.find_root(), self.storage, artifacts=self.artifacts, create=create)


SHARED = (
    ("root", Path | None, None, ["--root"], "DIR", "The folder with everything [AETUI_ROOT, else the nearest runs/]."),
    (
        "named_storage",
        str | None,
        None,
        ["--storage"],
        "URL",
        "Another database than the SQLite file under the root; @FILE: as that file says "
        "[AETUI_STORAGE, else as the file AETUI_STORAGE_FILE says].",
    ),
    (
        "named_artifacts",
        str | None,
        None,
        ["--artifacts"],
        "URL",
        "Where the files of runs are shared through: s3://BUCKET/FOLDER, or a folder that all hosts have "
        "[AETUI_ARTIFACTS].",
    ),
    ("data_dir", Path | None, None, ["--data-dir"], "DIR", "Where data sets lie [AETUI_DATA, else the cache folder]."),
    ("json", bool, False, ["--json"], None, "One JSON document on stdout; all else goes to stderr."),
    ("debug", bool, False, ["--debug"], None, "Show the traceback of an error."),
    ("no_mouse", bool, False, ["--no-mouse"], None, "The screen leaves the mouse to the terminal."),
)


def read_alone(arguments: Sequence[str]) -> Options | None:
    """What ``arguments`` say where they are nothing but these options; None: Typer reads them, or tells what is wrong.

    Typer takes 30 ms to import and brings pydantic in to read the first of them, 70 ms: the screen waits for neither.
    """
    known = {flag: (name, kind) for name, kind, _, flags, *_ in SHARED for flag in flags}
    given: dict[str, Any] = {}
    left = iter(arguments)
    for argument in left:
        flag, has_value, value = argument.partition("=")
        if flag not in known:
            return None
        name, kind = known[flag]
        if kind is bool:
            value = "yes" if not has_value else ""
        elif not has_value:
            value = next(left, "")
        if not value or value.startswith("-"):
            return None
        given[name] = True if kind is bool else value if kind == str | None else Path(value)
    return Options(**given)
