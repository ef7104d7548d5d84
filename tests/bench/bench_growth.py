"""How the cost of training grows with epochs, data, workers and threads: ``make bench``.

Each table ends with the exponent between neighbours: 1 grows in proportion, 0 not at all.
"""

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from queued import train_queued

from store.paths import Root

COMMAND = str(Path(sys.executable).parent / "aetui")
SETTINGS = ("width=16", "hidden=32", "batch_size=256", "schedule=constant", "patience=0")
REPEATS = 5
TABLES = ("epochs", "images", "workers", "threads")


def aetui(root: Path, *words: object) -> None:
    environment = {**os.environ, "AETUI_IDLE_S": "1"}
    command = [COMMAND, "--root", str(root), *map(str, words)]
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True, env=environment)


def train(root: Path, *words: object, **settings: object) -> None:
    named = [f"{name}={value}" for name, value in settings.items()]
    aetui(root, "run", "cae", "--name", "growth", *words, *(f"--set={setting}" for setting in (*SETTINGS, *named)))


def epochs(root: Path, number: int = 0) -> list[dict[str, Any]]:
    lines = map(json.loads, (root / "growth" / str(number) / "metrics.jsonl").read_text().splitlines())
    return [line for line in lines if line["kind"] == "epoch"]


def seconds(command: Sequence[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


def show(title: str, unit: str, column: str, measured: Sequence[tuple[int, float]]) -> None:
    print(f"\n{title}\n{unit:>10}  {column:>12}  exponent")
    before: tuple[int, float] | None = None
    for size, cost in measured:
        exponent = "" if before is None else f"{math.log(cost / before[1]) / math.log(size / before[0]):8.2f}"
        print(f"{size:>10,}  {cost:>12.3f}  {exponent}", flush=True)
        before = size, cost


def by_epochs(lengths: Sequence[int]) -> None:
    """One long run, its bookkeeping weighing as much as its training: 256 images."""
    took, looked = [], []
    for length in lengths:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            train(root, "--dataset", "digits", "--epochs", length, "--threads", 1, train_limit=256)
            took.append((length, epochs(root)[-1]["time"]))
            command = [COMMAND, "--root", folder, "show", "growth/0", "--json"]
            looked.append((length, statistics.median(seconds(command) for _ in range(REPEATS))))
    show("A run of so many epochs (digits, 256 images), without its start", "epochs", "s", took)
    show("`aetui show --json` of it", "epochs", "s", looked)


def by_images(dataset: str, sizes: Sequence[int]) -> None:
    took = []
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            train(Path(folder), "--dataset", dataset, "--epochs", 4, "--threads", 1, train_limit=size)
            took.append((size, statistics.median(size / line["images_per_s"] for line in epochs(Path(folder))[1:])))
    show(f"A pass over so many images of {dataset}, one thread", "images", "s", took)


def by_workers(counts: Sequence[int], num_runs: int) -> None:
    took = []
    for count in counts:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            for seed in range(num_runs):
                train(root, "--epochs", 2, "--threads", 1, "--seed", seed, "--queue-only")
            took.append((count, train_queued(Root(root), count)))
    show(
        f"{num_runs} runs of two epochs on {os.cpu_count()} cores, workers' start included",
        "workers",
        "s",
        took,
    )


def by_threads(num_epochs: int) -> None:
    cores = os.cpu_count() or 1
    print(f"\nRuns at once x threads each, {cores} cores\n{'runs':>10}  {'threads':>7}  {'images/s':>8}")
    pairs = sorted({(1, 1), (1, cores), (cores, 1), (cores, cores), (2 * cores, 1)})
    for runs, threads in pairs:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            for seed in range(runs):
                words = ("--epochs", num_epochs, "--threads", threads, "--seed", seed, "--queue-only")
                train(root, *words)
            train_queued(Root(root), runs)
            # The first epoch and the last are not those of all runs at once.
            speed = sum(
                statistics.median(line["images_per_s"] for line in epochs(root, number)[1:-1]) for number in range(runs)
            )
        print(f"{runs:>10}  {threads:>7}  {speed:>8,.0f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="smaller ends of every table")
    parser.add_argument("--only", choices=TABLES, action="append", help="one table; repeatable [all]")
    options = parser.parse_args()
    is_quick, wanted = options.quick, options.only or TABLES
    if "epochs" in wanted:
        by_epochs((10, 100) if is_quick else (10, 100, 1_000))
    if "images" in wanted:
        by_images("mnist-5k", (400, 1_200, 4_000))
        if os.environ.get("AETUI_DATA") and not is_quick:
            by_images("mnist", (5_000, 16_000, 50_000))
    if "workers" in wanted:
        by_workers((1, 2, 4) if is_quick else (1, 2, 4, 8, 16), 4 if is_quick else 16)
    if "threads" in wanted:
        by_threads(4 if is_quick else 6)


if __name__ == "__main__":
    main()
