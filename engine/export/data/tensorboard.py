"""Runs as event files that TensorBoard opens: curves, settings and results, reconstructions, codes."""

import io
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from sqlalchemy import select

from engine.arrays_file import UnreadableArrays, are_images, read_arrays
from engine.export.data.tables import as_text, check_package, last_codes
from engine.kept_codes import KeptCodes
from store import schema
from store.artifacts import written_aside
from store.database import Database
from store.metrics import read_metrics
from store.paths import RunPaths
from store.records import Run, RunState

_PLACES = ("epoch", "step", "time")
"""Fields of a metrics line that say where it belongs."""
_PARTS = {"train": "train", "val": "validation"}
_PROJECTOR_FILES = ("codes.tsv", "labels.tsv", "projector_config.pbtxt")


def write_events(
    database: Database, runs: Sequence[Run], folder: Path, tell: Callable[[float], None] = lambda part: None
) -> list[Path]:
    """Write what TensorBoard shows of ``runs`` into ``folder``, a sub-folder EXPERIMENT/NUMBER each.

    - scalars by epoch (``loss/train``, ``loss/validation``, ``lr``, ...), and by optimizer step (``loss/step``). Wall
      times are as if the run had gone on without a pause
    - for the HPARAMS tab the settings; among its metrics ``best/value`` and ``test/...``
    - the pictures of the last epoch kept, a column each: original, input (where it differs), reconstruction
    - for the projector the last codes kept, where they have two dimensions at least; those with NaN or inf left out

    A run that has not begun is passed over. What an earlier export wrote of a run is replaced, whatever else is in its
    sub-folder stays.

    Args:
        tell: called with the part that is done, after each run.

    Returns:
        The files written.

    Raises:
        RequestError: the package ``tensorboard`` is not here; nothing is written then.
        OSError: a file cannot be written.
    """
    check_package("tensorboard", "An export to TensorBoard")
    began = _beginnings(database)
    written = []
    for number, run in enumerate(runs, 1):
        if run.trial_id in began:
            paths = database.root.run(run.name)
            own = folder / run.name.experiment / str(run.name.number)
            own.mkdir(parents=True, exist_ok=True)
            written.append(_write_event_file(own, run, paths, began[run.trial_id]))
            written += _write_projector_files(own, last_codes(paths))
        tell(number / len(runs))
    return written


def _beginnings(database: Database) -> dict[int, float]:
    """When each run that has begun did, by trial; seconds since 1970."""
    trials = schema.trials
    query = select(trials.c.trial_id, trials.c.datetime_start).where(trials.c.datetime_start.is_not(None))
    with database.read() as connection:
        return {trial_id: start.replace(tzinfo=UTC).timestamp() for trial_id, start in connection.execute(query)}


@dataclass(frozen=True, kw_only=True)
class _Moment:
    """``scalars``, tag -> value, measured ``time`` seconds after the run began."""

    step: int
    time: float
    scalars: Mapping[str, float]


def _moments(run: Run, lines: Iterable[Mapping[str, Any]]) -> Iterator[_Moment]:
    """Of each line of metrics, and what the run came to."""
    last = 0.0
    for line in lines:
        told = line.get("time")
        last = float(told) if isinstance(told, int | float) else last
        numbers = {
            key: float(value) for key, value in line.items() if isinstance(value, int | float) and key not in _PLACES
        }
        if line.get("kind") == "epoch":
            scalars = {_tag(key): value for key, value in numbers.items()}
            yield _Moment(step=line["epoch"], time=last, scalars=scalars)
        elif line.get("kind") == "step":
            scalars = {f"{key}/step": value for key, value in numbers.items()}
            yield _Moment(step=line["step"], time=last, scalars=scalars)
    results = {f"test/{key}": value for key, value in run.test.items()}
    if run.value is not None:
        results["best/value"] = run.value
    if results:
        yield _Moment(step=run.epoch, time=last, scalars=results)


def _tag(key: str) -> str:
    part, _, name = key.partition("_")
    return f"{name}/{_PARTS[part]}" if part in _PARTS else key


def _write_event_file(folder: Path, run: Run, paths: RunPaths, began: float) -> Path:
    """The one event file in ``folder`` that is ours; TensorBoard looks at none before it is whole."""
    from tensorboard.summary.writer.record_writer import RecordWriter  # type: ignore[import-untyped]

    whole = folder / "aetui.events"  # a name that TensorBoard passes over
    with written_aside(whole) as aside, aside.open("wb") as file:
        records = RecordWriter(file)
        for event in _events(run, paths, began):
            records.write(event.SerializeToString())
    for older in folder.glob("events.out.tfevents.*.aetui"):
        older.unlink()
    # Under a new name, so that a TensorBoard that looks on reads it.
    return whole.replace(folder / f"events.out.tfevents.{time.time_ns()}.aetui")


