"""Validation losses, codes and test figures of a model as it stands: without randomness, without gradients."""

import torch
from torch import Tensor

from engine.data.images import Images
from engine.models.base import Examples, Model, Results
from engine.models.noise import fixed_generator


@torch.inference_mode()
def mean_losses(model: Model, examples: Examples, epoch: float) -> dict[str, float]:
    """The model's named losses, means over ``examples``; a denoising model sees the same noise every time."""
    model.eval()
    generator = fixed_generator(examples.labels.device)
    sums: dict[str, Tensor] = {}
    for inputs, labels in examples.batches():
        losses = model.batch_losses(inputs, labels, epoch, generator)
        for name, value in losses.named().items():
            sums[name] = sums.get(name, torch.zeros_like(value)) + value * len(labels)
    return {name: value.item() / len(examples) for name, value in sums.items()}


@torch.inference_mode()
def encode(model: Model, images: Images) -> Tensor:
    """Codes [N, D] of clean ``images``."""
    model.eval()
    return torch.cat([model.encode(batch) for batch, _ in images.batches()])


@torch.inference_mode()
def measure(model: Model, images: Images) -> Results:
    """The test figures of its kind."""
    model.eval()
    return model.measure(images)
