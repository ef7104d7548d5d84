"""Learning rates: functions of the step alone, so that a resumed run needs to know nothing but its step."""

import math
from dataclasses import dataclass
from typing import assert_never

from engine.spec import Schedule

_WARM_UP = 0.1
"""Part of a one-cycle in which the rate rises."""
_START = 1 / 10
_END = 1e-4


@dataclass(frozen=True, kw_only=True)
class RateSchedule:
    """The rate at each of ``num_steps`` steps, with ``peak`` as its highest.

    ``onecycle`` rises along half a cosine from 1/10 of the peak, then falls along another to 1/10,000 of it (Smith &
    Topin 2018, with cosines as in fastai); ``cosine`` falls from the peak to 0 (Loshchilov & Hutter 2017, no restarts).
    """

    name: Schedule
    peak: float
    num_steps: int

    def rate(self, step: int) -> float:
        """The learning rate of ``step`` (0 is the first)."""
        progress = min(step / max(self.num_steps - 1, 1), 1.0)
        match self.name:
            case "constant":
                return self.peak
            case "cosine":
                return self.peak * _glide(1, 0, progress)
            case "onecycle" if progress < _WARM_UP:
                return self.peak * _glide(_START, 1, progress / _WARM_UP)
            case "onecycle":
                return self.peak * _glide(1, _END, (progress - _WARM_UP) / (1 - _WARM_UP))
            case _:
                assert_never(self.name)

    def still_falls(self, step: int) -> bool:
        """Whether the rate is lower at some step after ``step`` than it was at any before."""
        return self.name != "constant" and step < self.num_steps


def _glide(start: float, end: float, progress: float) -> float:
    """Half a cosine from ``start`` (progress 0) to ``end`` (progress 1)."""
    return end + (start - end) * 0.5 * (1 + math.cos(math.pi * progress))
