"""``metrics.jsonl``: appended by the one attempt that holds the run, read incrementally by everybody else.

A take-over writes the lines to keep to a new file and renames it into place. The worker that was taken over holds the
old file open: whatever it still writes goes to a file that has no name any more.
"""

import json
import math
import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from store.artifacts import replaced
from store.json_file import loads

_WORDS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_LARGEST = 2**63 - 1


def encode(record: Mapping[str, Any]) -> str:
    """One line of strict JSON; what JSON has no number for (NaN, infinities) as its word."""
    plain = {
        key: _word(value) if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in record.items()
    }
    return json.dumps(plain, allow_nan=False) + "\n"


def decode(line: str | bytes) -> dict[str, Any] | None:
    """What `encode` wrote; None for a line that is no object of JSON, or does not say where it belongs."""
    try:
        record = loads(line)
    except ValueError:
        return None
    if not isinstance(record, dict) or not _has_place(record):
        return None
    return {key: _WORDS.get(value, value) if isinstance(value, str) else value for key, value in record.items()}


def _has_place(record: Mapping[str, Any]) -> bool:
    """Whether the whole numbers are there that its kind has."""
    kind = record.get("kind")
    epoch = record.get("epoch", None if kind in ("epoch", "step") else 0)
    step = record.get("step") if kind == "step" else 0
    return all(isinstance(place, int) and 0 <= place <= _LARGEST for place in (epoch, step))


def _word(value: float) -> str:
    return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """All whole lines of the file, in order; none where it is absent."""
    return MetricsReader(path).read()


class MetricsReader:
    """Reads what was appended since the last call; notices a take-over (a new file) and begins anew.

    Attributes:
        generation: goes up by one when reading began anew, so that a curve drawn from earlier lines is dropped.
        num_damaged: whole lines since then that are not what `encode` writes.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.generation = 0
        self.num_damaged = 0
        self._offset = 0
        self._inode: int | None = None

    def read(self) -> list[dict[str, Any]]:
        """New whole lines; a line still being written is left for the next call, a torn one is passed over."""
        try:
            file = self.path.open("rb")
        except (FileNotFoundError, NotADirectoryError):
            return []
        with file:
            status = os.fstat(file.fileno())
            if status.st_ino != self._inode or status.st_size < self._offset:
                if self._inode is not None:
                    self.generation += 1
                self._inode, self._offset, self.num_damaged = status.st_ino, 0, 0
            file.seek(self._offset)
            new = file.read()
        whole = new[: new.rfind(b"\n") + 1]
        self._offset += len(whole)
        # Not `splitlines`: what damaged a line may hold any byte.
        lines = whole.split(b"\n")[:-1]
        records = [record for line in lines if (record := decode(line)) is not None]
        self.num_damaged += len(lines) - len(records)
        return records


class MetricsWriter:
    """Appends lines for one attempt; each line is one write, so that readers see whole lines."""

    def __init__(self, path: Path, attempt: int, check: Callable[[], None], kept: Iterable[Mapping[str, Any]]) -> None:
        """Replace the file by one that holds ``kept``, and go on behind it.

        ``check`` is called right before the rename and raises where the run is no longer this attempt's.
        """
        with replaced(path, attempt, check) as aside:
            self._file = aside.open("w", encoding="utf-8")
            self._file.writelines(encode(record) for record in kept)
            self._file.flush()

    def append(self, record: Mapping[str, Any]) -> None:
        self._file.write(encode(record))
        self._file.flush()

    def close(self) -> None:
        with suppress(OSError):  # a line that a full disk did not take: `append` has said so
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()


def lines_up_to(records: Iterable[Mapping[str, Any]], epoch: int) -> list[Mapping[str, Any]]:
    """The lines of the epochs 1..``epoch``: what a take-over keeps when the checkpoint holds ``epoch``."""
    return [record for record in records if int(record.get("epoch", 0)) <= epoch]
