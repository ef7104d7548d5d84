"""How ``aetui ls --json`` grows with the runs of a root, beside ``aetui --version``, in turns: ``make bench``."""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from big_root import build

from store.paths import Root

COMMAND = str(Path(sys.executable).parent / "aetui")
REPEATS = 7
LIMIT = 6.0


def seconds(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="up to 10,000 runs")
    sizes = (10, 1_000, 10_000) if parser.parse_args().quick else (10, 100, 1_000, 10_000, 50_000, 100_000)
    print(f"{'runs':>8}  {'--version s':>11}  {'ls --json s':>11}  {'ratio':>5}  spread")
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            build(Root(Path(folder)), num_experiments=max(1, size // 250), num_runs=size, num_live=0).close()
            version, listing = [COMMAND, "--version"], [COMMAND, "--root", folder, "ls", "--json"]
            seconds(listing)  # warms the disk cache
            pairs = [(seconds(version), seconds(listing)) for _ in range(REPEATS)]
        ratios = [long / short for short, long in pairs]
        short, long = (statistics.median(column) for column in zip(*pairs, strict=True))
        verdict = "" if size != 50_000 else f"  {'ok' if statistics.median(ratios) < LIMIT else 'MISSED'} ({LIMIT})"
        print(
            f"{size:>8,}  {short:>11.2f}  {long:>11.2f}  {statistics.median(ratios):>5.2f}  "
            f"{min(ratios):.2f} to {max(ratios):.2f}{verdict}",
            flush=True,
        )


if __name__ == "__main__":
    main()
