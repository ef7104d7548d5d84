"""Stratified splits: the same for every run, whatever its seed, so that runs compare."""

import numpy as np
import torch
from torch import Tensor

from engine.data.images import Images, Splits

_SPLIT_SEED = 20140614


def stratified_order(labels: Tensor) -> Tensor:
    """A fixed order of all positions in which every stretch holds each class in proportion, to about one image.

    Args:
        labels: int64 [N].

    Returns:
        int64 [N], a permutation.
    """
    generator = torch.Generator().manual_seed(_SPLIT_SEED)
    shuffled = torch.randperm(len(labels), generator=generator)
    _, classes, counts = np.unique(labels[shuffled].numpy(), return_inverse=True, return_counts=True)
    # Where an image stands in its shuffled class, from 0 to 1: sorted by it, the classes interleave evenly. The sort
    # is stable, so ties (classes of one size) stay in shuffled order.
    places = np.empty(len(labels))
    places[classes.argsort(kind="stable")] = np.concatenate([np.arange(count) + 0.5 for count in counts])
    return shuffled[torch.from_numpy((places / counts[classes]).argsort(kind="stable"))]


def hold_out(images: Images, num_held_out: int) -> tuple[Images, Images]:
    """Split ``images`` into the rest and a stratified part of ``num_held_out``; both in the order of ``images``."""
    order = stratified_order(images.labels)
    return images.take(order[num_held_out:].sort().values), images.take(order[:num_held_out].sort().values)


def split(images: Images, num_validation: int, num_test: int) -> Splits:
    """Cut a data set that has no test images of its own in three."""
    rest, test = hold_out(images, num_test)
    train, validation = hold_out(rest, num_validation)
    return Splits(train=train, validation=validation, test=test)


def limit(images: Images, num_images: int) -> Images:
    """At most ``num_images`` of ``images``, stratified."""
    if num_images >= len(images):
        return images
    return hold_out(images, num_images)[1]
