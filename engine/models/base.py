"""What every kind of model promises to the training loop and to the panes."""

from collections.abc import Mapping
from dataclasses import dataclass, fields

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.spec import ModelSpec


@dataclass(frozen=True, kw_only=True, eq=False)
class Losses:
    """What a batch costs: scalar tensors, each a mean over its images.

    ``loss`` is minimized; ``mse`` is the squared error a pixel; ``kl`` (nats an image) only where a kind has it. A kind
    with other terms extends this class: every field that is set is recorded, as ``train_NAME`` and ``val_NAME``.
    """

    loss: Tensor
    mse: Tensor
    kl: Tensor | None = None

    def named(self) -> dict[str, Tensor]:
        """The losses that are set, by name."""
        found = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in found.items() if value is not None}


class Autoencoder(nn.Module):
    """A model between images [B, C, H, W] in [0, 1] and codes [B, latent_dim]. Its loss lives with it.

    A kind implements `encode` and `decode`, and overrides the rest where it differs. It is built as
    ``Class(spec, image_shape)`` with ``image_shape`` = (C, H, W). Randomness in training comes from torch's default
    generator, whose state is checkpointed; in evaluation there is none but the generator that is handed in.
    """

    def __init__(self, spec: ModelSpec, image_shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.latent_dim = spec.latent_dim
        self.image_shape = image_shape

    def encode(self, images: Tensor) -> Tensor:
        """Codes [B, latent_dim] of ``images``; no randomness."""
        raise NotImplementedError

    def decode(self, codes: Tensor) -> Tensor:
        """Images [B, C, H, W] in [0, 1] of ``codes`` [B, latent_dim]."""
        raise NotImplementedError

    def forward(self, images: Tensor) -> Tensor:
        """The reconstruction of ``images``; no randomness."""
        return self.decode(self.encode(images))

    def corrupt(self, images: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """What the model is shown in place of ``images``: these themselves, but for a kind that adds noise."""
        return images

    def losses(self, inputs: Tensor, targets: Tensor, epoch: float) -> Losses:
        """The losses of reconstructing ``targets`` from ``inputs``; ``epoch`` counts finished epochs, with fraction."""
        mse = functional.mse_loss(self(inputs), targets)
        return Losses(loss=mse, mse=mse)

    def extra_metrics(self, epoch: float) -> Mapping[str, float]:
        """What else belongs into the metrics line of ``epoch``."""
        return {}
