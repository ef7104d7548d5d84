"""Optimizers by name."""

import inspect
from collections.abc import Callable, Iterable
from typing import Any, assert_never

import torch
from torch import nn, optim

from engine.spec import OptimSpec

BETAS = (0.9, 0.99)
"""Of Adam; a shorter memory of squared gradients than the usual 0.999 is better in 2 to 10 epochs (measured)."""


class _Uncompiled(optim.Optimizer):
    """What torch's optimizers do without what surrounds it for ``torch.compile``, which is not used here.

    That imports the compiler, which takes a new process 1.5 s and 135 MiB (`tests/bench/bench_start.py`).
    """

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        inspect.unwrap(super().add_param_group)(self, param_group)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> Any:
        return inspect.unwrap(super().step)(self, closure)


class _SGD(_Uncompiled, optim.SGD): ...


class _Adam(_Uncompiled, optim.Adam): ...


class _AdamW(_Uncompiled, optim.AdamW): ...


class _Adagrad(_Uncompiled, optim.Adagrad): ...


def build_optimizer(spec: OptimSpec, parameters: Iterable[nn.Parameter]) -> optim.Optimizer:
    """The optimizer ``spec`` names. Fused: one kernel moves all weights, also on a CPU.

    ``weight_decay`` pulls at matrices and filters, not at biases and what scales a normalized unit: there, against the
    small gradients of an error a pixel, 2e-5 already switches a third of the units off (measured on MNIST).
    """
    groups = _groups(parameters, spec.weight_decay)
    match spec.optimizer:
        case "sgd":
            return _SGD(groups, lr=spec.lr, momentum=spec.momentum, fused=True)
        case "adam":
            return _Adam(groups, lr=spec.lr, betas=BETAS, fused=True)
        case "adamw":
            return _AdamW(groups, lr=spec.lr, betas=BETAS, fused=True)
        case "adagrad":
            return _Adagrad(groups, lr=spec.lr, fused=True)
        case _:
            assert_never(spec.optimizer)


def _groups(parameters: Iterable[nn.Parameter], weight_decay: float) -> list[dict[str, Any]]:
    there = list(parameters)
    if not weight_decay:
        return [{"params": there, "weight_decay": 0.0}]
    return [
        {"params": [weight for weight in there if weight.ndim > 1], "weight_decay": weight_decay},
        {"params": [weight for weight in there if weight.ndim <= 1], "weight_decay": 0.0},
    ]


def set_rate(optimizer: optim.Optimizer, rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate
