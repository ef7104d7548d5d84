"""What is wanted where: so many workers, each with its share of a machine."""

import math
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from engine.devices import default_threads
from store.errors import RequestError


@dataclass(frozen=True, kw_only=True)
class Order:
    """Workers on ``device`` for the root ``root``, which is a path on every machine that one comes to.

    ``gpus`` and ``cpus`` are each worker's share; ``environment`` tells it what must stand on no command line.

    Raises:
        RequestError: on construction, see `check_gpus`.
    """

    root: Path
    gpus: float
    cpus: int
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        check_gpus(self.gpus)

    @property
    def device(self) -> str:
        """The share of a GPU is the only one that its worker sees, whatever number it has on the machine."""
        return "cuda:0" if self.gpus else "cpu"


def check_gpus(gpus: float) -> None:
    """Raises RequestError: there is no such share of GPUs."""
    if not math.isfinite(gpus) or gpus < 0:
        raise RequestError(f"--gpus {gpus:g} is no share of a GPU: take a number from 0 on, such as 0.25 or 1.")
    if gpus > 1 and gpus != int(gpus):
        raise RequestError(f"--gpus {gpus:g}: more than one GPU are whole ones.")


def share_of_cpus(gpus: float) -> int:
    """Cores for one worker: what its runs may have as threads; beside a GPU one is enough."""
    return 1 if gpus else default_threads()


def new_slot_name() -> str:
    return uuid.uuid4().hex[:12]
