"""What helper processes have in common: arguments, the one JSON answer, the status."""

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from store.database import Database, open_inherited
from store.errors import RequestError
from store.names import RunName
from store.paths import Root


def parser(module: str, description: str | None) -> argparse.ArgumentParser:
    """Takes ``--root``, ``--device`` and the run."""
    made = argparse.ArgumentParser(prog=module, description=description)
    made.add_argument("--root", type=Path, required=True)
    made.add_argument("--device", default="auto")
    made.add_argument("run", metavar="RUN")
    return made


def answer(options: argparse.Namespace, find: Callable[[Database, RunName], Mapping[str, Any]]) -> int:
    """Print what ``find`` finds as one JSON object; the storage's address comes from the environment.

    Returns:
        The exit status: 2, with one sentence on stderr, where the request was wrong.
    """
    try:
        name = RunName.parse(options.run)
        database = open_inherited(Root(options.root.absolute()))
        try:
            found = find(database, name)
        finally:
            database.close()
    except RequestError as error:
        print(error, file=sys.stderr)
        return 2
    print(json.dumps(found))
    return 0
