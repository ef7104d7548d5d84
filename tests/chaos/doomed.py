"""Runs that cannot come to a good end: each must be failed, with its reason, and not tried for ever."""

from pathlib import Path

from store.records import Run, RunState
from tests.chaos.ledger import Ledger

_KINDS = """
import os, sys
from dataclasses import dataclass
from engine.catalog import Kind
from engine.spec import ModelSpec


@dataclass(frozen=True, kw_only=True)
class DeadlySpec(ModelSpec):
    def __post_init__(self):
        super().__post_init__()
        if sys.argv[0].endswith("engine/worker.py"):
            os.kill(os.getpid(), 9)


DEADLY = Kind(name="deadly", title="kills who trains it", model="none:None", spec=DeadlySpec)
CROWDED = Kind(name="crowded", title="on a GPU that is full", model="chaos_models:Crowded")
"""
_MODELS = """
import torch
from engine.models.autoencoder import ConvolutionalAutoencoder


class Crowded(ConvolutionalAutoencoder):
    def batch_losses(self, inputs, *rest):
        if self.training:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has ...")
        return super().batch_losses(inputs, *rest)
"""
NO_MEMORY = "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB"
"""In the logs of those that it fails."""
_ENTRY_POINTS = "[aetui.kinds]\ndeadly = chaos_kinds:DEADLY\ncrowded = chaos_kinds:CROWDED\n"
_GIVEN_UP = "died 3 times"  # whose worker is killed each time is given up before its own end comes
# Every step multiplies the weights by about -1000.
_WILD = ("optimizer=sgd", "lr=100", "weight_decay=10", "schedule=constant", "batch_size=10")
PREFIX = "doomed-"
KINDS: dict[str, tuple[str, tuple[str, ...], str]] = {
    "diverging": ("cae", tuple(f"--set={setting}" for setting in _WILD), "loss became"),
    "deadly": ("deadly", (), _GIVEN_UP),
    "crowded": ("crowded", (), "out of memory"),
}
"""By what they suffer from: their kind of model, settings beside the usual ones, and what their reason must say."""


def install(folder: Path) -> None:
    """Two kinds of a user's own, for all processes that have ``folder`` in their PYTHONPATH."""
    installed = folder / "chaos_kinds-1.0.dist-info"
    installed.mkdir(parents=True)
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: chaos-kinds\nVersion: 1.0\n")
    (installed / "entry_points.txt").write_text(_ENTRY_POINTS)
    (folder / "chaos_kinds.py").write_text(_KINDS)
    (folder / "chaos_models.py").write_text(_MODELS)


def check(ledger: Ledger, runs: list[Run]) -> None:
    for run in runs:
        what = run.name.experiment.removeprefix(PREFIX)
        if what == run.name.experiment:
            continue
        reason = run.reason or ""
        if run.state is RunState.COMPLETE:
            ledger.complain("not noticed", f"{run.name} is complete")
        elif run.state is RunState.FAILED and not any(why in reason for why in (KINDS[what][2], _GIVEN_UP)):
            ledger.complain("not noticed", f"{run.name} has failed because of this: {reason!r}")
