"""Event files, read back by TensorBoard's own reader, hold what the metrics hold."""

import io
import math
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import select

from engine.export.data.tensorboard import write_events
from store import listing, schema, workers
from store.database import Database, open_database
from store.errors import RequestError
from store.metrics import encode, read_metrics
from store.names import RunName
from store.paths import Root, RunPaths
from tests.tui.roots import WORKER, add_run

pytest.importorskip("tensorboard", reason="the export extra is not installed")
PLAIN, VAE, FAILED = RunName("plain", 0), RunName("vae", 0), RunName("plain", 1)


@pytest.fixture
def database(root: Root) -> Iterator[Database]:
    opened = open_database(root, create=True)
    workers.register(opened, WORKER, "cpu", None)
    add_run(opened, "plain", "complete", done=3)
    add_run(opened, "vae", "stopped", kind="vae", done=2, latent_dim=2)
    add_run(opened, "plain", "failed", done=0)
    add_run(opened, "plain", "waiting")
    yield opened
    opened.close()


def export(database: Database, folder: Path) -> list[Path]:
    return write_events(database, listing.runs(database), folder)


def opened(folder: Path, name: RunName) -> Any:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    return EventAccumulator(str(folder / str(name)), size_guidance={"scalars": 0, "images": 0}).Reload()


def points(reader: Any, tag: str) -> list[tuple[int, float]]:
    return [(event.step, event.value) for event in reader.Scalars(tag)]


def lines_of(database: Database, name: RunName, kind: str) -> list[dict[str, Any]]:
    return [line for line in read_metrics(database.root.run(name).metrics) if line["kind"] == kind]


def single(value: float) -> float:
    return float(np.float32(value))


@pytest.mark.parametrize("name", [PLAIN, VAE])
def test_scalars_are_those_of_the_metrics(database: Database, tmp_path: Path, name: RunName) -> None:
    export(database, tmp_path)
    reader = opened(tmp_path, name)
    lines = lines_of(database, name, "epoch")
    tags = {"train_loss": "loss/train", "val_loss": "loss/validation", "val_mse": "mse/validation", "lr": "lr"}
    if name == VAE:
        tags["val_kl"] = "kl/validation"
    for key, tag in tags.items():
        assert points(reader, tag) == [(line["epoch"], single(line[key])) for line in lines], tag
    steps = [(line["step"], single(line["loss"])) for line in lines_of(database, name, "step")]
    assert points(reader, "loss/step") == steps
    assert not {"step", "epoch", "time"} & set(reader.Tags()["scalars"])


def test_wall_times_count_from_the_beginning_of_the_run(database: Database, tmp_path: Path) -> None:
    export(database, tmp_path)
    trials = schema.trials
    with database.read() as connection:
        query = select(trials.c.datetime_start).where(trials.c.trial_id == listing.run(database, PLAIN).trial_id)
        began = connection.execute(query).scalar_one().replace(tzinfo=UTC).timestamp()
    times = [event.wall_time - began for event in opened(tmp_path, PLAIN).Scalars("loss/train")]
    assert times == pytest.approx([20.0, 40.0, 60.0], abs=1e-3)


def test_what_is_not_finite_is_written_as_it_is(database: Database, tmp_path: Path) -> None:
    values = [math.nan, math.inf, -math.inf]
    with database.root.run(PLAIN).metrics.open("a") as file:
        for epoch, value in enumerate(values, 4):
            file.write(encode({"kind": "epoch", "epoch": epoch, "step": 7 * epoch, "time": 90.0, "val_loss": value}))
    export(database, tmp_path)
    found = points(opened(tmp_path, PLAIN), "loss/validation")[3:]
    assert list(map(str, found)) == ["(4, nan)", "(5, inf)", "(6, -inf)"]


def test_settings_and_results_are_a_row_of_hparams(database: Database, tmp_path: Path) -> None:
    from tensorboard.plugins.hparams import api_pb2, metadata

    export(database, tmp_path)
    statuses = {PLAIN: api_pb2.STATUS_SUCCESS, VAE: api_pb2.STATUS_SUCCESS, FAILED: api_pb2.STATUS_FAILURE}
    for name, status in statuses.items():
        contents = opened(tmp_path, name).PluginTagToContent("hparams")
        start = metadata.parse_session_start_info_plugin_data(contents[metadata.SESSION_START_INFO_TAG])
        assert start.group_name == str(name)
        run = listing.run(database, name)
        expected = {"kind": run.kind, "dataset": "digits", "seed": 0, "threads": 1, **run.params}
        found = {key: getattr(value, value.WhichOneof("kind")) for key, value in start.hparams.items()}
        assert found == expected
        end = metadata.parse_session_end_info_plugin_data(contents[metadata.SESSION_END_INFO_TAG])
        assert end.status == status
    reader = opened(tmp_path, PLAIN)
    value = listing.run(database, PLAIN).value
    assert value is not None
    assert points(reader, "best/value") == [(3, single(value))]
    assert points(reader, "test/mse") == [(3, single(0.0321))]


def write_pictures(paths: RunPaths, epoch: int, *, is_noisy: bool, channels: int = 1) -> list[np.ndarray]:
    """Two pictures of 3 x 4 pixels: originals, inputs, reconstructions."""
    random = np.random.default_rng(epoch)
    originals, noisy, made = random.integers(0, 256, (3, 2, channels, 3, 4), np.uint8)
    inputs = noisy if is_noisy else originals
    paths.images.mkdir(exist_ok=True)
    np.savez(paths.images_of(epoch), originals=originals, inputs=inputs, reconstructions=made, labels=np.arange(2))
    return [originals, inputs, made] if is_noisy else [originals, made]


