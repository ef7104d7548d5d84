"""Names of kinds and data sets -> where they live. Free of torch: the worker resolves names when it trains.

A new kind is one `Kind` in `_KINDS`, or, from a package of the user's own, an entry point of the group ``aetui.kinds``
that loads to a `Kind`.
"""

import functools
import importlib
import importlib.metadata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.spec import ClassifierSpec, DenoisingSpec, ModelSpec, RunSpec, VariationalSpec
from store.errors import RequestError
from store.user_paths import user_path

ENTRY_POINT_GROUP = "aetui.kinds"


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of model.

    ``spec`` is its settings' class. ``model`` is where its ``torch.nn.Module`` lives, as ``module:Class``; that class
    is built as ``Class(spec, image_shape)`` and follows ``engine.models.base.Autoencoder`` (or ``Model``).
    """

    name: str
    title: str
    model: str
    spec: type[ModelSpec] = ModelSpec
    needs_labels: bool = False
    """Whether it learns nothing from images without labels."""


@dataclass(frozen=True, kw_only=True)
class DataSet:
    """A data set by name.

    ``load`` is ``module:function``, called as ``function(name, data_dir)`` where a run trains; ``check`` likewise,
    free of torch, where a run is queued: it raises `RequestError` if the data set is not here or not usable.
    """

    name: str
    title: str
    load: str
    is_embedded: bool
    sizes: tuple[int, int, int]
    """Images for training, validation and test."""
    check: str | None = None
    check_labels: str | None = None
    """As ``check``, called in its place where a kind needs labels; None: all images have one."""


_KINDS = (
    Kind(name="cae", title="convolutional autoencoder", model="engine.models.autoencoder:ConvolutionalAutoencoder"),
    Kind(
        name="dae",
        title="denoising autoencoder",
        model="engine.models.denoising:DenoisingAutoencoder",
        spec=DenoisingSpec,
    ),
    Kind(
        name="vae",
        title="variational autoencoder",
        model="engine.models.variational:VariationalAutoencoder",
        spec=VariationalSpec,
    ),
    Kind(
        name="classifier",
        title="classifier",
        model="engine.models.classifier:Classifier",
        spec=ClassifierSpec,
        needs_labels=True,
    ),
)

_DATASETS = (
    DataSet(
        name="mnist-5k",
        title="5,000 real MNIST digits, embedded",
        load="engine.data.embedded:load",
        is_embedded=True,
        sizes=(4000, 500, 500),
    ),
    DataSet(
        name="digits",
        title="scikit-learn's 1,797 digits scaled to 28x28, embedded",
        load="engine.data.embedded:load",
        is_embedded=True,
        sizes=(1437, 180, 180),
    ),
    *(
        DataSet(
            name=name,
            title=title,
            load="engine.data.torchvision_sets:load",
            check="engine.data.idx_files:require_present",
            is_embedded=False,
            sizes=(55000, 5000, 10000),
        )
        for name, title in (
            ("mnist", "handwritten digits"),
            ("fashion-mnist", "clothes"),
            ("kmnist", "cursive Japanese"),
        )
    ),
)
DEFAULT_DATASET = "mnist-5k"
_OWN_FILES = DataSet(
    name="own",
    title="a .npz file or a folder of images",
    load="engine.data.own:load",
    check="engine.data.own_files:check",
    check_labels="engine.data.own_files:check_labels",
    is_embedded=False,
    sizes=(0, 0, 0),
)


@functools.cache
def kinds() -> Mapping[str, Kind]:
    """All kinds by name: ours, then those of installed packages."""
    found = {kind.name: kind for kind in _KINDS}
    for entry in importlib.metadata.entry_points(group=ENTRY_POINT_GROUP):
        kind = entry.load()
        if not isinstance(kind, Kind):
            raise RequestError(
                f"The entry point {entry.name!r} of {ENTRY_POINT_GROUP} must load to an engine.catalog.Kind."
            )
        found.setdefault(kind.name, kind)
    return found


def kind(name: str) -> Kind:
    """Raises RequestError: there is no such kind."""
    try:
        return kinds()[name]
    except KeyError:
        raise RequestError(f"There is no kind {name!r}: take one of {', '.join(sorted(kinds()))}.") from None


def datasets() -> tuple[DataSet, ...]:
    """All data sets that have a name."""
    return _DATASETS


def dataset(name: str) -> DataSet:
    """The data set of that name, or the reader of a user's own files where ``name`` is a path that exists.

    Raises:
        RequestError: it is neither.
    """
    for known in _DATASETS:
        if known.name == name:
            return known
    if user_path(name).exists():
        return _OWN_FILES
    raise RequestError(
        f"There is no data set {name!r}: take one of {', '.join(known.name for known in _DATASETS)}, "
        "or the path of a .npz file or an image folder that exists."
    )


def read_spec(data: Mapping[str, Any]) -> RunSpec:
    """The configuration that ``RunSpec.as_json`` wrote, with its kind's own class of settings.

    Raises:
        RequestError: the kind is unknown or a field does not fit.
    """
    return RunSpec.from_json(data, kind(str(data.get("kind"))).spec)


def resolve(location: str) -> Any:
    """The object at ``module:name``; imports the module (torch, as a rule: only in a worker or helper process)."""
    module, _, name = location.partition(":")
    return getattr(importlib.import_module(module), name)
