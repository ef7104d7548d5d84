"""What a run in a worker costs beside the same training with nothing kept, in turns: ``make bench``.

The worker beats, reports, and writes metrics, codes, pictures and checkpoints; both train and validate alike.
"""

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from engine.bench.task import task

COMMAND = str(Path(sys.executable).parent / "aetui")
EPOCHS = 4
LIMIT = 0.05
WORDS = ("batch_size", "lr", "schedule", "optimizer", "ema", "precision", "patience", "width", "depth", "hidden")


def bare(spec: object, environment: dict[str, str]) -> list[float]:
    """Seconds of each epoch after the first: a pass and the validation."""
    command = [sys.executable, "-P", "-m", "engine.bench.contender", "ours", json.dumps(spec)]
    ends = []
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        for _ in range(EPOCHS):
            process.stdin.write("\n")
            process.stdin.flush()
            process.stdout.readline()
            ends.append(time.perf_counter())
        process.stdin.close()
    return [end - begin for begin, end in itertools.pairwise(ends)]


def in_worker(root: Path, dataset: str, settings: dict[str, object], environment: dict[str, str]) -> list[float]:
    command = [COMMAND, "--root", str(root), "run", "cae", "--dataset", dataset, "--epochs", str(EPOCHS)]
    command += ["--threads", "1", "--name", "overhead"]
    for name in WORDS:
        command += ["--set", f"{name}={settings[name]}"]
    if settings["train_limit"]:
        command += ["--set", f"train_limit={settings['train_limit']}"]
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True, env=environment)
    latest = max(root.glob("overhead/*/metrics.jsonl"), key=lambda path: int(path.parent.name))
    lines = map(json.loads, latest.read_text().splitlines())
    times = [line["time"] for line in lines if line["kind"] == "epoch"]
    return [end - begin for begin, end in itertools.pairwise(times)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", default="mnist", help="mnist (60,000 images, AETUI_DATA), or mnist-5k")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="mnist-5k, one round")
    options = parser.parse_args()
    dataset, rounds = ("mnist-5k", 1) if options.quick else (options.dataset, options.rounds)
    data_dir = os.environ.get("AETUI_DATA", "")
    if dataset == "mnist" and not data_dir:
        sys.exit("bench_overhead: AETUI_DATA names no folder with MNIST: skipped (--dataset mnist-5k needs none).")
    spec = replace(task(1, threads=1, seed=0, device="cpu"), dataset=dataset, train_limit=0)
    overheads = []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(rounds):
            kept = in_worker(Path(folder), dataset, spec.settings(), dict(os.environ))
            alone = bare(spec.as_json(), dict(os.environ))
            overheads.append(statistics.median(kept) / statistics.median(alone) - 1)
            print(
                f"an epoch of {dataset}: {statistics.median(kept):.2f} s in a worker, "
                f"{statistics.median(alone):.2f} s with nothing kept: {100 * overheads[-1]:+.1f} %",
                flush=True,
            )
    middle = statistics.median(overheads)
    print(
        f"overhead of the worker: {100 * middle:+.1f} %  {'ok' if middle <= LIMIT else 'MISSED'} ({100 * LIMIT:.0f} %)"
    )


if __name__ == "__main__":
    main()
