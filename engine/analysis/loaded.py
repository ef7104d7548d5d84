"""A finished or unfinished run, loaded to be looked at: its best weights and its data set."""

from dataclasses import dataclass, replace
from pathlib import Path

import torch

from engine import catalog
from engine.data.images import Splits
from engine.data.loading import splits_of
from engine.models.base import Model
from engine.models.building import build_model
from engine.spec import RunSpec
from engine.training import checkpoints
from engine.training.device import prepare_device
from store import listing
from store.database import Database
from store.errors import RequestError
from store.names import RunName
from store.paths import RunPaths, find_data_dir
from store.sharing.download import Downloader


@dataclass(frozen=True, kw_only=True, eq=False)
class LoadedRun:
    """``model`` in evaluation mode on ``device``; ``splits`` where they were read."""

    spec: RunSpec
    model: Model
    splits: Splits
    device: torch.device


def load_run(database: Database, name: RunName, device: str = "auto", epoch: int | None = None) -> LoadedRun:
    """The run ``name`` with the weights of its best epoch (of its last, where that file is gone), or of ``epoch``.

    Its data set is looked for where it trained, else where this process looks for data.

    Raises:
        RequestError: the run, its checkpoint, its data set or the device is not there or cannot be used, or no weights
            of ``epoch`` were kept.
    """
    Downloader(database).fetch(listing.run(database, name), with_weights=True)
    frozen = listing.frozen(database, name)
    spec = replace(catalog.read_spec(frozen.spec), device=device)
    paths = database.root.run(name)
    database.root.check_holds(paths.folder)
    path = paths.best if paths.best.is_file() else paths.last
    if not path.is_file():
        raise RequestError(f"{name} has no checkpoint: no epoch of it was finished.")
    if epoch is not None:
        path = _of_epoch(paths, epoch)
    torch_device = prepare_device(spec)
    splits = _splits(spec, frozen.data_dir)
    model = build_model(spec, splits.train)
    try:
        checkpoints.read(path).restore_model(model)
    except checkpoints.DamagedCheckpoint:
        raise
    except ValueError as error:
        raise RequestError(f"The checkpoint {path} does not fit its run ({error}).") from error
    model.to(torch_device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in its stubs
    return LoadedRun(spec=spec, model=model.eval(), splits=splits, device=torch_device)


def _of_epoch(paths: RunPaths, epoch: int) -> Path:
    """Raises RequestError: no weights of ``epoch`` were kept."""
    there = {checkpoints.read(path).epoch: path for path in (paths.best, paths.last) if path.is_file()}
    if epoch not in there:
        raise RequestError(f"Weights are kept of epoch {' and '.join(map(str, sorted(there)))} alone.")
    return there[epoch]


def _splits(spec: RunSpec, trained_from: Path | None) -> Splits:
    if trained_from is not None and trained_from != find_data_dir():
        try:
            return splits_of(spec, trained_from)
        except RequestError:  # moved, or another host's
            pass
    return splits_of(spec, find_data_dir())
