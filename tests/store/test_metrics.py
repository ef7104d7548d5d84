import json
import math
from pathlib import Path

import pytest

from store.errors import LeaseLost
from store.metrics import MetricsReader, MetricsWriter, decode, encode, lines_up_to, read_metrics


def allow() -> None:
    pass


def line(epoch: int, kind: str = "epoch") -> dict[str, object]:
    return {"kind": kind, "epoch": epoch, "val_mse": 1 / epoch}


def test_the_reader_brings_only_what_is_new_and_whole(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    reader = MetricsReader(path)
    assert reader.read() == []
    with MetricsWriter(path, 1, allow, []) as writer:
        writer.append(line(1))
        assert reader.read() == [line(1)]
        assert reader.read() == []
        writer.append(line(2))
        with path.open("a") as torn:
            torn.write('{"kind": "ep')
        assert reader.read() == [line(2)]
        with path.open("a") as rest:
            rest.write('och", "epoch": 3}\nnot json\n[1]\n')
        assert reader.read() == [{"kind": "epoch", "epoch": 3}]
    assert reader.generation == 0


def test_not_a_number_is_strict_json_on_disk_and_a_float_when_read() -> None:
    text = encode({"val_mse": math.nan, "train_mse": math.inf, "low": -math.inf, "name": "cae"})
    assert json.loads(text, parse_constant=lambda word: pytest.fail(word))["val_mse"] == "NaN"
    record = decode(text)
    assert record is not None
    assert math.isnan(record["val_mse"])
    assert (record["train_mse"], record["low"], record["name"]) == (math.inf, -math.inf, "cae")


def test_a_take_over_cuts_and_the_old_writer_writes_into_nothing(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    reader = MetricsReader(path)
    old = MetricsWriter(path, 1, allow, [])
    for epoch in (1, 2):
        old.append({**line(epoch, "step"), "step": epoch})
        old.append(line(epoch))
    old.append({**line(3, "step"), "step": 3})
    assert len(reader.read()) == 5
    new = MetricsWriter(path, 2, allow, lines_up_to(read_metrics(path), 2))
    old.append(line(3))  # it was asleep, and wakes
    new.append({**line(3), "by": "new"})
    assert [(r["kind"], r["epoch"]) for r in read_metrics(path)] == [
        ("step", 1), ("epoch", 1), ("step", 2), ("epoch", 2), ("epoch", 3),
    ]  # fmt: skip
    assert read_metrics(path)[-1]["by"] == "new"
    assert len(reader.read()) == 5
    assert reader.generation == 1
    old.close()
    new.close()


def test_an_outdated_attempt_cannot_replace_the_file(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    with MetricsWriter(path, 2, allow, [line(1)]):
        pass

    def refuse() -> None:
        raise LeaseLost("outdated")

    with pytest.raises(LeaseLost):
        MetricsWriter(path, 1, refuse, [])
    assert read_metrics(path) == [line(1)]
    assert [file.name for file in tmp_path.iterdir()] == ["metrics.jsonl"]
