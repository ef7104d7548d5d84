"""The variational autoencoder (kind ``vae``)."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.data.images import Images
from engine.models.autoencoder import Decoder, Encoder
from engine.models.base import Autoencoder, Losses
from engine.spec import VariationalSpec

_FIRST_LOG_VARIANCE = -4.0
_ACTIVE_VARIANCE = 0.01


def kl_divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mean, exp(log_variance)) || N(0, 1)) in nats, summed over units: [B, D], [B, D] -> [B].

    Kingma & Welling 2014, appendix B.
    """
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(dim=1)


class VariationalAutoencoder(Autoencoder):
    """Kingma & Welling 2014; loss = squared error a pixel + beta x KL in nats an image (Higgins et al. 2017).

    In training the code is drawn from the posterior; in evaluation it is the posterior's mean, and beta is whole.
    """

    def __init__(self, spec: VariationalSpec, image_shape: tuple[int, int, int]) -> None:
        super().__init__(spec, image_shape)
        self.beta = spec.beta
        self.kl_warmup = spec.kl_warmup
        self.encoder = Encoder(spec, image_shape, 2 * spec.latent_dim)
        self.decoder = Decoder(spec, image_shape)
        # Narrow posteriors to begin with, so that classes find their places before noise blurs them.
        nn.init.constant_(self.encoder.output.bias[spec.latent_dim :], _FIRST_LOG_VARIANCE)

    def posterior(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance of the codes of ``images``, each [B, latent_dim]."""
        # In float32: the KL is a difference of numbers of one size.
        mean, log_variance = self.encoder(images).float().chunk(2, dim=1)
        return mean, log_variance

    def encode(self, images: Tensor) -> Tensor:
        return self.posterior(images)[0]

    def decode(self, codes: Tensor) -> Tensor:
        images: Tensor = self.decoder(codes)
        return images

    def losses(self, inputs: Tensor, targets: Tensor, epoch: float) -> Losses:
        mean, log_variance = self.posterior(inputs)
        codes, beta = mean, self.beta
        if self.training:
            codes = mean + (0.5 * log_variance).exp() * torch.randn_like(mean)
            beta = self.beta_at(epoch)
        mse = functional.mse_loss(self.decode(codes), targets)
        kl = kl_divergence(mean, log_variance).mean()
        return Losses(loss=mse + beta * kl, mse=mse, kl=kl)

    def beta_at(self, epoch: float) -> float:
        """beta after ``epoch`` epochs: rises linearly from 0 over the first ``kl_warmup``."""
        return self.beta * min(1.0, epoch / self.kl_warmup) if self.kl_warmup else self.beta

    def extra_metrics(self, epoch: float) -> Mapping[str, float]:
        return {"beta": self.beta_at(epoch)}

    def image_figures(self, images: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        """Also ``kl`` in nats."""
        return {**super().image_figures(images, generator), "kl": kl_divergence(*self.posterior(images))}

    def unit_figures(self, images: Images) -> dict[str, Any]:
        """How the units of the code are used over ``images``.

        Returns:
            ``kl_by_unit`` in nats an image; ``active_units``, those whose mean varies by more than 0.01 (Burda et al.
            2016, section 5.2); ``unit_std``, the deviation of each unit over the data, means and variances together: 1
            where the codes lie as the prior does.
        """
        posteriors = [self.posterior(batch) for batch, _ in images.batches()]
        means, log_variances = (torch.cat(parts).double() for parts in zip(*posteriors, strict=True))  # [N, D] each
        spread = means.var(dim=0, correction=0)
        # One unit after another through the closed form that sums over units.
        units = range(len(spread))
        by_unit = [kl_divergence(means[:, [unit]], log_variances[:, [unit]]).mean().item() for unit in units]
        return {
            "kl_by_unit": by_unit,
            "active_units": int((spread > _ACTIVE_VARIANCE).sum()),
            "unit_std": (spread + log_variances.exp().mean(dim=0)).sqrt().tolist(),
        }
