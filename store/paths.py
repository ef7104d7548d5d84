"""Where everything lies: the root with its database, and every path of a run."""

import os
from dataclasses import dataclass
from pathlib import Path

from store.errors import RequestError
from store.names import RunName, check_name
from store.user_paths import user_path

ROOT_VARIABLE = "AETUI_ROOT"
DATA_VARIABLE = "AETUI_DATA"
DATABASE_NAME = "aetui.db"


@dataclass(frozen=True, slots=True)
class Root:
    """The folder with everything of a user: ``--root``, else ``AETUI_ROOT``, else the nearest ``runs`` (see `find`)."""

    path: Path

    @classmethod
    def find(cls, explicit: str | os.PathLike[str] | None = None, start: Path | None = None) -> "Root":
        """``explicit``, else ``AETUI_ROOT``, else the nearest ``runs/aetui.db`` from ``start`` up, else ``./runs``."""
        if explicit:
            return cls(user_path(explicit).absolute())
        if from_environment := os.environ.get(ROOT_VARIABLE):
            return cls(user_path(from_environment).absolute())
        here = (start or Path.cwd()).absolute()
        for folder in (here, *here.parents):
            if (folder / "runs" / DATABASE_NAME).is_file():
                return cls(folder / "runs")
        return cls(here / "runs")

    @property
    def database(self) -> Path:
        return self.path / DATABASE_NAME

    @property
    def schema_lock(self) -> Path:
        """Locked by the one process that creates the database."""
        return self.path / ".schema.lock"

    @property
    def supervisor_lock(self) -> Path:
        """Locked for as long as a supervisor of this root lives on this host."""
        return self.path / ".supervisor.lock"

    @property
    def slots(self) -> Path:
        """How many workers the devices of each host may have."""
        return self.path / ".slots.json"

    @property
    def seen(self) -> Path:
        """Touched for as long as a screen shows this root: when one was open last."""
        return self.path / ".seen"

    @property
    def reserve(self) -> Path:
        """Room set aside, given up on a full disk so that what became of a run can be written down."""
        return self.path / ".reserve"

    @property
    def worker_logs(self) -> Path:
        return self.path / ".workers"

    @property
    def trash(self) -> Path:
        return self.path / ".trash"

    @property
    def figures(self) -> Path:
        return self.path / "figures"

    def check_holds(self, folder: Path) -> None:
        """Raises RequestError: ``folder``, of a name that is no path by itself, lies elsewhere: a link leads there."""
        if not folder.resolve().is_relative_to(self.path.resolve()):
            raise RequestError(f"{folder} leads out of the root by a link: put a folder in its place.")

    def run(self, name: RunName) -> "RunPaths":
        return RunPaths(self.path / check_name(name.experiment) / str(name.number))

    def trashed(self, name: RunName) -> Path:
        return self.trash / check_name(name.experiment) / str(name.number)


def keep_private() -> None:
    """Let whatever this process makes from now on be readable by its owner only: runs can hold private data."""
    os.umask(0o077)


@dataclass(frozen=True, slots=True)
class RunPaths:
    """Every file of one run."""

    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "config.json"

    @property
    def metrics(self) -> Path:
        return self.folder / "metrics.jsonl"

    @property
    def last(self) -> Path:
        """Checkpoint of the last finished epoch."""
        return self.folder / "last.safetensors"

    @property
    def best(self) -> Path:
        """Checkpoint of the epoch with the lowest validation error."""
        return self.folder / "best.safetensors"

    @property
    def results(self) -> Path:
        return self.folder / "results.json"

    @property
    def noisy(self) -> Path:
        """Pictures under the noises that the run was evaluated under last."""
        return self.folder / "noisy.npz"

    @property
    def log(self) -> Path:
        return self.folder / "log.txt"

    @property
    def latents(self) -> Path:
        return self.folder / "latents"

    @property
    def images(self) -> Path:
        return self.folder / "images"

    def latents_of(self, epoch: int) -> Path:
        return self.latents / f"{epoch}.npz"

    def images_of(self, epoch: int) -> Path:
        return self.images / f"{epoch}.npz"

    def latent_epochs(self) -> list[int]:
        """Epochs whose codes are kept, ascending."""
        return _epochs_in(self.latents)

    def image_epochs(self) -> list[int]:
        """Epochs whose pictures are kept, ascending."""
        return _epochs_in(self.images)


def find_data_dir(explicit: str | os.PathLike[str] | None = None) -> Path:
    """Where downloaded data sets lie: ``explicit``, else ``AETUI_DATA``, else the user's cache folder."""
    chosen = explicit or os.environ.get(DATA_VARIABLE)
    if chosen:
        return user_path(chosen).absolute()
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(cache).expanduser() / "aetui"


def find_config_dir() -> Path:
    """Where the user's own settings lie, for all roots."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or "~/.config").expanduser() / "aetui"


def _epochs_in(folder: Path) -> list[int]:
    return sorted(int(file.stem) for file in folder.glob("*.npz") if file.stem.isdecimal())
