"""``make chaos``: workers, commands, screens and a recipe on one root, all at random, and processes that die at random.

    python -m tests.chaos --minutes 15 --seed 1

Of ten minutes and more a third is on PostgreSQL, where that is installed. The same seed draws the same asks and faults;
when they come depends on the machine. Exit status 1 where anything was lost, doubled, torn or broken: the root stays
there then, to be looked at.
"""

import argparse
import random
import shutil
import sys
import tempfile
from contextlib import nullcontext
from pathlib import Path

from tests.chaos.play import play
from tests.postgres import find_binaries, running

_SHORT = 10.0
_ON_POSTGRESQL = 1 / 3


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=15.0)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--storage", choices=("sqlite", "postgresql"), default=None, help="one of them only")
    arguments = parser.parse_args()
    seed = random.SystemRandom().randrange(10_000) if arguments.seed is None else arguments.seed
    print(f"seed {seed}, {arguments.minutes:g} minutes", flush=True)
    whole = [_storm(storage, seed, minutes) for storage, minutes in _parts(arguments.storage, arguments.minutes)]
    return 0 if all(whole) else 1


def _parts(storage: str | None, minutes: float) -> list[tuple[str, float]]:
    if storage is not None:
        return [(storage, minutes)]
    if minutes < _SHORT or find_binaries() is None:
        return [("sqlite", minutes)]
    return [("sqlite", minutes * (1 - _ON_POSTGRESQL)), ("postgresql", minutes * _ON_POSTGRESQL)]


def _storm(storage: str, seed: int, minutes: float) -> bool:
    """Whether all came through it."""
    print(f"on {storage}", flush=True)
    folder = Path(tempfile.mkdtemp(prefix="aetui-chaos-"))
    with running() if storage == "postgresql" else nullcontext() as server:
        ledger = play(folder, seed, minutes, server)
    if ledger.wrong:
        print(f"all of it is in {folder}")
        return False
    shutil.rmtree(folder)
    return True


if __name__ == "__main__":
    sys.exit(main())
