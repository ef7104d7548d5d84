"""How long commands take from Enter to the prompt, and the screen to its first frame: ``make bench``.

Commands stand beside a bare interpreter, the screen beside an empty Textual app, started in turns with it, and a
process that trains for an epoch beside one that imports torch's compiler, too, as torch's own optimizers do.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from terminal import HEIGHT, WIDTH, Terminal

COMMAND = str(Path(sys.executable).parent / "aetui")
REPEATS = 7
EMPTY_APP = "from textual.app import App; App().run()"
FRAME = "aetui", "opening the storage", "1 loss", "6 log", "│", "q leave"
LIMIT = 1.5
TRAINS = """
import sys
from pathlib import Path
from engine import jobs
from engine.spec import RunSpec
from store.database import open_database
from store.paths import Root
database = open_database(Root(Path(sys.argv[1])), create=True)
jobs.enqueue(database, RunSpec(kind="cae", dataset="digits", epochs=1, device="cpu", threads=1))
jobs.run_inline(database)
"""
MEMORY = "\nimport resource; print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)"
"""MiB."""


def seconds(command: list[str]) -> list[float]:
    """Wall-clock seconds of each of `REPEATS` calls, after one that warms the disk cache."""
    took = []
    for _ in range(REPEATS + 1):
        began = time.perf_counter()
        subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)
        took.append(time.perf_counter() - began)
    return took[1:]


def first_frames(root: list[str]) -> tuple[list[float], list[float]]:
    """Seconds to the first frame of an empty Textual app and of the screen, in turns."""
    empty, screen = [], []
    for _ in range(REPEATS + 1):
        with Terminal([sys.executable, "-c", EMPTY_APP]) as terminal:
            empty.append(terminal.first(WIDTH * HEIGHT))
        with Terminal([COMMAND, *root]) as terminal:
            screen.append(terminal.until(lambda lines: all(sign in "".join(lines) for sign in FRAME)))
    return empty[1:], screen[1:]


def first_epochs(folder: Path) -> None:
    """Print how long a new process takes to its first epoch and the most memory it has, beside torch alone."""
    print(f"\n{'new process':<36}  median s  MiB")
    for name, code in {
        "import torch": "import torch",
        "an epoch of cae on digits": TRAINS,
        "the same, torch's compiler imported": f"import torch._dynamo\n{TRAINS}",
    }.items():
        command = [sys.executable, "-c", code + MEMORY, str(folder)]
        memory = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True).stdout
        print(f"{name:<36}  {statistics.median(seconds(command)):8.2f}  {int(memory):3}", flush=True)


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
        empty, screen = first_frames(root)
        for name, took in (("empty Textual app: frame", empty), ("aetui: frame", screen)):
            print(f"{name:<24}  {statistics.median(took):8.2f}  {min(took):9.2f}", flush=True)
        ratio = statistics.median(mine / other for mine, other in zip(screen, empty, strict=True))
        print(
            f"aetui paints its frame in {ratio:.2f} x the time: limit {LIMIT}, {'ok' if ratio <= LIMIT else 'MISSED'}"
        )
        first_epochs(Path(folder) / "trains")


if __name__ == "__main__":
    main()
