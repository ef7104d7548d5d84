"""Figures that only a variational autoencoder has."""

import math

import torch
from torch import Tensor

from engine.data.images import Images
from engine.models.fidelity import squared_error
from engine.models.noise import fixed_generator
from engine.models.variational import VariationalAutoencoder, kl_divergence


def pixel_variance(model: VariationalAutoencoder) -> float:
    """The variance of the Gaussian observation noise that ``beta`` stands for.

    With P pixels, mse + beta x KL = 2 v / P x (-ELBO) + constant exactly where v = beta x P / 2.
    """
    return model.beta * math.prod(model.image_shape) / 2


@torch.inference_mode()
def elbo(model: VariationalAutoencoder, images: Images, draws: int) -> float:
    """The evidence lower bound in nats an image: log likelihood over ``draws`` codes each, KL in closed form."""
    generator = fixed_generator(images.pixels.device)
    total = 0.0
    for batch, _ in images.batches():
        mean, log_variance = model.posterior(batch)
        likelihood = torch.zeros(len(batch), dtype=torch.float64, device=batch.device)
        for _ in range(draws):
            likelihood += _log_likelihood(model, batch, _draw(mean, log_variance, generator))
        total += (likelihood / draws - kl_divergence(mean, log_variance)).sum().item()
    return total / len(images)


@torch.inference_mode()
def iwae(model: VariationalAutoencoder, images: Images, num_samples: int) -> float:
    """The importance-weighted bound in nats an image (Burda et al. 2016, equation 8) of ``num_samples`` codes each.

    At one sample it is the evidence lower bound; with more it rises towards the log likelihood.
    """
    generator = fixed_generator(images.pixels.device)
    total = 0.0
    for batch, _ in images.batches():
        mean, log_variance = model.posterior(batch)
        weights = []
        for _ in range(num_samples):
            codes = _draw(mean, log_variance, generator)
            # log p(z) - log q(z | x): the constants cancel.
            prior = -0.5 * codes.square().sum(dim=1)
            posterior = -0.5 * ((codes - mean).square() / log_variance.exp() + log_variance).sum(dim=1)
            weights.append(_log_likelihood(model, batch, codes) + (prior - posterior))
        total += (torch.stack(weights).logsumexp(dim=0) - math.log(num_samples)).sum().item()
    return total / len(images)


def _draw(mean: Tensor, log_variance: Tensor, generator: torch.Generator) -> Tensor:
    return mean + (0.5 * log_variance).exp() * torch.empty_like(mean).normal_(generator=generator)


def _log_likelihood(model: VariationalAutoencoder, images: Tensor, codes: Tensor) -> Tensor:
    """log N(images; decoded, v I) of each image, float64 [B]."""
    variance, num_pixels = pixel_variance(model), math.prod(model.image_shape)
    errors = squared_error(model.decode(codes), images).double()
    return -0.5 * num_pixels * (errors / variance + math.log(2 * math.pi * variance))
