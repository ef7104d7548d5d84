"""Runs, curves and codes as tables for pandas: the same bytes for the same data, and never half of one."""

import importlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engine.arrays_file import UnreadableArrays
from engine.export.data.files import WRITERS, Block, Kind
from engine.kept_codes import KeptCodes, read_codes
from store.database import Database
from store.errors import RequestError
from store.metrics import decode
from store.paths import RunPaths
from store.records import NOTE_ATTRIBUTE, Run

FORMATS = tuple(WRITERS)

_RUN_COLUMNS: Mapping[str, Kind] = {
    "run": str,
    "experiment": str,
    "number": int,
    "kind": str,
    "dataset": str,
    "state": str,
    "value": float,
    "epoch": int,
    "epochs": int,
    "seed": int,
    "threads": int,
    "attempt": int,
    "device": str,
    "host": str,
    "duration_s": float,
    "reason": str,
    "tags": str,
    "note": str,
}
_SCALARS = (bool, int, float, str)
_LARGEST_INT = 2**63 - 1
_STEP_LINE = b'{"kind": "step"'


def check_formats(formats: Iterable[str]) -> None:
    """Raises RequestError: one is not of `FORMATS`, or needs a package that is not here."""
    for format in formats:
        if format not in FORMATS:
            raise RequestError(f"The data format {format!a} is not known: take one of {', '.join(FORMATS)}.")
        if format == "parquet":
            check_package("pyarrow", "Parquet")


def check_package(package: str, purpose: str) -> None:
    """Raises RequestError: ``package``, which ``purpose`` needs, is not here."""
    try:
        importlib.import_module(package)
    except ImportError:
        raise RequestError(
            f"{purpose} needs the package {package}, which is not here: `pip install 'aetui[export]'` brings it."
        ) from None


def write_data(database: Database, runs: Sequence[Run], folder: Path, formats: Sequence[str]) -> list[Path]:
    """Write the tables ``runs``, ``curves`` and ``codes`` into ``folder``, each in each of ``formats``.

    - runs: a row a run, with its settings as ``params.KEY``, its test figures as ``test.KEY``, and those user
      attributes that are plain and repeat neither as ``attrs.KEY``; tags are separated by spaces
    - curves: a row an epoch, with every number of its metrics line
    - codes: a row an image of the last epoch whose codes a run kept; ``index`` is its position in the validation
      images, ``label`` -1 where it has none, ``z1`` ... its code

    What a run lacks is empty in CSV, null in JSON and parquet. NaN and infinities are ``nan``, ``inf`` and ``-inf`` in
    CSV; in JSON, which has no such numbers, the texts "NaN", "Infinity" and "-Infinity", which pandas reads as floats.
    A column of texts and others is one of texts.

    Returns the files written.

    Raises:
        RequestError: from `check_formats`; nothing is written then.
        OSError: a table cannot be written; what was there of it is still there.
    """
    check_formats(formats)
    folder.mkdir(parents=True, exist_ok=True)
    runs = list({run.name: run for run in runs}.values())  # one named twice is one
    written: list[Path] = []
    for table in (_runs(runs), _curves(database, runs), _codes(database, runs)):
        files = {folder / f"{table.name}.{format}": WRITERS[format] for format in dict.fromkeys(formats)}
        with ExitStack() as stack:
            writes = [stack.enter_context(open_table(file, table.columns)) for file, open_table in files.items()]
            for block in table.blocks:
                for write in writes:
                    write(block)
        written += files
    return written


def last_codes(paths: RunPaths) -> KeptCodes | None:
    """Those of the last epoch that a run kept codes of; None where it kept none, or none that can be read."""
    for epoch in reversed(paths.latent_epochs()):
        try:
            return read_codes(paths.latents_of(epoch))
        except UnreadableArrays:  # thinned out since it was listed, or damaged
            continue
    return None


@dataclass(frozen=True, kw_only=True, eq=False)
class _Table:
    """``blocks`` hold values as their columns have them, None for nothing; they can be gone through once."""

    name: str
    columns: Mapping[str, Kind]
    blocks: Iterable[Block]


def _runs(runs: Sequence[Run]) -> _Table:
    records = [_record(run) for run in runs]
    others = sorted({name for record in records for name in record} - set(_RUN_COLUMNS), key=_group_and_name)
    values = {name: [record.get(name) for record in records] for name in (*_RUN_COLUMNS, *others)}
    columns = {**_RUN_COLUMNS, **{name: _common_kind(values[name]) for name in others}}
    block = [[_as_kind(kind, value) for value in values[name]] for name, kind in columns.items()]
    return _Table(name="runs", columns=columns, blocks=[block])


