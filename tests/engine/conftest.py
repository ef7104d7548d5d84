"""A session without a worker, and small runs for it."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from engine import catalog
from engine.session import RunPaused
from engine.spec import RunSpec
from store.paths import Root, RunPaths


class FakeSession:
    """What a worker's session does, in memory: lines in ``steps`` and ``epochs``, files for real."""

    def __init__(self, spec: RunSpec, paths: RunPaths, data_dir: Path) -> None:
        self.spec, self.paths, self.data_dir = spec, paths, data_dir
        self.began: list[tuple[int, Any]] = []
        self.steps: list[dict[str, Any]] = []
        self.epochs: list[dict[str, Any]] = []
        self.values: list[float] = []
        self.log: list[str] = []
        """What happened, in order."""
        self.stop_after: int | None = None
        self.die_at_step: int | None = None
        self.die_writing: str | None = None
        self._num_steps = 0

    @property
    def stop_requested(self) -> bool:
        return self.stop_after is not None and len(self.epochs) >= self.stop_after

    def between_steps(self) -> None:
        self._num_steps += 1
        if self._num_steps == self.die_at_step:
            raise RunPaused

    def begin(self, epoch: int, epoch_record: Mapping[str, Any] | None) -> None:
        self.began.append((epoch, epoch_record))

    def step(self, record: Mapping[str, Any]) -> None:
        self.steps.append(dict(record))

    def end_epoch(self, epoch: int, value: float, record: Mapping[str, Any]) -> None:
        assert epoch == record["epoch"]
        self.log.append(f"end {epoch}")
        self.epochs.append(dict(record))
        self.values.append(value)

    def write(self, path: Path, write: Callable[[Path], None]) -> None:
        if path.name == self.die_writing:
            raise RunPaused
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_name(f".{path.name}.aside")
        write(aside)
        aside.replace(path)
        self.log.append(f"write {path.relative_to(self.paths.folder)}")

    def set_aside(self, path: Path) -> Path:
        return path.replace(path.with_name(f"{path.name}.damaged"))

    def discard(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        self.log.append(f"discard {path.relative_to(self.paths.folder)}")


MakeSession = Callable[..., FakeSession]

_SMALL = {
    "train_limit": 200,
    "batch_size": 32,
    "width": 4,
    "hidden": 16,
    "latent_dim": 3,
    "latent_samples": 60,
    "lr": 0.01,
}


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root(tmp_path / "r\u00e9sultats d'essai")


@pytest.fixture
def make_session(root: Root, tmp_path: Path) -> MakeSession:
    """``make_session(number, kind=, epochs=, **settings)``: small trainings on digits; one folder a number."""

    def make(number: int = 0, kind: str = "cae", epochs: int = 3, **settings: Any) -> FakeSession:
        own = ("seed", "start_from", "dataset", "device", "folds", "fold")
        fields = {key: settings.pop(key) for key in own if key in settings}
        spec = RunSpec(
            **{"kind": kind, "dataset": "digits", "epochs": epochs, "device": "cpu", **fields},
            model=catalog.kind(kind).spec(),
        )
        spec = spec.with_settings({**_SMALL, **settings})
        return FakeSession(spec, RunPaths(root.path / "trial" / str(number)), tmp_path / "data")

    return make


@pytest.fixture(scope="session")
def mnist_dir() -> Path:
    """A folder with MNIST; skips where there is none."""
    given = os.environ.get("AETUI_TEST_MNIST")
    folder = Path(given) if given else Path(__file__).parents[3] / "shared" / "data"
    if not (folder / "MNIST" / "raw" / "train-images-idx3-ubyte").is_file():
        pytest.skip(f"MNIST is not in {folder}: name its folder in AETUI_TEST_MNIST")
    return folder
