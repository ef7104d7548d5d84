"""Lines of ``metrics.jsonl`` -> the series that are drawn."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

_FIRST_MEASURES = ("loss", "mse", "kl")


@dataclass(frozen=True, eq=False)
class Curves:
    """What one run has measured so far; ``grown`` gives a new one, so that a thread can hand it over.

    As long as no epoch ends, ``epochs`` is the same tuple.
    """

    epochs: tuple[Mapping[str, Any], ...] = ()
    steps: tuple[tuple[int, float, float], ...] = ()
    """step, time in seconds and training loss of every line of that kind."""
    _cache: dict[tuple[str, str], tuple[np.ndarray, np.ndarray]] = field(default_factory=dict, repr=False)

    def grown(self, lines: Iterable[Mapping[str, Any]]) -> Self:
        epochs, steps = list[Mapping[str, Any]](), list(self.steps)
        for line in lines:
            if line.get("kind") == "epoch":
                epochs.append(line)
            elif line.get("kind") == "step":
                steps.append((int(line["step"]), _number(line.get("time")), _number(line.get("loss"))))
        if not epochs:
            return type(self)(self.epochs, tuple(steps), self._cache)
        return type(self)((*self.epochs, *epochs), tuple(steps))

    @property
    def is_empty(self) -> bool:
        return not self.epochs and not self.steps

    @property
    def last_epoch(self) -> Mapping[str, Any]:
        return self.epochs[-1] if self.epochs else {}

    def measures(self) -> list[str]:
        """What is measured on training and validation data: ``loss`` first, then ``mse``, ``kl`` and the rest."""
        names = {key.removeprefix("val_") for key in self.last_epoch if key.startswith("val_")}
        return [name for name in _FIRST_MEASURES if name in names] + sorted(names - set(_FIRST_MEASURES))

    def along(self, axis: str, key: str) -> tuple[np.ndarray, np.ndarray]:
        """Places on ``axis`` (epoch, step, or time in seconds) and values of ``key`` (``val_loss``), NaN where none is.

        The training loss is written many times an epoch: where ``axis`` is finer than epochs, all of it.
        """
        if key == "train_loss" and axis != "epoch" and self.steps:
            return self.by_step(axis)
        if (axis, key) not in self._cache:
            x = np.array([_number(line.get(axis)) for line in self.epochs], dtype=float)
            y = np.array([_number(line.get(key)) for line in self.epochs], dtype=float)
            self._cache[axis, key] = x, y
        return self._cache[axis, key]

    def by_step(self, axis: str = "step") -> tuple[np.ndarray, np.ndarray]:
        """Step (counted from the run's beginning) or time, and training loss of every step line."""
        column = 0 if axis == "step" else 1
        places = np.array([line[column] for line in self.steps], dtype=float)
        return places, np.array([loss for _, _, loss in self.steps], dtype=float)


def smoothed(values: np.ndarray, weight: float) -> np.ndarray:
    """The exponential moving average of ``values`` with ``weight`` for the past, freed of its bias to 0 at the start.

    As in TensorBoard; values that are not finite stay as they are and count for nothing.
    """
    if not weight:
        return values
    average, total = 0.0, 0.0
    found = np.array(values, dtype=float)
    for at in np.flatnonzero(np.isfinite(found)):
        average = weight * average + (1 - weight) * found[at]
        total = weight * total + (1 - weight)
        found[at] = average / total
    return found


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else math.nan
