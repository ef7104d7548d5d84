"""The tables hold what the store holds, to the last digit, in every format."""

import csv
import json
import math
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.export.data.files import WRITERS
from engine.export.data.tables import FORMATS, write_data
from store import control, listing, trial_rows, workers
from store.database import Database, open_database
from store.errors import RequestError
from store.metrics import decode, encode, read_metrics
from store.names import RunName
from store.paths import Root, RunPaths
from store.records import Run
from tests.tui.roots import WORKER, add_run, write_codes

Rows = list[dict[str, str]]


@pytest.fixture
def database(root: Root) -> Iterator[Database]:
    """Three kinds of runs that have ended, one that failed at once, one that waits."""
    opened = open_database(root, create=True)
    workers.register(opened, WORKER, "cpu", None)
    add_run(opened, "plain", "complete", done=3)
    vae = add_run(opened, "vae", "stopped", kind="vae", done=2, latent_dim=2)
    add_lines(
        opened.root.run(vae),
        {"kind": "epoch", "epoch": 3, "step": 21, "time": 60.5, "train_loss": math.nan, "val_loss": math.inf},
        {"kind": "epoch", "epoch": 4, "step": 28, "time": 61.0, "val_loss": -math.inf, "kl_by_unit": [0.5], "units": 2},
    )
    add_run(opened, "plain", "failed", done=0)
    add_run(opened, "plain", "waiting")
    yield opened
    opened.close()


def add_lines(paths: RunPaths, *lines: Mapping[str, Any]) -> None:
    with paths.metrics.open("a", encoding="utf-8") as file:
        file.writelines(map(encode, lines))


def read(folder: Path, table: str, format: str) -> Rows:
    """A table as its own reader sees it, each value as Python writes it, nothing as ""."""
    path = folder / f"{table}.{format}"
    rows: list[dict[str, Any]]
    if format == "csv":
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file, strict=True))
    elif format == "json":
        text = path.read_text(encoding="utf-8")
        assert len(text.splitlines()) == len(json.loads(text)) + 2, "a record a line"
        rows = [decode(json.dumps(record)) or {} for record in json.loads(text, parse_constant=pytest.fail)]
    else:
        rows = pytest.importorskip("pyarrow.parquet").read_table(path).to_pylist()
    return [{key: "" if value is None else str(value) for key, value in row.items()} for row in rows]


def exported(database: Database, folder: Path, format: str, table: str) -> Rows:
    write_data(database, listing.runs(database), folder, [format])
    return read(folder, table, format)


def of_run(rows: Rows, name: str) -> Rows:
    return [row for row in rows if row["run"] == name]


@pytest.mark.parametrize("format", FORMATS)
def test_a_row_of_runs_is_what_the_store_tells(database: Database, tmp_path: Path, format: str) -> None:
    rows = exported(database, tmp_path, format, "runs")
    runs = listing.runs(database)
    assert [row["run"] for row in rows] == ["plain/0", "plain/1", "plain/2", "vae/0"]
    for row, run in zip(rows, runs, strict=True):
        told = run.as_json()
        shared = told.keys() & row.keys()
        assert shared >= {"experiment", "number", "kind", "dataset", "state", "value", "epoch", "epochs", "duration_s"}
        assert {key: row[key] for key in shared} == {key: "" if told[key] is None else str(told[key]) for key in shared}
        settings = {f"params.{key}": str(value) for key, value in run.params.items()}
        assert settings.items() <= row.items()
    assert rows[0]["test.mse"] == "0.0321"
    assert rows[1]["reason"] == "RuntimeError: out of luck"
    assert [row["params.beta"] for row in rows] == ["", "", "", "0.0005"], "empty where a run lacks it"


