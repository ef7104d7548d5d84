"""The parts of a model that leave aetui: what each takes and gives, as modules that `torch.export` can trace."""

from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from engine.models.base import Autoencoder, Model
from engine.models.classifier import Classifier
from engine.models.variational import VariationalAutoencoder


@dataclass(frozen=True, kw_only=True, eq=False)
class Part:
    """``module`` takes a tensor, the one called ``takes``, and gives one for each name in ``gives``.

    All are float32 [B, ...]; ``shape`` is that of what it takes, without the batch.
    """

    name: str
    module: nn.Module
    takes: str
    shape: tuple[int, ...]
    gives: tuple[str, ...]


def parts_of(model: Model) -> list[Part]:
    """A classifier in one, from images to logits; else the encoder, and the decoder where there is one.

    Images are [B, C, H, W] in [0, 1]. A variational encoder gives mean and log variance of the codes.
    """
    if isinstance(model, Classifier):
        return [_from_images(model, "classifier", "forward", ("logits",))]
    if isinstance(model, VariationalAutoencoder):
        encoder = _from_images(model, "encoder", "posterior", ("codes", "log_variance"))
    else:
        encoder = _from_images(model, "encoder", "encode", ("codes",))
    if not isinstance(model, Autoencoder):
        return [encoder]
    codes = (model.latent_dim,)
    return [encoder, Part(name="decoder", module=_OfCodes(model), takes="codes", shape=codes, gives=("images",))]


def outputs_of(given: Tensor | tuple[Tensor, ...]) -> list[Tensor]:
    """What a part has given, one tensor or several, as a list."""
    return [given] if isinstance(given, Tensor) else list(given)


def _from_images(model: Model, name: str, method: str, gives: tuple[str, ...]) -> Part:
    return Part(name=name, module=_OfImages(model, method), takes="images", shape=model.image_shape, gives=gives)


class _OfImages(nn.Module):
    """What a ``method`` of ``model`` makes of images. The parameter of `forward` names the input in the file."""

    def __init__(self, model: Model, method: str) -> None:
        super().__init__()
        self.model = model
        self._method = method

    def forward(self, images: Tensor) -> Any:
        return getattr(self.model, self._method)(images)


class _OfCodes(nn.Module):
    """The images that ``model`` makes of codes."""

    def __init__(self, model: Autoencoder) -> None:
        super().__init__()
        self.model = model

    def forward(self, codes: Tensor) -> Tensor:
        return self.model.decode(codes)
