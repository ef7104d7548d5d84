"""How far a recipe is: what is told while it runs, and what a screen shows of it."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from engine.recipes.budget import NUM_WORKERS
from engine.recipes.steps import Recipe, Step
from store.names import RunName
from store.records import Run

_TRUSTED_SHARE = 0.05
"""Of a step's work, before its own speed tells more than its budget."""


class StepState(StrEnum):
    WAITING = "waiting"
    """for the steps that it needs"""
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"
    """because a step that it needs failed"""

    @property
    def is_over(self) -> bool:
        return self in (StepState.DONE, StepState.FAILED, StepState.SKIPPED)


@dataclass(frozen=True, kw_only=True)
class StepProgress:
    """``num_done`` of ``num_total`` are runs, or helpers where a step trains nothing; ``left_s`` is a guess."""

    step: Step
    state: StepState
    num_done: int = 0
    num_total: int = 0
    left_s: float = 0.0
    runs: tuple[RunName, ...] = ()
    says: str = ""

    def as_json(self) -> dict[str, Any]:
        return {
            "step": self.step.id,
            "title": self.step.title,
            "state": str(self.state),
            "done": self.num_done,
            "total": self.num_total,
            "budget_s": round(self.step.budget_s),
            "left_s": round(self.left_s),
            "runs": [str(name) for name in self.runs],
            "says": self.says,
        }


@dataclass(frozen=True, kw_only=True)
class RecipeProgress:
    """All steps of a recipe, in its order. ``was_interrupted``: it was asked to leave before it was over."""

    recipe: Recipe
    steps: tuple[StepProgress, ...]
    was_interrupted: bool = False

    @property
    def is_over(self) -> bool:
        return all(step.state.is_over for step in self.steps)

    @property
    def failed(self) -> tuple[StepProgress, ...]:
        return tuple(step for step in self.steps if step.state is StepState.FAILED)

    @property
    def is_done(self) -> bool:
        """Every step came through."""
        return all(step.state is StepState.DONE for step in self.steps)

    @property
    def left_s(self) -> float:
        return sum(step.left_s for step in self.steps if not step.state.is_over)


def left_s(step: Step, runs: Iterable[Run], num_total: int) -> float:
    """Seconds until ``step`` with ``num_total`` runs is done: by the speed of its runs so far, else its budget.

    As for a budget, a share of all workers' time, so that the steps add up.
    """
    there = list(runs)
    shares = [1.0 if run.state.is_finished else run.epoch / run.epochs for run in there]
    share = sum(shares) / num_total if num_total else 1.0
    spent = sum(run.duration_s for run in there)
    if share < _TRUSTED_SHARE or not spent:
        return step.budget_s * (1 - share)
    return spent * (1 - share) / share / NUM_WORKERS