@pytest.mark.parametrize("format", FORMATS)
def test_what_users_wrote_stays_as_it_is(database: Database, tmp_path: Path, format: str) -> None:
    name = RunName("plain", 0)
    control.annotate(database, [name], add=["@home", "+more"], note='=1+1; "quoted", über')
    odd = "line\r\nand \udcff"
    attributes = {
        "text": odd,
        "return": "to\rthe start",
        "count": 3,
        "share": 0.5,
        "is_odd": True,
        "list": [1, 2],
        "huge": 10**30,
    }
    add_attributes(database, name, attributes)
    row = of_run(exported(database, tmp_path, format, "runs"), "plain/0")[0]
    assert row["tags"] == "@home +more"
    assert row["note"] == '=1+1; "quoted", über'
    assert row["attrs.text"] == odd.replace("\udcff", "\\udcff"), "what cannot be written is escaped"
    assert row["attrs.return"] == "to\rthe start"
    assert [row[f"attrs.{key}"] for key in ("count", "share", "is_odd", "huge")] == ["3", "0.5", "True", str(10**30)]
    others = {"attrs.list", "attrs.tags", "attrs.note", "attrs.seed", "attrs.latent_dim", "attrs.test_mse"}
    assert not others & row.keys(), "no scalars, or told already"


def add_attributes(database: Database, name: RunName, attributes: Mapping[str, Any]) -> None:
    with database.write() as connection:
        trial_rows.set_user_attrs(connection, listing.run(database, name).trial_id, attributes)


@pytest.mark.parametrize("format", FORMATS)
def test_a_column_has_one_kind_of_value(database: Database, tmp_path: Path, format: str) -> None:
    add_attributes(database, RunName("plain", 0), {"number": 1, "any": 0.5, "flag": True})
    add_attributes(database, RunName("vae", 0), {"number": 0.25, "any": "0..1", "flag": "no"})
    add_run(database, "numbers", "waiting")
    add_attributes(database, RunName("numbers", 0), {"number": math.inf, "any": 2, "flag": False})
    rows = exported(database, tmp_path, format, "runs")
    found = [[of_run(rows, run)[0][f"attrs.{key}"] for run in ("plain/0", "vae/0", "numbers/0")] for key in ATTRIBUTES]
    assert found == [["1.0", "0.25", "inf"], ["0.5", "0..1", "2"], ["true", "no", "false"]]


ATTRIBUTES = ("number", "any", "flag")


@pytest.mark.parametrize("format", FORMATS)
def test_curves_are_the_epoch_lines(database: Database, tmp_path: Path, format: str) -> None:
    rows = exported(database, tmp_path, format, "curves")
    names = list(rows[0])
    assert names[:3] == ["run", "epoch", "time"]
    assert names[3:] == sorted(names[3:])
    assert {"train_kl", "units", "lr"} <= set(names)
    assert "kl_by_unit" not in names, "a list"
    for run in listing.runs(database):
        lines = [line for line in read_metrics(database.root.run(run.name).metrics) if line["kind"] == "epoch"]
        expected = [
            {"run": str(run.name)} | {key: number(key, line.get(key)) for key in names if key != "run"}
            for line in lines
        ]
        assert of_run(rows, str(run.name)) == expected
    broken = of_run(rows, "vae/0")[2:]
    assert [row["train_loss"] for row in broken] == ["nan", ""], "nothing is not NaN"
    assert [row["val_loss"] for row in broken] == ["inf", "-inf"]


def number(key: str, value: Any) -> str:
    return "" if value is None else str(value if key in ("epoch", "step") else float(value))


@pytest.mark.parametrize("format", FORMATS)
def test_codes_are_those_of_the_last_kept_epoch(database: Database, tmp_path: Path, format: str) -> None:
    broken = np.array([[math.nan, math.inf], [-math.inf, 0.1]], np.float16)
    file = database.root.run(RunName("vae", 0)).latents_of(7)
    np.savez(file, codes=broken, labels=np.array([-1, 3]), indices=np.array([5, 9]))
    rows = exported(database, tmp_path, format, "codes")
    assert list(rows[0]) == ["run", "epoch", "index", "label", "z1", "z2", "z3", "z4", "z5", "z6"]
    assert {row["run"] for row in rows} == {"plain/0", "vae/0"}, "the others kept none"
    few = of_run(rows, "vae/0")
    assert [[row[key] for key in ("epoch", "index", "label", "z1", "z2", "z3")] for row in few] == [
        ["7", "5", "-1", "nan", "inf", ""],
        ["7", "9", "3", "-inf", str(float(np.float16(0.1))), ""],
    ]
    with np.load(database.root.run(RunName("plain", 0)).latents_of(3)) as arrays:
        codes, labels, indices = (arrays[key] for key in ("codes", "labels", "indices"))
    many = of_run(rows, "plain/0")
    assert [[float(row[f"z{axis}"]) for axis in range(1, 7)] for row in many] == codes.astype(float).tolist()
    assert [(row["epoch"], row["label"], row["index"]) for row in many] == [
        ("3", str(label), str(index)) for label, index in zip(labels, indices, strict=True)
    ]


