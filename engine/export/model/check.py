"""Whether a file gives what the run's own model gives, on real images."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.data.images import Images
from engine.export.model.formats import ModelFile
from engine.export.model.parts import Part, outputs_of
from engine.models.base import Model
from store.errors import RequestError

_BATCH_SIZES = (1, 7, 64)
"""None is the one that was traced."""
_TOLERANCE = 1e-4


@dataclass(frozen=True, kw_only=True, eq=False)
class Reference:
    """Batches of what a part takes, contiguous, and what the run's own model gives for all of them together."""

    batches: Sequence[Tensor]
    outputs: Sequence[Tensor]


@torch.no_grad()
def reference_of(part: Part, model: Model, images: Images) -> Reference:
    """By ``images``, or by the codes that ``model`` has for them; where these are few, they come again."""
    batches = [images.batch(torch.arange(size) % len(images)) for size in _BATCH_SIZES]
    if part.takes == "codes":
        batches = [model.encode(batch) for batch in batches]
    outputs = _joined([outputs_of(part.module(batch)) for batch in batches])
    return Reference(batches=[batch.contiguous() for batch in batches], outputs=outputs)


@torch.no_grad()
def largest_difference(file: ModelFile, reference: Reference) -> float:
    """The largest absolute difference of an output of ``file`` from that of the run's own model.

    Allowed is 1e-4 of the range of the output, from its least to its largest value over all images, and of 1 where the
    range is smaller: so 1e-4 in a pixel.

    Raises:
        RequestError: it differs by more, is no number, or has another shape.
    """
    largest = 0.0
    for ours, theirs in zip(reference.outputs, _joined([file.run(batch) for batch in reference.batches]), strict=True):
        if theirs.shape != ours.shape or theirs.dtype != ours.dtype:
            raise RequestError(f"{file.name} gives tensors of another shape or type than the run's model.")
        difference = (theirs - ours).abs().max().item()
        allowed = _TOLERANCE * max(1.0, (ours.max() - ours.min()).item())
        if not difference <= allowed:  # so that NaN is caught
            raise RequestError(
                f"{file.name} differs by {difference:.3g} from the run's model, where {allowed:.3g} is allowed."
            )
        largest = max(largest, difference)
    return largest


def _joined(batches: Sequence[Sequence[Tensor]]) -> list[Tensor]:
    return [torch.cat(parts) for parts in zip(*batches, strict=True)]