def _record(run: Run) -> dict[str, object]:
    repeated = {**run.params, "seed": run.seed, **{f"test_{key}": value for key, value in run.test.items()}}
    attributes = {
        key: value
        for key, value in run.user_attrs.items()
        if isinstance(value, _SCALARS) and key != NOTE_ATTRIBUTE and repeated.get(key) != value
    }
    told = run.as_json()
    return {
        **{name: told[name] for name in _RUN_COLUMNS if name in told},
        "tags": " ".join(run.tags) or None,
        "note": run.note or None,
        **{f"params.{key}": value for key, value in run.params.items()},
        **{f"test.{key}": value for key, value in run.test.items()},
        **{f"attrs.{as_text(key)}": value for key, value in attributes.items()},
    }


def _group_and_name(column: str) -> tuple[int, str]:
    """Settings first, then test figures, then attributes."""
    return ("params", "test", "attrs").index(column.partition(".")[0]), column


def _common_kind(values: Iterable[object]) -> Kind:
    kinds = {_kind(value) for value in values if value is not None}
    if kinds == {int, float}:
        return float
    return kinds.pop() if len(kinds) == 1 else str


def _kind(value: object) -> Kind:
    if isinstance(value, int) and abs(value) > _LARGEST_INT:
        return str
    return next((kind for kind in _SCALARS if isinstance(value, kind)), str)


def _as_kind(kind: Kind, value: Any) -> object:
    if kind is str and value is not None:
        return as_text(value)
    return value if value is None or isinstance(value, kind) else kind(value)


def as_text(value: object) -> str:
    """A text as it is, but that half of a surrogate pair (a file name not in UTF-8) is escaped; all else as JSON."""
    text = value if isinstance(value, str) else json.dumps(value)
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _curves(database: Database, runs: Sequence[Run]) -> _Table:
    """Goes through the files twice, for the columns and for the rows: all rows of many runs may not fit in memory."""
    names: set[str] = set()
    for run in runs:
        for line in _epoch_lines(database.root.run(run.name)):
            names.update(key for key, value in line.items() if _is_number(value))
    others = {name: int if name == "step" else float for name in sorted(names - {"epoch", "time"})}
    columns: dict[str, Kind] = {"run": str, "epoch": int, "time": float, **others}

    def blocks() -> Iterator[Block]:
        for run in runs:
            lines = list(_epoch_lines(database.root.run(run.name)))
            if not lines:
                continue
            numbers = [[_number(kind, line.get(name)) for line in lines] for name, kind in [*columns.items()][1:]]
            yield [[str(run.name)] * len(lines), *numbers]

    return _Table(name="curves", columns=columns, blocks=blocks())


def _epoch_lines(paths: RunPaths) -> Iterator[dict[str, Any]]:
    try:
        file = paths.metrics.open("rb")
    except (FileNotFoundError, NotADirectoryError):
        return
    with file:
        for line in file:
            if line.startswith(_STEP_LINE):  # nearly all of them, and decoding takes most of the time
                continue
            record = decode(line)
            if record is not None and record.get("kind") == "epoch":
                yield record


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number(kind: Kind, value: Any) -> object:
    if not _is_number(value) or (kind is int and not abs(value) <= _LARGEST_INT):
        return None
    return kind(value)


def _codes(database: Database, runs: Sequence[Run]) -> _Table:
    """Goes through the files twice, as `_curves` does."""
    found = ((run, last_codes(database.root.run(run.name))) for run in runs)
    dims = {run.name: kept.codes.shape[1] for run, kept in found if kept is not None}
    dim = max(dims.values(), default=0)
    columns: dict[str, Kind] = {"run": str, "epoch": int, "index": int, "label": int}
    columns |= {f"z{number}": float for number in range(1, dim + 1)}

    def blocks() -> Iterator[Block]:
        for name in dims:
            kept = last_codes(database.root.run(name))
            if kept is None:
                continue
            size = len(kept.codes)
            lacking = [[None] * size] * (dim - dims[name])
            places = kept.codes.astype(np.float64).T.tolist()
            yield [
                [str(name)] * size,
                [kept.epoch] * size,
                kept.indices.tolist(),
                kept.labels.tolist(),
                *places,
                *lacking,
            ]

    return _Table(name="codes", columns=columns, blocks=blocks())
