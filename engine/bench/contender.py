"""A contender's process: ``python -P -m engine.bench.contender NAME SPEC``, ``SPEC`` as `RunSpec.as_json` writes it.

Ends with status 3 where the contender's package is not installed, having said so on standard error.
"""

import contextlib
import importlib.util
import json
import sys
from enum import StrEnum

from engine import catalog
from engine.bench.turns import Over, Turns

NOT_INSTALLED = 3


class Contender(StrEnum):
    OURS = "ours"
    PLAIN = "plain"
    PLAIN_NO_WORKERS = "plain_no_workers"
    PYTHAE = "pythae"
    LIGHTNING = "lightning"


_WHERE = {
    Contender.OURS: "ours:run",
    Contender.PLAIN: "plain:run",
    Contender.PLAIN_NO_WORKERS: "plain:run_without_workers",
    Contender.PYTHAE: "pythae_trainer:run",
    Contender.LIGHTNING: "lightning_trainer:run",
}
_PACKAGES = {Contender.PYTHAE: "pythae", Contender.LIGHTNING: "lightning"}


def main() -> int:
    name = Contender(sys.argv[1])
    spec = catalog.read_spec(json.loads(sys.argv[2]))
    turns = Turns()
    if (package := _PACKAGES.get(name)) is not None and importlib.util.find_spec(package) is None:
        print(f"{package} is not installed", file=sys.stderr)
        return NOT_INSTALLED
    if name is Contender.OURS:
        from engine.worker import prepare_environment

        prepare_environment()
    run = catalog.resolve(f"engine.bench.contenders.{_WHERE[name]}")
    with contextlib.suppress(Over):
        run(spec, turns)
    return 0


if __name__ == "__main__":
    sys.exit(main())