def _events(run: Run, paths: RunPaths, began: float) -> Iterator[Any]:
    """The records of an event file, in order: ``tensorboard.compat.proto.event_pb2.Event``."""
    from tensorboard.compat.proto.event_pb2 import Event  # type: ignore[import-untyped]
    from tensorboard.compat.proto.summary_pb2 import Summary  # type: ignore[import-untyped]

    yield Event(wall_time=began, file_version="brain.Event:2")
    yield Event(wall_time=began, summary=Summary(value=_hparams(run, began)))
    for moment in _moments(run, read_metrics(paths.metrics)):
        values = [Summary.Value(tag=tag, simple_value=value) for tag, value in moment.scalars.items()]
        yield Event(wall_time=began + moment.time, step=moment.step, summary=Summary(value=values))
    pictures = _last_pictures(paths)
    if pictures is not None:
        image = Summary.Image(
            height=pictures.grid.shape[0],
            width=pictures.grid.shape[1],
            colorspace=pictures.grid.shape[2],
            encoded_image_string=pictures.as_png(),
        )
        value = Summary.Value(tag="reconstructions", image=image)
        yield Event(wall_time=began + run.duration_s, step=pictures.epoch, summary=Summary(value=[value]))


def _hparams(run: Run, began: float) -> list[Any]:
    """The values of a summary that make ``run`` a row of the HPARAMS tab."""
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.hparams import api_pb2 as api  # type: ignore[import-untyped]
    from tensorboard.plugins.hparams import metadata
    from tensorboard.plugins.hparams import plugin_data_pb2 as data

    start = data.SessionStartInfo(group_name=str(run.name), start_time_secs=began)
    settings = {"kind": run.kind, "dataset": run.dataset, "seed": run.seed, "threads": run.threads, **run.params}
    for key, value in settings.items():
        match value:
            case None:
                continue
            case bool():
                start.hparams[key].bool_value = value
            case int() | float():
                start.hparams[key].number_value = value
            case _:
                start.hparams[key].string_value = as_text(value)
    told = {metadata.SESSION_START_INFO_TAG: data.HParamsPluginData(session_start_info=start)}
    if run.state.is_finished:
        status = api.STATUS_FAILURE if run.state is RunState.FAILED else api.STATUS_SUCCESS
        end = data.SessionEndInfo(status=status, end_time_secs=began + run.duration_s)
        told[metadata.SESSION_END_INFO_TAG] = data.HParamsPluginData(session_end_info=end)
    return [
        Summary.Value(tag=tag, metadata=metadata.create_summary_metadata(content), tensor=metadata.NULL_TENSOR)
        for tag, content in told.items()
    ]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Pictures:
    """``grid`` uint8 [H, W, 1 or 3]."""

    epoch: int
    grid: npt.NDArray[np.uint8]

    def as_png(self) -> bytes:
        file = io.BytesIO()
        Image.fromarray(self.grid.squeeze(axis=2) if self.grid.shape[2] == 1 else self.grid).save(file, "png")
        return file.getvalue()


def _last_pictures(paths: RunPaths) -> _Pictures | None:
    """Those of the last epoch that a run kept pictures of; None where it kept none, or none that can be read."""
    for epoch in reversed(paths.image_epochs()):
        try:
            arrays = read_arrays(paths.images_of(epoch), ("originals", "inputs", "reconstructions"))
        except UnreadableArrays:  # thinned out since it was listed, or damaged
            continue
        originals, inputs, made = arrays.values()
        if not are_images(originals, inputs, made):
            continue
        rows = [originals, made] if np.array_equal(originals, inputs) else [originals, inputs, made]
        return _Pictures(epoch=epoch, grid=_grid(np.stack(rows)))
    return None


def _grid(pictures: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """uint8 [R, N, C, H, W] -> [R * (H + 1), N * (W + 1), 1 or 3]; of other than 1 or 3 channels the mean, in grey."""
    if pictures.shape[2] not in (1, 3):
        pictures = pictures.mean(axis=2, keepdims=True).round().astype(np.uint8)
    spaced = np.pad(pictures, ((0, 0), (0, 0), (0, 0), (0, 1), (0, 1)))
    rows, columns, channels, height, width = spaced.shape
    return spaced.transpose(0, 3, 1, 4, 2).reshape(rows * height, columns * width, channels)


def _write_projector_files(folder: Path, kept: KeptCodes | None) -> list[Path]:
    """The codes with their labels, and the file that tells the projector of them; without any, those there go."""
    files = [folder / name for name in _PROJECTOR_FILES]
    known = np.isfinite(kept.codes).all(axis=1) if kept is not None else np.zeros(0, bool)
    if kept is None or kept.codes.shape[1] < 2 or not known.any():
        for file in files:
            file.unlink(missing_ok=True)
        return []
    codes = kept.codes[known].astype(np.float64).tolist()
    labels = zip(kept.labels[known].tolist(), kept.indices[known].tolist(), strict=True)
    contents = (
        "".join("\t".join(map(repr, code)) + "\n" for code in codes),
        "label\tindex\n" + "".join(f"{label}\t{index}\n" for label, index in labels),
        "embeddings {\n"
        f'  tensor_name: "codes of epoch {kept.epoch}"\n'
        f'  tensor_path: "{files[0].name}"\n'
        f'  metadata_path: "{files[1].name}"\n'
        "}\n",
    )
    for file, content in zip(files, contents, strict=True):
        with written_aside(file) as aside:
            aside.write_text(content, encoding="utf-8")
    return files
