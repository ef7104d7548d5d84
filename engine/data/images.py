"""What every data set becomes: one uint8 tensor of images with their labels."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

UNLABELLED = -1
_VALUES_A_PART = 1 << 19


@dataclass(frozen=True, kw_only=True, eq=False)
class Images:
    """``pixels`` uint8 [N, C, H, W]; ``labels`` int64 [N], positions in ``class_names`` or -1 where unlabelled."""

    pixels: Tensor
    labels: Tensor
    class_names: tuple[str, ...]

    def __post_init__(self) -> None:
        assert self.pixels.dtype == torch.uint8, self.pixels.dtype
        assert self.pixels.ndim == 4, self.pixels.shape
        assert self.labels.dtype == torch.int64, self.labels.dtype
        assert self.labels.shape == self.pixels.shape[:1], self.labels.shape

    def __len__(self) -> int:
        return len(self.pixels)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width of an image."""
        _, channels, height, width = self.pixels.shape
        return channels, height, width

    def take(self, indices: Tensor) -> Self:
        """The images at ``indices`` (int64 [M]), in that order."""
        return replace(self, pixels=self.pixels[indices], labels=self.labels[indices])

    def joined(self, others: Self) -> Self:
        """These images, then ``others`` of the same data set."""
        return replace(
            self,
            pixels=torch.cat([self.pixels, others.pixels]),
            labels=torch.cat([self.labels, others.labels]),
        )

    def labelled(self) -> Self:
        """Those that have a label."""
        return self.take((self.labels != UNLABELLED).nonzero().flatten())

    def to(self, device: torch.device) -> Self:
        return replace(self, pixels=self.pixels.to(device), labels=self.labels.to(device))

    def batch(self, indices: Tensor | slice) -> Tensor:
        """The images at ``indices`` as float32 [B, C, H, W] in [0, 1], cut and scaled on the device, channels last."""
        return scale(self.pixels[indices])

    def parts(self) -> Iterator[slice]:
        """Stretches that make up all of them, in order; as many at a time as caches like."""
        channels, height, width = self.shape
        size = max(1, min(1000, _VALUES_A_PART // (channels * height * width)))
        yield from (slice(start, start + size) for start in range(0, len(self), size))

    def batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """All of them in order, as `batch` gives them, with their labels."""
        for part in self.parts():
            yield self.batch(part), self.labels[part]


def scale(pixels: Tensor) -> Tensor:
    """uint8 [B, C, H, W] -> float32 in [0, 1], channels last."""
    return pixels.to(torch.float32, memory_format=torch.channels_last).div_(255)


@dataclass(frozen=True, kw_only=True, eq=False)
class Splits:
    """Three sets that share no image; ``test`` is looked at once, after training."""

    train: Images
    validation: Images
    test: Images
