"""The denoising autoencoder (kind ``dae``): sees noise, is asked for the clean image."""

import torch
from torch import Tensor

from engine.models.autoencoder import ConvolutionalAutoencoder
from engine.models.fidelity import squared_error
from engine.models.noise import add_gaussian, add_noise
from engine.noise import Noise
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
        return add_gaussian(images, low + (high - low) * factors, generator)

    def image_figures(self, images: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        """Also ``mse@gaussian:FACTOR``, at the ends of the range trained on: the error against the clean image."""
        figures = super().image_figures(images, generator)
        for factor in sorted({*self.noise_range} - {0.0}):
            noise = Noise(kind="gaussian", factor=factor)
            figures[f"mse@{noise}"] = squared_error(self(add_noise(images, noise, generator)), images)
        return figures
