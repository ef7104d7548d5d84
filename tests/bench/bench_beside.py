"""Training beside an open screen, which shows it, against training without one, in turns: ``make bench``."""

import argparse
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from terminal import Terminal

COMMAND = str(Path(sys.executable).parent / "aetui")
NUM_RUNS = 2
TURN_S = 20.0
LIMIT = 0.97


def epochs(root: Path) -> list[list[dict[str, float]]]:
    """By run, its epochs' lines."""
    found = []
    for path in sorted(root.glob("beside/*/metrics.jsonl")):
        lines = map(json.loads, path.read_text().splitlines())
        found.append([line for line in lines if line["kind"] == "epoch"])
    return found


def speed(root: Path, seconds: float) -> float:
    """Images a second of all runs together, over the epochs that lie within the next ``seconds``."""
    before = [len(lines) + 1 for lines in epochs(root)]  # the one that has begun is of the turn before
    time.sleep(seconds)
    parts = [lines[first:] for lines, first in zip(epochs(root), before, strict=True)]
    return sum(statistics.median(line["images_per_s"] for line in part) for part in parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    rounds, turn_s = (2, 10.0) if parser.parse_args().quick else (6, TURN_S)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        base = [COMMAND, "--root", folder]
        words = ["run", "cae", "--epochs", "100000", "--name", "beside", "--detach"]
        settings = ["width=16", "hidden=32", "batch_size=256", "patience=0", "schedule=constant"]
        for seed in range(NUM_RUNS):
            command = [*base, *words, "--seed", str(seed)]
            for setting in settings:
                command += ["--set", setting]
            subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
        while len(found := epochs(root)) < NUM_RUNS or min(map(len, found)) < 3:
            time.sleep(0.5)
        try:
            pairs = []
            for _ in range(rounds):
                without = speed(root, turn_s)
                with Terminal([COMMAND, "--root", folder]) as terminal:
                    terminal.until(lambda lines: "beside" in "".join(lines))
                    time.sleep(3)  # its start is over
                    beside = speed(root, turn_s)
                pairs.append((beside, without))
                print(f"{beside:7,.0f} images/s beside the screen, {without:7,.0f} without", flush=True)
        finally:
            with contextlib.suppress(subprocess.CalledProcessError):
                runs = [f"beside/{number}" for number in range(NUM_RUNS)]
                subprocess.run([*base, "kill", *runs], stdout=subprocess.DEVNULL, check=True)
    ratios = [beside / without for beside, without in pairs]
    verdict = "ok" if statistics.median(ratios) >= LIMIT else "MISSED"
    print(f"ratio {statistics.median(ratios):.3f}  {min(ratios):.3f} to {max(ratios):.3f}  {verdict} ({LIMIT})")


if __name__ == "__main__":
    main()
