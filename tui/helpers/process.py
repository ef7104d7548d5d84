"""Helper processes: what needs torch or scikit-learn runs in one of its own and answers with one JSON object."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.supervisor import storage_environment
from store.errors import RequestError
from store.paths import DATA_VARIABLE
from tui.look import printable

if TYPE_CHECKING:
    from store.database import Database

_WRONG_REQUEST = 2


class HelperFailed(Exception):
    """A helper process ended without an answer."""


def answer_of(
    database: "Database", module: str, arguments: Sequence[str], data_dir: Path | None, *, outlives_us: bool = False
) -> Any:
    """What ``python -P -m MODULE`` answers; ``outlives_us``: it goes on to its end where we do not wait for it.

    Raises:
        RequestError: it says that it was asked for something that cannot be.
        HelperFailed: it failed.
    """
    command = [sys.executable, "-P", "-m", module, "--root", str(database.root.path), *arguments]
    environment = {**os.environ, **storage_environment(database.storage)}
    if data_dir is not None:
        environment[DATA_VARIABLE] = str(data_dir.expanduser().absolute())
    # `run` kills it at Ctrl-C.
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=environment,
        check=False,
        start_new_session=outlives_us,
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"{module} ends with status {done.returncode}"]
        raise (RequestError if done.returncode == _WRONG_REQUEST else HelperFailed)(printable(lines[-1]))
    return json.loads(done.stdout)