@pytest.mark.parametrize(("channels", "shown"), [(1, 1), (3, 3), (2, 1)])
@pytest.mark.parametrize("is_noisy", [False, True])
def test_the_last_pictures_are_a_grid(
    database: Database, tmp_path: Path, is_noisy: bool, channels: int, shown: int
) -> None:
    paths = database.root.run(PLAIN)
    write_pictures(paths, 2, is_noisy=is_noisy, channels=channels)
    rows = write_pictures(paths, 3, is_noisy=is_noisy, channels=channels)
    paths.images_of(5).write_bytes(b"torn")
    export(database, tmp_path)
    (event,) = opened(tmp_path, PLAIN).Images("reconstructions")
    assert event.step == 3
    assert (event.width, event.height) == (2 * 5, len(rows) * 4)
    grid = np.asarray(Image.open(io.BytesIO(event.encoded_image_string))).reshape(event.height, event.width, shown)
    for row, pictures in enumerate(rows):
        for column, picture in enumerate(pictures):
            expected = picture if channels == shown else picture.mean(axis=0, keepdims=True).round()
            cell = grid[row * 4 : row * 4 + 3, column * 5 : column * 5 + 4]
            assert np.array_equal(cell, np.moveaxis(expected, 0, -1))


def projected(folder: Path) -> tuple[str, np.ndarray, list[str]]:
    """What the projector reads: the name of a tensor, its rows and their labels."""
    from google.protobuf import text_format
    from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig
    from tensorboard.plugins.projector.projector_plugin import _read_tensor_tsv_file

    config = text_format.Parse((folder / "projector_config.pbtxt").read_text(), ProjectorConfig())
    (embedding,) = config.embeddings
    labels = (folder / embedding.metadata_path).read_text().splitlines()
    return embedding.tensor_name, _read_tensor_tsv_file(str(folder / embedding.tensor_path)), labels


def test_the_last_codes_are_there_for_the_projector(database: Database, tmp_path: Path) -> None:
    codes = np.array([[0.1, 2], [math.nan, 1], [3, 4]], np.float16)
    paths = database.root.run(VAE)
    np.savez(paths.latents_of(9), codes=codes, labels=np.array([7, 8, -1]), indices=np.array([10, 11, 12]))
    folder = tmp_path / "events"
    written = export(database, folder)
    name, tensor, labels = projected(folder / str(VAE))
    assert name == "codes of epoch 9"
    assert np.array_equal(tensor, codes[[0, 2]].astype(np.float32)), "a code that is not finite is no point"
    assert labels == ["label\tindex", "7\t10", "-1\t12"]
    assert sorted(written) == sorted(file for file in folder.rglob("*") if file.is_file())

    for epoch in paths.latent_epochs():
        paths.latents_of(epoch).unlink()
    export(database, folder)
    assert [file.suffix for file in (folder / str(VAE)).iterdir()] == [".aetui"], "as is the run, so is the export"


def test_an_export_replaces_an_older_one_and_nothing_else(database: Database, tmp_path: Path) -> None:
    export(database, tmp_path)
    others = [tmp_path / str(PLAIN) / name for name in ("events.out.tfevents.1.elsewhere", "notes.txt")]
    for other in others:
        other.touch()
    with database.root.run(PLAIN).metrics.open("a") as file:
        file.write(encode({"kind": "epoch", "epoch": 4, "step": 28, "time": 90.0, "val_loss": 0.5}))
    export(database, tmp_path)
    assert len(list((tmp_path / str(PLAIN)).glob("*.aetui"))) == 1
    assert all(other.exists() for other in others)
    reader = opened(tmp_path, PLAIN)
    assert [step for step, _ in points(reader, "loss/validation")] == [1, 2, 3, 4]
    assert [step for step, _ in points(reader, "loss/step")] == [1, 2, 3]


def test_a_run_without_epochs_has_its_settings_and_one_that_waits_nothing(database: Database, tmp_path: Path) -> None:
    parts: list[float] = []
    write_events(database, listing.runs(database), tmp_path, parts.append)
    assert parts == [0.25, 0.5, 0.75, 1.0]
    assert opened(tmp_path, FAILED).Tags()["scalars"] == []
    assert sorted(folder.name for folder in (tmp_path / "plain").iterdir()) == ["0", "1"]


def test_an_export_into_the_root_harms_no_run(database: Database) -> None:
    folder = database.root.path
    before = {file: file.read_bytes() for file in folder.glob("*/*/**/*") if file.is_file()}
    export(database, folder)
    export(database, folder)
    assert {file: file.read_bytes() for file in before} == before
    assert points(opened(folder, PLAIN), "loss/train")


def test_without_its_package_nothing_is_written(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(RequestError, match=r"needs the package tensorboard.*`pip install 'aetui\[export\]'`"):
        export(database, tmp_path / "events")
    assert not (tmp_path / "events").exists()


def test_it_is_quiet_and_without_torch(database: Database, tmp_path: Path) -> None:
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from engine.export.data.tensorboard import write_events\n"
        "from store import listing\nfrom store.database import open_database\nfrom store.paths import Root\n"
        f"database = open_database(Root(Path({str(database.root.path)!r})))\n"
        f"write_events(database, listing.runs(database), Path({str(tmp_path)!r}))\n"
        "print(*{'torch', 'tensorflow'} & set(sys.modules))\n"
    )
    top = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=top, capture_output=True, text=True, timeout=90, check=True)
    assert (done.stdout.strip(), done.stderr) == ("", "")
