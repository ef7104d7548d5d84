"""Asking a helper process from the command line: meanwhile it says what is going on."""

import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from store.database import Database
from tui.commands.output import console, is_terminal, note, printable
from tui.helpers.process import answer_of


def ask(database: Database, module: str, arguments: Sequence[str], *, says: str, data_dir: Path | None) -> Any:
    """What ``python -P -m MODULE`` answers; meanwhile ``says`` is shown on stderr.

    Raises:
        RequestError: it says that it was asked for something that cannot be.
        HelperFailed: it failed.
    """
    with _shown(says):
        return answer_of(database, module, arguments, data_dir)


def _shown(says: str) -> AbstractContextManager[Any]:
    if is_terminal(sys.stderr):
        return console(sys.stderr).status(printable(says))
    note(says)
    return nullcontext()
