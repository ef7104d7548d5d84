"""A running average of a model's weights: validated, kept and used in place of the weights being trained."""

import copy
import itertools
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

M = TypeVar("M", bound=nn.Module, covariant=True)

_WARM_UP_STEPS = 9


class WeightAverage(Generic[M]):
    """The exponential moving average of the weights and batch statistics of ``trained`` (Polyak & Juditsky 1992).

    ``decay`` is the weight of the past at each step; at first it is less, step / (step + 9), so that the average never
    reaches further back than a ninth of the course: a short run is not held back by its first steps. With a ``decay``
    of 0, `model` is ``trained`` itself. Weights that are loaded into either later must be written into its tensors.
    """

    def __init__(self, trained: M, decay: float) -> None:
        self.trained = trained
        self.model = copy.deepcopy(trained).requires_grad_(False) if decay else trained
        self._decay = decay
        # Once: to go through the modules takes three times as long as the averaging.
        self._averages, self._weights = _averaged(self.model), _averaged(trained)

    @property
    def is_apart(self) -> bool:
        """Whether `model` has weights of its own."""
        return self.model is not self.trained

    def update(self, step: int) -> None:
        """Take in the weights as they are after ``step`` steps (1 is the first)."""
        if self.is_apart:
            decay = min(self._decay, step / (step + _WARM_UP_STEPS))
            with torch.no_grad():
                torch._foreach_lerp_(self._averages, self._weights, 1 - decay)


def _averaged(model: nn.Module) -> list[Tensor]:
    """Not the counters of batch normalization, which are whole numbers."""
    found = itertools.chain(model.parameters(), model.buffers())
    return [tensor for tensor in found if tensor.is_floating_point()]
