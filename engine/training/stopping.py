"""Early stopping, fair to the schedule; and when a loss has grown beyond what training comes back from."""

import math
from dataclasses import dataclass, field

WINDOW = 3
"""Epochs in the running average."""
_WORSE = 1.05
"""How far above the best average counts as worse while the rate still falls."""


_EXPLODED = 1e6
"""How many times the first loss is too much."""
_LEAST = 0.01
"""First losses below it count as so much."""


@dataclass(kw_only=True)
class Growth:
    """Watches for a loss that is not finite, or `_EXPLODED` times what it was at the first step."""

    first: float | None = None

    def is_too_much(self, loss: float) -> bool:
        first = max(abs(self.first or 0.0), _LEAST)
        return not math.isfinite(loss) or loss > _EXPLODED * first


@dataclass(kw_only=True)
class EarlyStopping:
    """Stops after ``patience`` epochs without a better running average of the validation loss; 0: never.

    While the learning rate is still to fall, a flat stretch is no reason to stop (most of a one-cycle's gain comes at
    its end): then only ``patience`` epochs in a row with an average clearly above the best one are.
    """

    patience: int
    recent: list[float] = field(default_factory=list)
    """Validation losses of the last epochs, newest last."""
    best: float = math.inf
    """Lowest running average so far."""
    num_bad: int = 0
    """Epochs in a row that count against the run."""

    def update(self, loss: float, still_falls: bool) -> None:
        """Take in the validation ``loss`` of an epoch; ``still_falls``: the learning rate will be lower yet."""
        self.recent = [*self.recent[1 - WINDOW :], loss]
        average = sum(self.recent) / len(self.recent)
        is_bad = average > _WORSE * self.best if still_falls else average >= self.best
        self.num_bad = self.num_bad + 1 if is_bad else 0
        self.best = min(self.best, average)

    @property
    def is_over(self) -> bool:
        return 0 < self.patience <= self.num_bad
