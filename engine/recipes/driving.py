"""Recipes that go on without a terminal: begun here, held back, and looked at while a process of their own drives them.

Whoever drives a recipe writes how far it is into ROOT/.recipe-NAME.json. That file is for looking at: what was trained
stands in the storage, and a recipe that is driven again reads it there. Cheap to import, so that a screen can.
"""

import dataclasses
import json
import math
import os
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from engine.recipes.asked import AskedRecipe
from engine.recipes.driver_lock import driver
from engine.recipes.progress import RecipeProgress, StepProgress, StepState
from engine.recipes.steps import Importance, Recipe
from store.artifacts import written_aside
from store.errors import RequestError
from store.json_file import read_object
from store.names import check_name
from store.paths import DATA_VARIABLE, Root

if TYPE_CHECKING:
    from store.database import Database

_BEGINS_S = 30.0
"""A detached process imports for a second; on a busy machine or a cold disk for longer."""
_POLL_S = 0.05
_SAYS_AGAIN_S = 10.0
"""How old the time left may grow while nothing else changes."""


@dataclass(frozen=True, kw_only=True)
class DrivenStep:
    """A step as it was told of last; ``experiment`` is where its runs are, None before it has any."""

    id: str
    title: str
    state: StepState
    num_done: int
    num_total: int
    left_s: float
    budget_s: float
    experiment: str | None
    says: str

    @classmethod
    def of(cls, recipe: Recipe, progress: StepProgress) -> Self:
        step = progress.step
        experiment = progress.runs[0].experiment if progress.runs else None
        if isinstance(step.work, Importance) and progress.state is StepState.DONE:
            experiment = recipe.experiment(step.work.of)
        return cls(
            id=step.id,
            title=step.title,
            state=progress.state,
            num_done=progress.num_done,
            num_total=progress.num_total,
            left_s=progress.left_s,
            budget_s=step.budget_s,
            experiment=experiment,
            says=progress.says,
        )

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Raises ValueError, TypeError or KeyError: ``data`` describes no step."""
        return cls(
            id=str(data["id"]),
            title=str(data["title"]),
            state=StepState(data["state"]),
            num_done=int(data["num_done"]),
            num_total=int(data["num_total"]),
            left_s=_finite(data["left_s"]),
            budget_s=_finite(data["budget_s"]),
            experiment=None if data["experiment"] is None else check_name(str(data["experiment"])),
            says=str(data["says"]),
        )


@dataclass(frozen=True, kw_only=True)
class DrivenRecipe:
    """A recipe as whoever drives it told of it last, at ``updated`` (Unix seconds).

    ``is_driven``: a process drives it now. ``was_interrupted``: it was asked to leave before it was over.
    """

    name: str
    title: str
    asked: AskedRecipe
    num_workers: int | None
    steps: tuple[DrivenStep, ...]
    is_driven: bool
    was_interrupted: bool
    updated: float

    @property
    def is_over(self) -> bool:
        return all(step.state.is_over for step in self.steps)

    @property
    def is_done(self) -> bool:
        """Every step came through."""
        return all(step.state is StepState.DONE for step in self.steps)

    @property
    def left_s(self) -> float:
        return sum(step.left_s for step in self.steps if not step.state.is_over)

    @property
    def num_steps_done(self) -> int:
        return sum(step.state is StepState.DONE for step in self.steps)

    def as_json(self) -> dict[str, Any]:
        return {**dataclasses.asdict(self), "asked": self.asked.as_json()}


class Record:
    """The state file of a recipe, kept by the process that drives it."""

    def __init__(self, root: Root, asked: AskedRecipe, num_workers: int | None) -> None:
        self._root, self._asked, self._num_workers = root, asked, num_workers
        self._told: DrivenRecipe | None = None

    def tell(self, progress: RecipeProgress) -> None:
        """Write how far it is, where that is news."""
        recipe = progress.recipe
        now = DrivenRecipe(
            name=recipe.name,
            title=recipe.title,
            asked=self._asked,
            num_workers=self._num_workers,
            steps=tuple(DrivenStep.of(recipe, step) for step in progress.steps),
            is_driven=True,
            was_interrupted=progress.was_interrupted,
            updated=time.time(),
        )
        if self._told is None or _is_news(self._told, now):
            self._told = now
            with written_aside(_state_file(self._root, recipe.name)) as aside:
                aside.write_text(json.dumps(now.as_json(), indent=1) + "\n", encoding="utf-8")


def _is_news(before: DrivenRecipe, now: DrivenRecipe) -> bool:
    if now.updated - before.updated > _SAYS_AGAIN_S:
        return True
    without_time = (dataclasses.replace(step, left_s=0.0) for each in (before, now) for step in each.steps)
    steps = list(without_time)
    half = len(steps) // 2
    return steps[:half] != steps[half:] or before.was_interrupted != now.was_interrupted


def _finite(value: Any) -> float:
    """Raises ValueError, TypeError or OverflowError: it is no number that can be told."""
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(number)
    return number


def driven(root: Root) -> list[DrivenRecipe]:
    """Every recipe that ever ran on this root, the one that was told of last first."""
    found = [recipe for file in root.path.glob(".recipe-*.json") if (recipe := _read(root, file)) is not None]
    return sorted(found, key=lambda recipe: (-recipe.updated, recipe.name))


def _read(root: Root, file: Path) -> DrivenRecipe | None:
    """None where the file is damaged, or is none of ours."""
    try:
        data = read_object(file)
        name = check_name(str(data["name"]))
        if file != _state_file(root, name):
            return None
        return DrivenRecipe(
            name=name,
            title=str(data["title"]),
            asked=AskedRecipe.from_json(data["asked"]),
            num_workers=None if data["num_workers"] is None else int(data["num_workers"]),
            steps=tuple(map(DrivenStep.from_json, data["steps"])),
            is_driven=driver(root, name) is not None,
            was_interrupted=bool(data["was_interrupted"]),
            updated=_finite(data["updated"]),
        )
    except (OSError, ValueError, TypeError, KeyError, OverflowError):
        return None


def drive(database: "Database", asked: AskedRecipe, *, data_dir: Path | None = None, slots: int | None = None) -> str:
    """Let a detached process drive a recipe, or go on with it; returns its name once that process has begun.

    Raises:
        RequestError: see `engine.recipes.runner.check`, or it is driven already; nothing is begun then.
    """
    from engine.detach import start_detached
    from engine.recipes import runner
    from store.paths import find_data_dir

    root, recipe = database.root, asked.recipe()
    runner.check(database, recipe, data_dir)
    check_is_free(root, recipe.name)
    command = [sys.executable, "-P", "-m", "engine.recipes.drive", "--root", str(root.path)]
    command += ["--asked", json.dumps(asked.as_json())]
    if slots is not None:
        command += ["--slots", str(slots)]
    environment = {**database.addresses.environment(), DATA_VARIABLE: str(find_data_dir(data_dir))}
    began = time.time()
    process = start_detached(command, log_file(root, recipe.name), environment)
    while not _has_told(root, recipe.name, began) and time.time() - began < _BEGINS_S:
        if process.poll():
            raise RequestError(f"{recipe.name} could not begin: {_last_line(log_file(root, recipe.name))}")
        time.sleep(_POLL_S)
    return recipe.name


def hold(database: "Database", name: str) -> None:
    """Hold everything of a recipe back: its driver does it and leaves; where that was killed, it is done here.

    Raises:
        RequestError: no such recipe ever ran on this root, or it is over.
    """
    found = next((recipe for recipe in driven(database.root) if recipe.name == name), None)
    if found is None:
        raise RequestError(f"No recipe {name!a} ever ran here.")
    if (process := driver(database.root, name)) is not None:
        os.kill(process, signal.SIGINT)
    elif found.is_over:
        raise RequestError(f"{name} is over: there is nothing to hold back.")
    else:
        from engine.recipes import runner

        runner.pause(database, found.asked.recipe())


def check_is_free(root: Root, name: str) -> None:
    """Raises RequestError: a process drives the recipe ``name`` already."""
    if (process := driver(root, name)) is not None:
        raise RequestError(already_driven(name, process))


def already_driven(name: str, process: int | None) -> str:
    """The sentence for who wants to drive it too."""
    return (
        f"The recipe {name} is being run already, by process {process}: "
        "the screen (`aetui`, then r) shows its steps, and p there holds it back."
    )


def log_file(root: Root, name: str) -> Path:
    """What a detached process that drives it prints."""
    return root.path / f".recipe-{name}.log"


def _state_file(root: Root, name: str) -> Path:
    return root.path / f".recipe-{name}.json"


def _has_told(root: Root, name: str, since: float) -> bool:
    found = _read(root, _state_file(root, name))
    return found is not None and found.updated >= since


def _last_line(file: Path) -> str:
    lines = file.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing."
