"""The splits of a user's own images: 80 % training, 10 % validation, 10 % test, stratified."""

from pathlib import Path

import torch

from engine.data import own_files
from engine.data.images import Images, Splits
from engine.data.splitting import split


def load(name: str, data_dir: Path) -> Splits:
    """The splits of the ``.npz`` file or image folder at the path ``name``; ``data_dir`` is not needed.

    Raises:
        RequestError: it cannot be used.
    """
    own = own_files.read(Path(name).expanduser())
    images = Images(
        pixels=torch.from_numpy(own.pixels),
        labels=torch.from_numpy(own.labels),
        class_names=own.class_names,
    )
    num_held_out = round(len(images) / 10)
    return split(images, num_held_out, num_held_out)
