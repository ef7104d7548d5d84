"""Kinds of a user's own that no run of comes to a good end: one kills who trains it, one finds its GPU full."""

from pathlib import Path

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


def install(folder: Path) -> None:
    """Two kinds of a user's own, for all processes that have ``folder`` in their PYTHONPATH."""
    installed = folder / "chaos_kinds-1.0.dist-info"
    installed.mkdir(parents=True)
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: chaos-kinds\nVersion: 1.0\n")
    (installed / "entry_points.txt").write_text(_ENTRY_POINTS)
    (folder / "chaos_kinds.py").write_text(_KINDS)
    (folder / "chaos_models.py").write_text(_MODELS)
