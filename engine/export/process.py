"""Helper process: writes an export.

``python -P -m engine.export.process --root DIR [NAME ...] --out DIR [--format FORMAT ...] [--width 1|2] [--dpi N]
[--style light|dark] [--data FORMAT ...] [--tensorboard DIR]``. It prints a JSON object a line: ``{"done": N, "total":
N, "says": TEXT}`` as it goes on, and at last ``{"manifest": {...}}``. Without a format no figure is drawn: the data
alone are written, and what an older export left beside them stays. Exit status 2, with one sentence on stderr: the
request was wrong, or nothing could be written; the older export is whole then.
"""

import argparse
import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.worker import prepare_environment
from store.database import open_inherited
from store.errors import RequestError
from store.paths import Root


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="engine.export.process", description=__doc__)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--format", action="append", default=[])
    parser.add_argument("--data", action="append", default=[])
    parser.add_argument("--tensorboard", type=Path)
    parser.add_argument("--width", type=int, default=2)
    parser.add_argument("--dpi", type=int, default=200)
    parser.add_argument("--style", default="light")
    parser.add_argument("names", nargs="*", metavar="NAME")
    options = parser.parse_args(arguments)
    # So that what is half written is removed, and the drawing processes with it.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda got, _frame: sys.exit(128 + got))
    prepare_environment()
    from engine.export.wishes import Wishes
    from engine.export.writing import write

    try:
        database = open_inherited(Root(options.root.absolute()))
        try:
            wishes = Wishes.checked(
                formats=options.format,
                data_formats=options.data,
                columns=options.width,
                dpi=options.dpi,
                style=options.style,
                tensorboard=options.tensorboard,
            )
            manifest = write(database, options.names, options.out.absolute(), wishes, _say)
        finally:
            database.close()
    except RequestError as error:
        print(error, file=sys.stderr)
        return 2
    _print({"manifest": manifest})
    return 0


def _say(done: int, total: int, says: str) -> None:
    _print({"done": done, "total": total, "says": says})


def _print(line: Any) -> None:
    print(json.dumps(line, default=str), flush=True)


if __name__ == "__main__":
    sys.exit(main())
