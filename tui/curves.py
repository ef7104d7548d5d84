"""Lines of ``metrics.jsonl`` -> the series that are drawn."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

_FIRST_MEASURES = ("loss", "mse", "kl")


@dataclass(frozen=True, eq=False)
class Curves:
    """What one run has measured so far; ``grown`` gives a new one, so that a thread can hand it over."""

    epochs: tuple[Mapping[str, Any], ...] = ()
    steps: tuple[tuple[int, int, float], ...] = ()
    """epoch, step and training loss of every line of that kind."""
    _cache: dict[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict, repr=False)

    def grown(self, lines: Iterable[Mapping[str, Any]]) -> Self:
        epochs, steps = list(self.epochs), list(self.steps)
        for line in lines:
            if line.get("kind") == "epoch":
                epochs.append(line)
            elif line.get("kind") == "step":
                steps.append((int(line["epoch"]), int(line["step"]), _number(line.get("loss"))))
        return type(self)(tuple(epochs), tuple(steps))

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

    def by_epoch(self, key: str) -> tuple[np.ndarray, np.ndarray]:
        """Epoch and value of ``key`` (``val_loss``, ...), NaN where a line has none."""
        if key not in self._cache:
            x = np.array([line["epoch"] for line in self.epochs], dtype=float)
            y = np.array([_number(line.get(key)) for line in self.epochs], dtype=float)
            self._cache[key] = x, y
        return self._cache[key]

    def by_step(self) -> tuple[np.ndarray, np.ndarray]:
        """Step (counted from the run's beginning) and training loss of every step line."""
        steps = np.array([step for _, step, _ in self.steps], dtype=float)
        return steps, np.array([loss for _, _, loss in self.steps], dtype=float)


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else math.nan
