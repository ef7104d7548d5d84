"""Helper processes: what needs torch or scikit-learn runs in one of its own and answers with one JSON object."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from store.errors import RequestError
from store.paths import DATA_VARIABLE, find_data_dir
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
    # `run` kills it at Ctrl-C.
    done = subprocess.run(
        _command(database, module, arguments),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=_environment(database, data_dir),
        check=False,
        start_new_session=outlives_us,
    )
    _check(module, done.returncode, done.stderr)
    return json.loads(done.stdout)


def lines_of(
    database: "Database",
    module: str,
    arguments: Sequence[str],
    data_dir: Path | None,
    begun: Callable[[Callable[[], None]], object] | None = None,
) -> Iterator[dict[str, Any]]:
    """What ``python -P -m MODULE`` prints, a JSON object a line, as it comes; who stops listening ends it.

    ``begun`` gets what asks it to end, for other threads than the one that waits for lines.

    Raises:
        RequestError, HelperFailed: as `answer_of` does, behind the last line.
    """
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            _command(database, module, arguments),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=_environment(database, data_dir),
            start_new_session=True,  # a Ctrl-C is ours: it has files to take away
        )
        assert process.stdout is not None
        try:
            if begun is not None:
                begun(process.terminate)
            for line in process.stdout:
                yield json.loads(line)
            process.wait()
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
            process.stdout.close()
        errors.seek(0)
        _check(module, process.returncode, errors.read())


def _command(database: "Database", module: str, arguments: Sequence[str]) -> list[str]:
    return [sys.executable, "-P", "-m", module, "--root", str(database.root.path), *arguments]


def _environment(database: "Database", data_dir: Path | None) -> dict[str, str]:
    environment = {**os.environ, **database.addresses.environment()}
    if data_dir is not None:
        environment[DATA_VARIABLE] = str(find_data_dir(data_dir))
    return environment


def _check(module: str, status: int, errors: str) -> None:
    if status:
        lines = errors.strip().splitlines() or [f"{module} ends with status {status}"]
        raise (RequestError if status == _WRONG_REQUEST else HelperFailed)(printable(lines[-1]))
