"""Where it all happens: a root with an awkward path, the user's machine shut out, and ``aetui`` as a user calls it."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, NullPool, create_engine

from store.database import Database, open_database
from store.paths import Root
from tests import own_kinds

COMMAND = Path(sys.executable).parent / "aetui"
WORKER, SUPERVISOR, DRIVER = "engine.worker", "engine.supervisor", "engine.recipes.drive"
RECIPE, SEARCH, TWIN = "stew", "hunt", "twin"
"""Experiments that nobody is to touch on purpose: their ends are known beforehand (`hunt` may be controlled too)."""
SETTINGS = ("latent_dim=2", "depth=2", "hidden=16", "patience=0")
_IDLE_S = 6
_SHARE_S = 1

_SPACE = """
[lr]
low = 1e-3
high = 1e-2
log = true

[optimizer]
choices = ["adam", "sgd"]
"""
_RECIPE = """
name = "{name}"
dataset = "digits"

[search]
kind = "search"
model = "cae"
trials = {num_searched}
epochs = 2
space = "space.toml"
sampler = "random"
pruner = "none"
set = {{ width = 4, depth = 2, hidden = 16, latent_dim = 2, patience = 0 }}

[final]
kind = "run"
model = "cae"
needs = ["search"]
best_of = "search"
epochs = 5
set = {{ width = 8, depth = 2, hidden = 16, latent_dim = 2, patience = 0 }}

[test]
kind = "evaluate"
needs = ["final"]
of = ["final"]
noise = ["gaussian:0.1"]
"""
NUM_SEARCHED = 3


@dataclass(frozen=True)
class Place:
    """A folder of our own, with ``runs`` in it. ``storage``: the address of a server's database, in place of SQLite."""

    folder: Path
    storage: str | None = None

    @classmethod
    def make(cls, folder: Path, storage: str | None = None) -> "Place":
        place = cls(folder, storage)
        (folder / "home").mkdir(parents=True)
        place.space.write_text(_SPACE, encoding="utf-8")
        place.recipe.write_text(_RECIPE.format(name=RECIPE, num_searched=NUM_SEARCHED), encoding="utf-8")
        own_kinds.install(place.own_kinds)
        return place

    @property
    def root(self) -> Root:
        return Root(self.folder / "Läufe und mehr" / "runs")

    @property
    def quiet_root(self) -> Root:
        """Where runs are trained again that nobody disturbs."""
        return Root(self.folder / "undisturbed")

    @property
    def artifacts(self) -> Path:
        """What is shared with other hosts, of which there is one: it looks, once all is calm."""
        return self.folder / "artifacts"

    @property
    def elsewhere(self) -> Root:
        return Root(self.folder / "elsewhere")

    @property
    def own_kinds(self) -> Path:
        return self.folder / "kinds"

    @property
    def space(self) -> Path:
        return self.folder / "space.toml"

    @property
    def recipe(self) -> Path:
        return self.folder / "stew.toml"

    @property
    def exported(self) -> Path:
        return self.folder / "exported"

    @property
    def screen_log(self) -> Path:
        """Where screens write what is not for their terminals."""
        return self.root.path / ".screen.log"

    @property
    def address(self) -> str:
        """Of the storage, wherever it is."""
        return self.storage or f"sqlite:///{self.root.database}"

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One with the storage, past the product.

        Raises:
            OperationalError: it is away, full, or locked for longer than a second.
        """
        arguments = {"timeout": 1.0} if self.storage is None else {"options": "-c lock_timeout=1000"}
        engine = create_engine(self.address, poolclass=NullPool, connect_args=arguments)
        with engine.begin() as connection:
            yield connection

    def environment(self, root: Root | None = None) -> dict[str, str]:
        """Of a command on the root, or on another ``root`` with a storage of its own."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("AETUI_", "XDG_", "COV_"))}
        for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "LC_ALL", "LC_CTYPE"):
            kept.pop(name, None)
        if self.storage is not None and root is None:
            kept["AETUI_STORAGE"] = self.storage
        return {
            **kept,
            "HOME": str(self.folder / "home"),
            "LANG": "C.UTF-8",
            "TERM": "xterm-256color",
            "PYTHONPATH": str(self.own_kinds),
            "PYTHONFAULTHANDLER": "1",  # one that hangs says where, on SIGABRT
            "AETUI_IDLE_S": str(_IDLE_S),
            "AETUI_SHARE_S": str(_SHARE_S),
            "AETUI_ARTIFACTS": str(self.artifacts),
        }

    def open(self, root: Root | None = None) -> Database:
        """The storage; with another ``root``, as a host sees it that has none of the files."""
        storage = self.storage if root is None else self.address
        return open_database(root or self.root, storage, artifacts=str(self.artifacts))

    def command(self, *words: str, root: Root | None = None) -> list[str]:
        """What a shell would call; the root stands on it, so that all processes of this place can be found by it."""
        return [str(COMMAND), *words, "--root", str((root or self.root).path)]
