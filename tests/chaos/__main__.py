"""``make chaos``: workers, commands, screens and a recipe on one root, all at random, and processes that die at random.

    python -m tests.chaos --minutes 15 --seed 1

The same seed draws the same asks and faults; when they come depends on the machine. Exit status 1 where anything was
lost, doubled, torn or broken: the root stays there then, to be looked at.
"""

import argparse
import random
import shutil
import sys
import tempfile
from contextlib import nullcontext
from pathlib import Path

from tests.chaos.play import play
from tests.postgres import running


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=15.0)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--storage", choices=("sqlite", "postgresql"), default="sqlite")
    arguments = parser.parse_args()
    seed = random.SystemRandom().randrange(10_000) if arguments.seed is None else arguments.seed
    print(f"seed {seed}, {arguments.minutes:g} minutes", flush=True)
    folder = Path(tempfile.mkdtemp(prefix="aetui-chaos-"))
    with running() if arguments.storage == "postgresql" else nullcontext() as server:
        ledger = play(folder, seed, arguments.minutes, server)
    if ledger.wrong:
        print(f"all of it is in {folder}")
        return 1
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
