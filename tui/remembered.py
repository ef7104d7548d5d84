"""How a root was looked at last, kept in a small file of it: the next screen begins there.

The file is of no worth to anybody else: what cannot be read or written is ignored. Of two screens the last one wins.
"""

import json
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Self

from store.artifacts import written_aside
from store.errors import RequestError
from store.json_file import loads
from store.names import RunName
from store.paths import Root
from tui.panes import PANES

PERIOD_S = 3.0
_LARGEST = 65_536
_MOST_COLUMNS, _LONGEST = 100, 200


@dataclass(frozen=True, kw_only=True)
class Remembered:
    """``run`` is the one under the cursor; ``columns`` and ``grouped_by``, ``sorted_by`` as `RunTable` has them."""

    run: str = ""
    experiment: str = ""
    pane: str = PANES[0]
    columns: tuple[str, ...] = ()
    sorted_by: str = ""
    is_down: bool = False
    grouped_by: str = ""
    log_axis: bool = False
    hides_ended: bool = False
    theme: str = ""

    @classmethod
    def read(cls, root: Root) -> Self:
        """What the file says, as far as it makes sense."""
        try:
            with _path(root).open("rb") as file:
                found = loads(file.read(_LARGEST))
        except (OSError, ValueError):
            return cls()
        if not isinstance(found, dict):
            return cls()
        read = cls(**{each.name: found[each.name] for each in fields(cls) if _fits(each.name, found)})
        return replace(
            read,
            columns=tuple(read.columns),
            pane=read.pane if read.pane in PANES else PANES[0],
            run=read.run if read.focus else "",
        )

    @property
    def focus(self) -> RunName | None:
        try:
            return RunName.parse(self.run) if self.run else None
        except RequestError:
            return None

    def opens_at(self, focus: RunName | None) -> str | None:
        """The experiment that a screen begins with which was asked for ``focus``; None: nobody said."""
        wanted = focus or self.focus
        return wanted.experiment if wanted else self.experiment or None

    def write(self, root: Root) -> None:
        """Written aside and renamed; a root that is not there, or may not be written to, stays as it is."""
        with suppress(OSError), written_aside(_path(root)) as aside:
            aside.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")


def _path(root: Root) -> Path:
    return root.path / ".screen.json"


def _fits(name: str, found: dict[str, Any]) -> bool:
    value = found.get(name)
    if name == "columns":
        return isinstance(value, list) and len(value) <= _MOST_COLUMNS and all(map(_is_text, value))
    return type(value) is bool if isinstance(getattr(Remembered, name), bool) else _is_text(value)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= _LONGEST


class Keeper:
    """Writes the newest view, at most once in `PERIOD_S`, in a thread; ``later`` calls what is due after a while."""

    def __init__(self, root: Root, view: Remembered, later: Callable[[float, Callable[[], None]], object]) -> None:
        self._root, self._later = root, later
        self.view = self._written = view
        self._is_due = False

    def note(self, view: Remembered) -> None:
        self.view = view
        if view != self._written and not self._is_due:
            self._is_due = True
            self._later(PERIOD_S, self.write)

    def write(self) -> None:
        self._is_due = False
        view = self.view
        if view != self._written:
            self._written = view
            # No daemon: leaving the screen waits for these few milliseconds.
            threading.Thread(target=view.write, args=(self._root,), name="remembered").start()
