"""The device a run trains on, and torch set up so that the same spec gives the same numbers there."""

import os

import torch

from engine.spec import RunSpec
from store.errors import RequestError


def prepare_device(spec: RunSpec) -> torch.device:
    """Set threads, determinism and seed for this process, and return the device.

    Raises:
        RequestError: there is no such device here.
    """
    torch.set_num_threads(spec.threads)
    # Units that die leave numbers below 1e-38 in weights and moments: on a CPU, a step with them takes 5 times as long.
    torch.set_flush_denormal(True)
    # cuBLAS is deterministic only with a workspace of its own; read when CUDA starts.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    # "warn": a user's own kind may need an operation that has no deterministic version. use_deterministic_algorithms
    # does the same, and imports torch's compiler.
    torch.set_deterministic_debug_mode("warn")
    # Else every new tensor is filled with NaN first, which costs time and guards only against bugs.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.benchmark = False
    device = find_device(spec.device)
    torch.manual_seed(spec.seed)
    return device


def find_device(name: str) -> torch.device:
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    kind, _, number = name.partition(":")
    if kind == "cpu" and not number:
        return torch.device("cpu")
    if kind != "cuda" or not (number.isdecimal() or not number):
        raise RequestError(f"There is no device {name!r}: take auto, cpu, cuda or cuda:NUMBER.")
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if int(number or 0) >= count:
        raise RequestError(f"There is no device {name!r} here: torch finds {count} CUDA devices.")
    return torch.device("cuda", int(number or 0))
