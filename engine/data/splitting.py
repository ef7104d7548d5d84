"""Stratified splits: the same for every run, whatever its seed, so that runs compare."""

import numpy as np
import torch
from torch import Tensor

from engine.data.images import Images, Splits
from store.errors import RequestError

_SPLIT_SEED = 20140614
_FOLDS_SEED = 20180328
_FOLDS_HOLD_OUT_SEED = 20220906


def stratified_order(labels: Tensor, seed: int = _SPLIT_SEED) -> Tensor:
    """A fixed order of all positions in which every stretch holds each class in proportion, to about one image.

    Args:
        labels: int64 [N].

    Returns:
        int64 [N], a permutation.
    """
    generator = torch.Generator().manual_seed(seed)
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


def folded(images: Images, folds: int, fold: int | None) -> tuple[Images, Images]:
    """Split ``images`` into the rest and one of ``folds`` stratified parts; both in the order of ``images``.

    The parts share no image, hold all of them together, and differ in size by one at most. ``fold`` None: a stratified
    part of the same size that is drawn apart from the folds.

    Raises:
        RequestError: there are fewer images than folds.
    """
    if folds > len(images):
        raise RequestError(f"{len(images)} images cannot be cut into {folds} folds.")
    # Stretches, not every k-th: in the stratified order classes of one size take turns, and k may divide their number.
    seed = _FOLDS_HOLD_OUT_SEED if fold is None else _FOLDS_SEED
    parts = list(stratified_order(images.labels, seed).tensor_split(folds))
    held_out = parts.pop(fold or 0)
    return images.take(torch.cat(parts).sort().values), images.take(held_out.sort().values)


def limit(images: Images, num_images: int) -> Images:
    """At most ``num_images`` of ``images``, stratified."""
    if num_images >= len(images):
        return images
    return hold_out(images, num_images)[1]
