"""From the name of a data set, or a path, to its splits."""

from dataclasses import replace
from pathlib import Path

from engine import catalog
from engine.data.images import Splits
from engine.data.splitting import limit
from store.errors import RequestError


def load_splits(dataset: str, data_dir: Path, train_limit: int = 0) -> Splits:
    """The splits of ``dataset`` (a name of the catalog, or a path); ``train_limit`` > 0 cuts the training images.

    Never downloads. Neither the splits nor the cut depend on a run's seed.

    Raises:
        RequestError: there is no such data set, it is not in ``data_dir``, or it cannot be used.
    """
    splits: Splits = catalog.resolve(catalog.dataset(dataset).load)(dataset, data_dir)
    if train_limit:
        splits = replace(splits, train=limit(splits.train, train_limit))
    if len(splits.train) < 2:
        raise RequestError(f"Training takes at least 2 images: raise train_limit={train_limit}.")
    return splits
