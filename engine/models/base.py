"""What every kind of model promises to the training loop, to the panes and to evaluation."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Protocol, Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.data.images import Images
from engine.models.fidelity import psnr, squared_error, ssim
from engine.models.noise import fixed_generator
from engine.spec import ModelSpec


@dataclass(frozen=True, kw_only=True, eq=False)
class Losses:
    """What a batch costs: scalar tensors, each a mean over its images.

    ``loss`` is minimized. The others stand only where a kind has them: ``mse`` is the squared error a pixel, ``kl`` is
    in nats an image, ``error`` is the share of images put into a wrong class. A kind with other terms extends this
    class: every field that is set is recorded, as ``train_NAME`` and ``val_NAME``.
    """

    loss: Tensor
    mse: Tensor | None = None
    kl: Tensor | None = None
    error: Tensor | None = None

    def named(self) -> dict[str, Tensor]:
        """The losses that are set, by name."""
        found = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in found.items() if value is not None}


@dataclass(frozen=True, kw_only=True)
class Results:
    """Test figures: ``figures`` by name, means over images; ``tables`` holds what is no single number, as JSON."""

    figures: Mapping[str, float]
    tables: Mapping[str, Any] = field(default_factory=dict)


class Examples(Protocol):
    """What a model trains on: images, or what a part of it that does not change makes of them."""

    @property
    def labels(self) -> Tensor:
        """int64 [N]."""
        ...

    def __len__(self) -> int: ...

    def batch(self, indices: Tensor | slice) -> Tensor:
        """float32 [B, ...]: the examples at ``indices``."""
        ...

    def batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """All of them in order, with their labels."""
        ...


class Model(nn.Module):
    """A model that learns from images [B, C, H, W] in [0, 1]. Its loss lives with it, and what its value is.

    Randomness in training comes from torch's default generator, whose state is checkpointed; in evaluation there is
    none but the generator that is handed in.
    """

    value_name: ClassVar[str] = "loss"
    """Which of its `Losses` is a run's value in validation; lower is better."""
    begins_anew: ClassVar[bool] = False
    """Whether a start from a run of another kind takes over a part of that (`adopt`), and no course to go on with."""

    def __init__(self, spec: ModelSpec, image_shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.image_shape = image_shape

    @classmethod
    def build(cls, spec: ModelSpec, training: Images) -> Self:
        """The model for a data set of such ``training`` images.

        Raises:
            RequestError: it cannot learn from them.
        """
        return cls(spec, training.shape)

    def adopt(self, weights: Mapping[str, Tensor]) -> None:
        """Take over what is of use of a model of another kind (see `begins_anew`).

        Raises:
            ValueError: nothing is, or it does not fit.
        """
        raise NotImplementedError

    def prepare(self, images: Images) -> Examples:
        """What to train and validate on in place of ``images``, its weights being those to begin with."""
        return images

    def batch_losses(self, inputs: Tensor, labels: Tensor, epoch: float, generator: torch.Generator | None) -> Losses:
        """The losses of a batch of `prepare`'s examples; ``epoch`` counts finished epochs, with fraction."""
        raise NotImplementedError

    def encode(self, images: Tensor) -> Tensor:
        """Codes [B, D] of ``images``, what the latent pane shows; no randomness."""
        raise NotImplementedError

    def pictures(self, images: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor] | None:
        """What it is shown in place of ``images``, and what it makes of that; None for a kind that makes no images."""
        return None

    def judged(self, images: Images) -> Images:
        """Those of ``images`` whose errors count.

        Raises:
            RequestError: there are none.
        """
        return images

    def errors(self, inputs: Tensor, images: Tensor, labels: Tensor) -> Tensor:
        """The error of each image in the sense of `value_name` [B], if shown ``inputs`` in place of ``images``."""
        raise NotImplementedError

    def measure(self, images: Images) -> Results:
        """The test figures on ``images``."""
        raise NotImplementedError

    def extra_metrics(self, epoch: float) -> Mapping[str, float]:
        """What else belongs into the metrics line of ``epoch``."""
        return {}

    def unit_figures(self, images: Images) -> Mapping[str, Any]:
        """How the units of the code are used over ``images``, as JSON: nothing, but for a kind that can tell."""
        return {}


class Autoencoder(Model):
    """A model between images [B, C, H, W] in [0, 1] and codes [B, latent_dim].

    A kind implements `encode` and `decode`, and overrides the rest where it differs. It is built as
    ``Class(spec, image_shape)`` with ``image_shape`` = (C, H, W).
    """

    value_name = "mse"

    def __init__(self, spec: ModelSpec, image_shape: tuple[int, int, int]) -> None:
        super().__init__(spec, image_shape)
        self.latent_dim = spec.latent_dim

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

    def batch_losses(self, inputs: Tensor, labels: Tensor, epoch: float, generator: torch.Generator | None) -> Losses:
        return self.losses(self.corrupt(inputs, generator), inputs, epoch)

    def pictures(self, images: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor] | None:
        inputs = self.corrupt(images, generator)
        return inputs, self(inputs)

    def errors(self, inputs: Tensor, images: Tensor, labels: Tensor) -> Tensor:
        return squared_error(self(inputs), images)

    def measure(self, images: Images) -> Results:
        generator = fixed_generator(images.pixels.device)
        return Results(figures=means_over(images, lambda batch, _: self.image_figures(batch, generator)))

    def image_figures(self, images: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        """Test figures of each of a batch of clean ``images``, each [B].

        ``mse`` a pixel; ``psnr`` in dB, at most 100; ``ssim``.
        """
        reconstructions = self(images)
        errors = squared_error(reconstructions, images)
        return {"mse": errors, "psnr": psnr(errors), "ssim": ssim(reconstructions, images)}


def means_over(images: Images, figures: Callable[[Tensor, Tensor], Mapping[str, Tensor]]) -> dict[str, float]:
    """Means over ``images`` of what ``figures`` gives for each of a batch and its labels, by name."""
    sums: dict[str, Tensor] = {}
    for batch, labels in images.batches():
        for name, values in figures(batch, labels).items():
            sums[name] = sums.get(name, 0) + values.double().sum()
    return {name: total.item() / len(images) for name, total in sums.items()}
