"""How long commands take from Enter to the prompt, beside a bare interpreter: ``make bench``."""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

COMMAND = str(Path(sys.executable).parent / "aetui")
REPEATS = 7


def seconds(command: list[str]) -> list[float]:
    """Wall-clock seconds of each of `REPEATS` calls, after one that warms the disk cache."""
    took = []
    for _ in range(REPEATS + 1):
        began = time.perf_counter()
        subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)
        took.append(time.perf_counter() - began)
    return took[1:]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = ["--root", folder]
        queue = [COMMAND, "run", "cae", "--dataset", "digits", "--queue-only", *root]
        subprocess.run(queue, stdout=subprocess.DEVNULL, check=True)
        print(f"{'command':<24}  median s  fastest s")
        for name, command in {
            "python -c ''": [sys.executable, "-c", ""],
            "aetui --help": [COMMAND, "--help"],
            "aetui --version": [COMMAND, "--version"],
            "aetui ls": [COMMAND, "ls", *root],
            "aetui ls --json": [COMMAND, "ls", "--json", *root],
            "aetui show RUN": [COMMAND, "show", "cae-digits/0", *root],
            "aetui run --queue-only": queue,
        }.items():
            took = seconds(command)
            print(f"{name:<24}  {statistics.median(took):8.2f}  {min(took):9.2f}", flush=True)


if __name__ == "__main__":
    main()
