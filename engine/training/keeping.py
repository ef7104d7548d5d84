"""What a run keeps for the panes: the codes of a fixed sample of validation images, and a strip of pictures."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from engine.data.images import Images, scale
from engine.data.splitting import stratified_order
from engine.models.base import Model
from engine.models.fidelity import squared_error
from engine.models.noise import fixed_generator
from engine.session import Session
from engine.spec import KeepSpec
from engine.training.evaluate import encode

_LARGEST_FLOAT16 = 65504.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Sample:
    """Images of the validation set, the same and in the same order in every epoch and every run."""

    images: Images
    indices: Tensor
    """int64 [N]: positions in the validation set."""

    @classmethod
    def draw(cls, validation: Images, size: int) -> "Sample":
        """A stratified sample of at most ``size``, in the order of the validation set."""
        order = stratified_order(validation.labels.cpu())[:size].sort().values
        return cls(images=validation.take(order.to(validation.pixels.device)), indices=order)

    @classmethod
    def draw_strip(cls, validation: Images, size: int) -> "Sample":
        """As `draw`, ordered by class."""
        sample = cls.draw(validation, size)
        by_class = sample.images.labels.cpu().argsort(stable=True)
        return cls(images=sample.images.take(by_class.to(validation.pixels.device)), indices=sample.indices[by_class])


class Keeper:
    """Writes the codes and pictures of an epoch, and thins them out evenly as epochs go by."""

    def __init__(self, session: Session, validation: Images, spec: KeepSpec) -> None:
        self._session = session
        self._max_epochs = spec.latent_epochs
        self._sample = Sample.draw(validation, spec.latent_samples)
        self._strip = Sample.draw_strip(validation, spec.image_samples)

    def keep(self, model: Model, epoch: int) -> None:
        paths = self._session.paths
        if len(self._sample.images):
            codes = encode(model, self._sample.images)
            self._save(
                paths.latents_of(epoch),
                # A float16 ends at 65504: a code beyond it stays finite.
                codes=codes.clamp(-_LARGEST_FLOAT16, _LARGEST_FLOAT16).half(),
                labels=self._sample.images.labels,
                indices=self._sample.indices,
            )
        pictures = _pictures(model, self._strip.images)
        if pictures is not None:
            self._save(paths.images_of(epoch), **pictures, labels=self._strip.images.labels)

    def thin(self, epoch: int) -> None:
        """Let go of what makes the kept epochs too many; call when ``epoch`` is safe."""
        paths = self._session.paths
        for folder, epochs in ((paths.latents, paths.latent_epochs()), (paths.images, paths.image_epochs())):
            kept = kept_epochs(min(epochs, default=epoch), epoch, self._max_epochs)
            for gone in set(epochs) - kept:
                for file in (folder / f"{gone}.npz", *folder.glob(f"{gone}.*.npz")):  # the codes, their projections
                    self._session.discard(file)

    def _save(self, path: Path, **arrays: Tensor) -> None:
        def write(aside: Path) -> None:
            with aside.open("wb") as file:
                np.savez(file, allow_pickle=False, **{name: array.cpu().numpy() for name, array in arrays.items()})

        self._session.write(path, write)


def kept_epochs(first: int, last: int, max_epochs: int) -> set[int]:
    """Which epochs from ``first`` to ``last`` are kept: both ends, and every 1st, 2nd, 4th, ... in between.

    What is kept at ``last`` was kept at ``last - 1``, so thinning never wants a file back.
    """
    if max_epochs == 1:
        return {last}
    stride = 1
    while len(kept := {*range(first, last, stride), last}) > max_epochs:
        stride *= 2
    return kept


@torch.inference_mode()
def _pictures(model: Model, images: Images) -> dict[str, Tensor] | None:
    """``originals``, ``inputs``, ``reconstructions`` uint8 [N, C, H, W], ``errors`` float32 [N]; None: it has none."""
    model.eval()
    originals = scale(images.pixels)
    made = model.pictures(originals, fixed_generator(images.pixels.device))
    if made is None:
        return None
    inputs, reconstructions = made
    return {
        "originals": images.pixels,
        "inputs": _as_bytes(inputs),
        "reconstructions": _as_bytes(reconstructions),
        "errors": squared_error(reconstructions, originals).float(),
    }


def _as_bytes(images: Tensor) -> Tensor:
    return (images.clamp(0, 1) * 255).round().to(torch.uint8).contiguous()
