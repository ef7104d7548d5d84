"""A search with pruning and two workers beside the same configurations all trained in full, one after the other.

Those that the search pruned count too: they were started. Each has the thread that it had in the search: with more, so
small a run takes longer. ``make bench``.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from queued import train_queued

from store.paths import Root

COMMAND = f"{os.path.dirname(sys.executable)}/aetui"
FIXED = {"width": 16, "depth": 3}
"""Of every run: small ones, for the bench takes long enough."""
LIMIT, WITHIN = 3.0, 0.02


def aetui(root: str, *words: object, **settings: object) -> str:
    command = [COMMAND, "--root", root, *map(str, words)]
    for name, value in settings.items():
        command += ["--set", f"{name}={value}"]
    environment = {**os.environ, "AETUI_IDLE_S": "2"}
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment)
    if done.returncode:
        sys.exit(f"bench_search: `{' '.join(command)}` ended with status {done.returncode}.")
    return done.stdout


def runs(root: str, experiment: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(aetui(root, "ls", experiment, "--json"))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="digits, four complete runs of few epochs")
    parser.add_argument("--pruner", default="halving")
    parser.add_argument("--trials", type=int, default=6, help="complete runs to end at")
    parser.add_argument("--epochs", type=int, default=16)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    dataset, trials, epochs = "mnist-5k", options.trials, options.epochs
    if options.quick:
        dataset, trials, epochs = "digits", 2, 8
    made = ["cae", "--dataset", dataset, "--epochs", epochs]
    with tempfile.TemporaryDirectory() as searched, tempfile.TemporaryDirectory() as full:
        began = time.perf_counter()
        words = ["--trials", trials, "--pruner", options.pruner, "--workers", 2, "--seed", options.seed]
        aetui(searched, "search", *made, "--name", "search", *words, **FIXED)
        took = time.perf_counter() - began
        started = [run for run in runs(searched, "search") if run["state"] in ("complete", "pruned")]
        best = min(run["value"] for run in started if run["state"] == "complete")
        print(
            f"search: {took:.0f} s, {len(started)} started, "
            f"{sum(run['state'] == 'pruned' for run in started)} of them pruned by {options.pruner}, best {best:.5f}",
            flush=True,
        )
        for run in started:
            aetui(full, "run", *made, "--threads", 1, "--queue-only", "--name", "full", **run["params"])
        train_queued(Root(Path(full)), slots=1)
        trained = runs(full, "full")
        in_turn = sum(run["duration_s"] for run in trained)
        best_full = min(run["value"] for run in trained if run["state"] == "complete")
        print(f"all {len(trained)} in full, one after the other: {in_turn:.0f} s, best {best_full:.5f}")
        is_well = in_turn / took >= LIMIT and best <= best_full * (1 + WITHIN)
        print(
            f"ratio {in_turn / took:.2f} ({LIMIT}), best value {100 * (best / best_full - 1):+.1f} % "
            f"({100 * WITHIN:.0f} %)  {'ok' if is_well else 'MISSED'}"
        )


if __name__ == "__main__":
    main()
