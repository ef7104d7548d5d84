"""Lines of ``metrics.jsonl`` that are cut off, binary, of other types or huge: passed over, the rest is drawn."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.export.data.tables import write_data
from engine.export.data.tensorboard import write_events
from engine.export.figures.desk import numbers
from store import listing
from store.database import open_database
from store.metrics import MetricsReader, decode, encode, lines_up_to, read_metrics
from store.paths import Root
from tests.properties.awkward import DEEP, documents
from tests.properties.roots import call, is_no_crash, show_only_text
from tests.tui.roots import epoch_line
from tui.look import Look
from tui.panes.loss.curves import Curves, smoothed
from tui.panes.loss.series import without_outliers
from tui.panes.numbers.units import units_of
from tui.plots import Series, curves_text

_FIELDS = st.sampled_from(("kind", "epoch", "step", "time", "train_loss", "val_loss", "val_mse", "kl_by_unit", "lr"))
_VALUES = st.sampled_from(("epoch", "step", 0, 1, 2, -1, True, 0.5, 10**400, "NaN", "Infinity", None)) | documents
_RECORDS = st.dictionaries(_FIELDS, _VALUES, max_size=7)
_SOUND = st.integers(1, 9).map(lambda epoch: epoch_line(epoch, 0.1))


@st.composite
def lines(draw: st.DrawFn) -> bytes:
    """A line as it should be, as it should not be, or with bytes of it lost or changed."""
    written = json.dumps(draw(_RECORDS | _SOUND), allow_nan=True).encode()
    match draw(st.integers(0, 3)):
        case 0:
            return written
        case 1:
            return written[: draw(st.integers(0, len(written)))]
        case 2:
            place = draw(st.integers(0, max(0, len(written) - 1)))
            return written[:place] + draw(st.binary(max_size=4)) + written[place + 1 :]
    return draw(st.binary(max_size=30))


_FILES = st.lists(lines(), max_size=8).map(b"\n".join)


@given(content=_FILES)
def test_whatever_lies_in_the_file_is_read_as_far_as_it_can_be(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(content + b"\n" + encode(epoch_line(9, 0.5)).encode())
    reader = MetricsReader(path)
    found = reader.read()
    assert found[-1] == epoch_line(9, 0.5), "the sound line behind it"
    assert len(found) + reader.num_damaged == content.count(b"\n") + 2
    lines_up_to(found, 5)
    curves = Curves().grown(found)
    for axis in ("epoch", "step", "time"):
        for measure in (*curves.measures(), "loss"):
            x, y = curves.along(axis, f"val_{measure}")
            assert x.shape == y.shape
            smoothed(y, 0.5)
            series = Series(name="x", x=x, y=y, colour="#ffffff")
            without_outliers([series], None)
    epochs = [line for line in found if line.get("kind") == "epoch"]
    numbers(epochs, "val_loss")


@given(content=_FILES)
def test_curves_of_any_numbers_are_drawn(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(content + b"\n")
    curves = Curves().grown(read_metrics(path))
    x, y = curves.along("epoch", "val_loss")
    curves_text([Series(name="x", x=x, y=y, colour="#ffffff")], 60, 12, look=Look.of(), title="x")


@settings(max_examples=settings().max_examples * 2 // 5)  # each is some exports
@given(content=_FILES)
def test_show_compare_and_exports_go_on_beside_damaged_lines(
    content: bytes, root: Root, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    monkeypatch.setenv("AETUI_ROOT", str(root.path))
    path = root.path / "plain" / "0" / "metrics.jsonl"
    path.write_bytes(content + b"\n")
    for arguments in (["show", "plain/0"], ["compare", "plain/0", "plane/0"]):
        said = call(arguments)
        assert said.status == 0
        is_no_crash(said)
        show_only_text(said)
    if MetricsReader(path).num_damaged or any(decode(line) is None for line in content.split(b"\n")):
        assert str(path) in said.err, "the file is named"
    database = open_database(root)
    folder = tmp_path_factory.mktemp("exported")
    write_data(database, listing.runs(database), folder, ["csv", "json"])
    write_events(database, listing.runs(database), folder)
    run = listing.runs(database, "plane")[0]
    for line in read_metrics(path):
        units_of(run, line, None)
    database.close()


@pytest.mark.parametrize(
    "line",
    [DEEP, '{"kind": "epoch"}', '{"kind": "epoch", "epoch": "x"}', '{"kind": "step", "epoch": 1, "step": 1e5}', "[1]"],
    ids=["deep", "no epoch", "a word", "no whole step", "a list"],
)
def test_a_line_that_does_not_say_where_it_belongs_is_none(line: str) -> None:
    assert decode(line) is None


def test_a_number_that_no_float_holds_is_infinite() -> None:
    assert decode(f'{{"val_loss": {10**400}, "lr": -{10**400}}}') == {"val_loss": math.inf, "lr": -math.inf}
    assert np.isinf(
        Curves().grown([decode(f'{{"kind": "epoch", "epoch": 1, "x": {10**400}}}') or {}]).along("epoch", "x")[1]
    )