@pytest.mark.parametrize("format", FORMATS)
def test_a_damaged_file_of_codes_is_passed_over(database: Database, tmp_path: Path, format: str) -> None:
    paths = database.root.run(RunName("vae", 0))
    paths.latents_of(9).write_bytes(b"PK torn")
    assert {row["epoch"] for row in of_run(exported(database, tmp_path, format, "codes"), "vae/0")} == {"2"}


def test_the_same_data_gives_the_same_bytes(database: Database, tmp_path: Path) -> None:
    runs = listing.runs(database)
    first = write_data(database, runs, tmp_path / "first", FORMATS)
    assert [file.name for file in first] == [
        f"{table}.{format}" for table in ("runs", "curves", "codes") for format in FORMATS
    ]
    second = write_data(database, runs, tmp_path / "second", FORMATS)
    again = write_data(database, [*runs, *runs], tmp_path / "first", FORMATS)
    assert [file.read_bytes() for file in first] == [file.read_bytes() for file in second]
    assert again == first
    assert sorted((tmp_path / "first").iterdir()) == sorted(first), "nothing is left beside them"


def test_runs_of_many_rows_are_one_table(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.export.data.files._ROWS_A_GROUP", 500)
    for number in range(3):
        name = add_run(database, "more", "waiting")
        write_codes(database.root.run(name), 1, 2 + number)
    parquet = pytest.importorskip("pyarrow.parquet")
    rows = exported(database, tmp_path, "parquet", "codes")
    assert len(rows) == 5 * 400
    assert parquet.ParquetFile(tmp_path / "codes.parquet").num_row_groups == 3
    assert rows == exported(database, tmp_path, "csv", "codes")


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("are_there_runs", [False, True])
def test_without_anything_to_tell_a_table_has_no_rows(
    database: Database, tmp_path: Path, format: str, are_there_runs: bool
) -> None:
    runs = [run for run in listing.runs(database) if are_there_runs and not run.epoch]
    write_data(database, runs, tmp_path, [format, format])
    assert [row["run"] for row in read(tmp_path, "runs", format)] == [str(run.name) for run in runs]
    assert read(tmp_path, "curves", format) == read(tmp_path, "codes", format) == []
    if format == "csv":
        assert (tmp_path / "curves.csv").read_text() == "run,epoch,time\n"
        assert (tmp_path / "codes.csv").read_text() == "run,epoch,index,label\n"


def test_lines_half_written_or_foreign_are_passed_over(database: Database, tmp_path: Path) -> None:
    paths = database.root.run(RunName("plain", 0))
    before = exported(database, tmp_path, "csv", "curves")
    with paths.metrics.open("a") as file:
        file.write('{"kind": "remark", "epoch": 9}\n[1]\n{"kind": "epoch", "epo')
    assert exported(database, tmp_path, "csv", "curves") == before


def test_without_its_package_nothing_is_written(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    folder = tmp_path / "data"
    with pytest.raises(RequestError, match=r"Parquet needs the package pyarrow.*`pip install 'aetui\[export\]'`"):
        write_data(database, listing.runs(database), folder, ["csv", "parquet"])
    assert not folder.exists()
    write_data(database, listing.runs(database), folder, ["csv", "json"])
    assert len(list(folder.iterdir())) == 6, "the others do without"


def test_an_unknown_format_is_refused_before_anything_is_written(database: Database, tmp_path: Path) -> None:
    runs: list[Run] = listing.runs(database)
    with pytest.raises(RequestError, match="'xlsx' is not known: take one of csv, json, parquet"):
        write_data(database, runs, tmp_path / "data", ["csv", "xlsx"])
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("format", FORMATS)
def test_what_fails_half_way_leaves_the_older_table(tmp_path: Path, format: str) -> None:
    file = tmp_path / f"table.{format}"
    file.write_text("older")

    def fail() -> None:
        with WRITERS[format](file, {"a": int}) as write:
            write([[1, 2, None]])
            raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        fail()
    assert file.read_text() == "older"
    assert list(tmp_path.iterdir()) == [file]
