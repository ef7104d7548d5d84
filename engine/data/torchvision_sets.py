"""MNIST and its kin, read by torchvision, with their official test sets."""

from pathlib import Path

import torch
import torchvision.datasets

from engine import catalog
from engine.data.idx_files import require_present
from engine.data.images import Images, Splits
from engine.data.splitting import hold_out
from store.errors import RequestError

_CLASSES = {
    "mnist": torchvision.datasets.MNIST,
    "fashion-mnist": torchvision.datasets.FashionMNIST,
    "kmnist": torchvision.datasets.KMNIST,
}


def load(name: str, data_dir: Path) -> Splits:
    """The splits of ``name`` from ``data_dir``; validation is a stratified part of the official training set.

    Raises:
        RequestError: it is not there, or damaged.
    """
    require_present(name, data_dir)
    train, validation = hold_out(_read(name, data_dir, True), catalog.dataset(name).sizes[1])
    return Splits(train=train, validation=validation, test=_read(name, data_dir, False))


def _read(name: str, data_dir: Path, train: bool) -> Images:
    try:
        found = _CLASSES[name](data_dir, train=train)
    except (ValueError, RuntimeError, OSError, AssertionError, IndexError, KeyError, TypeError) as error:
        raise RequestError(
            f"The files of {name} in {data_dir} are damaged ({error or type(error).__name__}): remove them and "
            f"fetch them with `aetui data get {name}`."
        ) from error
    return Images(
        pixels=found.data.unsqueeze(1),
        labels=found.targets.to(torch.int64),
        class_names=tuple(text.partition(" - ")[0] for text in found.classes),
    )
