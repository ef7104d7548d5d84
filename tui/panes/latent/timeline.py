"""The epochs that were kept, and which of them is shown: a step on or back, and what comes next as they play."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Timeline:
    """``epochs`` ascending; ``held``: the one that is held on to, None where the newest is followed."""

    epochs: Sequence[int]
    held: int | None

    def moved(self, steps: int) -> int | None:
        """What is held that many epochs on; None from the newest on."""
        index = max(0, self._at() + steps)
        return self.epochs[index] if index < len(self.epochs) - 1 else None

    def following(self) -> int | None:
        at = self._at() + 1
        return self.epochs[at] if at < len(self.epochs) else None

    def _at(self) -> int:
        if self.held is None:
            return len(self.epochs) - 1
        return max((index for index, epoch in enumerate(self.epochs) if epoch <= self.held), default=0)
