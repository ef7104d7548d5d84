"""Validation losses, codes and test figures of a model as it stands: without randomness, without gradients."""

from typing import Any

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


@torch.inference_mode()
def details(model: Model, images: Images) -> dict[str, Any]:
    """What stands behind the test figures, as JSON: ``VALUE_by_class`` (see `by_class`), the figures of each unit."""
    model.eval()
    found = by_class(model, model.judged(images))
    return {**({f"{model.value_name}_by_class": found} if found else {}), **model.unit_figures(images)}


@torch.inference_mode()
def by_class(model: Model, images: Images) -> dict[str, float]:
    """The mean error of the images of each class, by its name; of unlabelled images none."""
    errors = torch.cat([model.errors(batch, batch, labels) for batch, labels in images.batches()])
    return {
        name: errors[images.labels == label].double().mean().item()
        for label, name in enumerate(images.class_names)
        if (images.labels == label).any()
    }


@torch.inference_mode()
def unit_metrics(model: Model, images: Images) -> dict[str, Any]:
    """What a metrics line tells of the units of the code: ``kl_by_unit``, ``active_units``, where there are such."""
    model.eval()
    found = model.unit_figures(images)
    if not found:
        return {}
    return {"kl_by_unit": [round(kl, 5) for kl in found["kl_by_unit"]], "active_units": found["active_units"]}
