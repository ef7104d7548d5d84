"""Tables as files, written block by block, so that the whole of one is never in memory; each whole, or not there."""

import csv
import importlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from store.artifacts import written_aside
from store.metrics import encode

Kind = type[bool] | type[int] | type[float] | type[str]
"""What the values of a column are, but for None: nothing."""
Block = Sequence[Sequence[object]]
"""Some rows of a table, column by column."""

_Write = Callable[[Block], None]
_ROWS_A_GROUP = 100_000
"""In a parquet file: groups of one block each would be small ones."""


@dataclass(frozen=True, slots=True)
class _Lines:
    r"""Takes rows that end in ``\r\n``: only then does `csv` of Python 3.11 put a ``\r`` within a text in quotes."""

    file: TextIO

    def write(self, row: str) -> None:
        self.file.write(row.removesuffix("\r\n") + "\n")


@contextmanager
def _open_csv(path: Path, columns: Mapping[str, Kind]) -> Iterator[_Write]:
    with written_aside(path) as aside, aside.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(_Lines(file), lineterminator="\r\n")
        rows.writerow(columns)
        yield lambda block: rows.writerows(zip(*block, strict=True))


@contextmanager
def _open_json(path: Path, columns: Mapping[str, Kind]) -> Iterator[_Write]:
    """An array of records, one a line."""
    with written_aside(path) as aside, aside.open("w", encoding="utf-8") as file:
        before = "[\n"

        def write(block: Block) -> None:
            nonlocal before
            for row in zip(*block, strict=True):
                file.write(before + encode(dict(zip(columns, row, strict=True))).removesuffix("\n"))
                before = ",\n"

        yield write
        file.write("[\n]\n" if before == "[\n" else "\n]\n")


@contextmanager
def _open_parquet(path: Path, columns: Mapping[str, Kind]) -> Iterator[_Write]:
    pa, parquet = importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
    types = {bool: pa.bool_(), int: pa.int64(), float: pa.float64(), str: pa.string()}
    schema = pa.schema([(name, types[kind]) for name, kind in columns.items()])
    group: list[Any] = []
    num_rows = 0

    with written_aside(path) as aside, parquet.ParquetWriter(aside, schema) as writer:

        def write(block: Block) -> None:
            nonlocal num_rows
            arrays = [pa.array(values, type) for values, type in zip(block, schema.types, strict=True)]
            group.append(pa.record_batch(arrays, schema=schema))
            num_rows += group[-1].num_rows
            if num_rows >= _ROWS_A_GROUP:
                end_group()

        def end_group() -> None:
            nonlocal num_rows
            writer.write_table(pa.Table.from_batches(group, schema))
            group.clear()
            num_rows = 0

        yield write
        end_group()


WRITERS: Mapping[str, Callable[[Path, Mapping[str, Kind]], AbstractContextManager[_Write]]] = {
    "csv": _open_csv,
    "json": _open_json,
    "parquet": _open_parquet,
}
