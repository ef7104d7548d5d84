"""The denoising autoencoder (kind ``dae``): sees noise, is asked for the clean image."""

import torch
from torch import Tensor

from engine.models.autoencoder import ConvolutionalAutoencoder
from engine.spec import DenoisingSpec


class DenoisingAutoencoder(ConvolutionalAutoencoder):
    """Vincent et al. 2008, section 2.3, with additive Gaussian noise drawn anew for every batch."""

    def __init__(self, spec: DenoisingSpec, image_shape: tuple[int, int, int]) -> None:
        super().__init__(spec, image_shape)
        self.noise_range = spec.noise_range

    def corrupt(self, images: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """``images`` + factor x standard normal noise, not clipped; one factor an image."""
        low, high = self.noise_range
        factors = torch.rand((len(images), 1, 1, 1), generator=generator, device=images.device)
        return add_noise(images, low + (high - low) * factors, generator)


def add_noise(images: Tensor, factor: Tensor | float, generator: torch.Generator | None = None) -> Tensor:
    """``images`` [B, C, H, W] + ``factor`` x standard normal noise, not clipped."""
    noise = torch.empty_like(images).normal_(generator=generator)
    return images + factor * noise
