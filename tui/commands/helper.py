"""Helper processes: what needs torch or scikit-learn runs in one of its own and answers with one JSON object."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from engine.supervisor import storage_environment
from store.database import Database
from store.errors import RequestError
from store.paths import DATA_VARIABLE
from tui.commands.errors import WRONG_REQUEST
from tui.commands.output import console, is_terminal, note, printable


class HelperFailed(Exception):
    """A helper process ended without an answer."""


def ask(database: Database, module: str, arguments: Sequence[str], *, says: str, data_dir: Path | None) -> Any:
    """What ``python -P -m MODULE`` answers; meanwhile ``says`` is shown on stderr.

    Raises:
        RequestError: it says that it was asked for something that cannot be.
        HelperFailed: it failed.
    """
    command = [sys.executable, "-P", "-m", module, "--root", str(database.root.path), *arguments]
    environment = {**os.environ, **storage_environment(database.storage)}
    if data_dir is not None:
        environment[DATA_VARIABLE] = str(data_dir.expanduser().absolute())
    with _shown(says):
        # `run` kills it at Ctrl-C.
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=environment, check=False
        )
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"{module} ends with status {done.returncode}"]
        raise (RequestError if done.returncode == WRONG_REQUEST else HelperFailed)(printable(lines[-1]))
    return json.loads(done.stdout)


def _shown(says: str) -> AbstractContextManager[Any]:
    if is_terminal(sys.stderr):
        return console(sys.stderr).status(printable(says))
    note(says)
    return nullcontext()
