"""A recipe as a user asked for it: what the command line, the form and whoever goes on with it build it from."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from store.errors import RequestError
from store.user_paths import user_path

if TYPE_CHECKING:
    from engine.recipes.steps import Recipe

PAPER = "paper"
MOST_SEEDS = 1000
_TEXTS = ("name", "preset", "dataset", "device")
_NUMBERS = ("num_seeds", "seed", "threads")
_OPTIONS = {
    "preset": "--preset",
    "dataset": "--dataset",
    "num_seeds": "--seeds",
    "seed": "--seed",
    "device": "--device",
    "threads": "--threads",
}
"""What only the recipe `PAPER` takes, and how the command line calls it."""


@dataclass(frozen=True, kw_only=True)
class AskedRecipe:
    """``source`` is `PAPER`, or the path of a TOML file. None: the recipe's own."""

    source: str
    name: str | None = None
    preset: str | None = None
    dataset: str | None = None
    num_seeds: int | None = None
    seed: int | None = None
    device: str | None = None
    threads: int | None = None

    def recipe(self) -> "Recipe":
        """The recipe that this asks for.

        Raises:
            RequestError: there is no such recipe, or it takes no such options.
        """
        if self.num_seeds is not None and self.num_seeds > MOST_SEEDS:
            raise RequestError(f"--seeds {self.num_seeds} are too many: take at most {MOST_SEEDS}.")
        if self.source == PAPER:
            from engine.recipes.paper import paper  # it brings the catalog: not where a recipe is only looked at

            given = {key: getattr(self, key) for key in ("num_seeds", "seed", "device", "threads")}
            given = {key: value for key, value in given.items() if value is not None}
            return paper(self.preset or "quick", dataset=self.dataset, name=self.name, **given)
        file = user_path(self.source)
        if not file.is_file():
            raise RequestError(f"There is no recipe {self.source!r}: take {PAPER}, or the path of a TOML file.")
        for key, option in _OPTIONS.items():
            if getattr(self, key) is not None:
                raise RequestError(f"{option} is for the recipe {PAPER}: a file says by itself what its steps are.")
        from engine.recipes import recipe_file

        recipe = recipe_file.load(file)
        return recipe if self.name is None else dataclasses.replace(recipe, name=self.name)

    def as_json(self) -> dict[str, Any]:
        """What `from_json` reads in any other folder: paths are absolute."""
        described = dataclasses.asdict(self)
        if self.source != PAPER:
            described["source"] = _absolute(self.source)
        elif self.dataset is not None and _is_path(self.dataset):
            described["dataset"] = _absolute(self.dataset)
        return described

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Raises RequestError: ``data`` is nothing that `as_json` wrote."""
        kinds = {"source": str, **dict.fromkeys(_TEXTS, str | None), **dict.fromkeys(_NUMBERS, int | None)}
        if set(data) != set(kinds) or not all(isinstance(data[key], kind) for key, kind in kinds.items()):
            raise RequestError("What a recipe was asked for cannot be read.")
        return cls(**data)


def _is_path(dataset: str) -> bool:
    from engine import catalog

    return all(known.name != dataset for known in catalog.datasets())


def _absolute(path: str) -> str:
    return str(Path(path).expanduser().absolute())
