"""From the name of a data set, or a path, to its splits."""

from dataclasses import replace
from pathlib import Path

from engine import catalog
from engine.data.images import Splits
from engine.data.splitting import folded, limit
from engine.spec import RunSpec
from store.errors import RequestError


def load_splits(
    dataset: str, data_dir: Path, train_limit: int = 0, *, folds: int = 0, fold: int | None = None
) -> Splits:
    """The splits of ``dataset`` (a name of the catalog, or a path); ``train_limit`` > 0 cuts the training images.

    ``folds`` > 0 pools training and validation images and cuts them anew (see ``splitting.folded``); the test images
    are the same whatever is asked for. Never downloads. Neither the splits nor the cut depend on a run's seed.

    Raises:
        RequestError: there is no such data set, it is not in ``data_dir``, or it cannot be used.
    """
    splits: Splits = catalog.resolve(catalog.dataset(dataset).load)(dataset, data_dir)
    if folds:
        train, validation = folded(splits.train.joined(splits.validation), folds, fold)
        splits = replace(splits, train=train, validation=validation)
    if train_limit:
        splits = replace(splits, train=limit(splits.train, train_limit))
    if len(splits.train) < 2:
        raise RequestError(
            f"Training takes at least 2 images: train_limit={train_limit} and folds={folds} leave fewer."
        )
    return splits


def splits_of(spec: RunSpec, data_dir: Path) -> Splits:
    """What the run of ``spec`` trains on; raises as `load_splits` does."""
    return load_splits(spec.dataset, data_dir, spec.train_limit, folds=spec.folds, fold=spec.fold)
