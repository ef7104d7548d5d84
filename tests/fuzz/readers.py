"""Fuzzes the readers of files: ``python -m tests.fuzz.readers [--minutes N] [--seed N] [--keep DIR]``.

Sound files are changed at random and given to the reader that is for them. What raises anything but a refusal, or takes
longer than some seconds, is told and kept: the seed and the number of the round make it again.
"""

import argparse
import os
import random
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from store.errors import RequestError
from tests.fuzz.doors import REFUSALS, Door, doors, environment
from tests.fuzz.mutations import mutated

_MOST_S = 10.0


@dataclass(frozen=True, kw_only=True)
class Finding:
    door: str
    round: int
    error: str
    """Its class and where it came from: the same trouble is told once."""
    traceback: str
    content: bytes


class _TooLong(BaseException):
    """No reader may catch it."""


def fuzz(
    folder: Path, seed: int, *, num_rounds: int | None = None, until: float | None = None
) -> Iterator[Finding | str]:
    """Yields the name of the door after every file that was read or refused, and every finding."""
    os.environ.update(environment(folder))
    warnings.simplefilter("ignore")
    all_doors = doors(folder)
    for door in all_doors:
        _write(folder, door, door.sound)
        door.read(folder / door.name)  # sound files are read
    number = 0
    while (num_rounds is None or number < num_rounds) and (until is None or time.monotonic() < until):
        door = all_doors[number % len(all_doors)]
        content = mutated(door.sound, random.Random(f"{seed} {number}"))
        finding = _tried(folder, door, content, number)
        yield finding or door.name
        number += 1


def _tried(folder: Path, door: Door, content: bytes, number: int) -> Finding | None:
    path = _write(folder, door, content)
    try:
        with _at_most(_MOST_S):
            door.read(path)
    except (RequestError, REFUSALS):
        return None
    except (Exception, _TooLong) as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        text = "".join(traceback.format_exception(error))
        what = f"{type(error).__name__} at {last.filename}:{last.lineno}"
        return Finding(door=door.name, round=number, error=what, traceback=text, content=content)
    finally:
        _write(folder, door, door.sound)  # other doors look into the same folder
    return None


def _write(folder: Path, door: Door, content: bytes) -> Path:
    path = folder / door.name
    path.write_bytes(content)
    return path


@contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    def end(_signal: int, _frame: FrameType | None) -> None:
        raise _TooLong

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.fuzz.readers", description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    parser.add_argument("--keep", type=Path, default=Path(tempfile.gettempdir()) / "aetui-fuzz")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    counts: Counter[str] = Counter()
    found: dict[str, Finding] = {}
    with tempfile.TemporaryDirectory(prefix="aetui-fuzz-") as folder:
        for each in fuzz(Path(folder), options.seed, until=time.monotonic() + 60 * options.minutes):
            if isinstance(each, str):
                counts[each] += 1
            elif each.error not in found:
                found[each.error] = each
                options.keep.mkdir(parents=True, exist_ok=True)
                kept = options.keep / f"{options.seed}-{each.round}-{each.door}"
                kept.write_bytes(each.content)
                print(f"{each.traceback}{each.door}, round {each.round}: {each.error}; the file is {kept}", flush=True)
    for name, number in sorted(counts.items()):
        print(f"{name:<20} {number:>8} files")
    print(f"{sum(counts.values())} files in {options.minutes:g} minutes, {len(found)} findings, seed {options.seed}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
