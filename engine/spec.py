"""The configuration of a run: frozen dataclasses, checked on construction, free of torch.

``RunSpec`` is the whole of it; its parts (`ModelSpec` and the kinds' own, `OptimSpec`, `KeepSpec`) hold the settings
that ``--set key=value`` reaches by their plain name.
"""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, Self, TypeVar, get_args, get_origin, get_type_hints

from store.errors import RequestError
from store.names import check_name

T = TypeVar("T")

Optimizer = Literal["sgd", "adam", "adamw", "adagrad"]
Freeze = Literal["convolutions", "encoder", "none"]
Schedule = Literal["onecycle", "cosine", "constant"]
Precision = Literal["auto", "float32", "bfloat16"]


def _require(condition: bool, sentence: str) -> None:
    if not condition:
        raise RequestError(sentence)


def _check_choice(key: str, value: str, choices: tuple[str, ...]) -> None:
    _require(value in choices, f"{key}={value!r} is not known: take one of {', '.join(choices)}.")


def _check_range(key: str, value: float, low: float, high: float, low_open: bool = False) -> None:
    inside = (low < value if low_open else low <= value) and value <= high
    bracket = "(" if low_open else "["
    _require(
        inside and math.isfinite(value), f"{key}={value!r} is out of range: it must lie in {bracket}{low}, {high}]."
    )


@dataclass(frozen=True, kw_only=True)
class ModelSpec:
    """The convolutional encoder and its mirror image, the decoder.

    ``channels`` of the first convolution are ``width``; each of the ``depth`` stride-2 convolutions after the first
    doubles them. Fully connected layers of ``hidden`` neurons stand between the convolutions and the codes.
    """

    latent_dim: int = field(default=6, metadata={"help": "dimensions of the latent space"})
    width: int = field(default=32, metadata={"help": "channels of the first convolution; doubled by each later one"})
    depth: int = field(default=3, metadata={"help": "stride-2 convolutions"})
    hidden: int = field(default=256, metadata={"help": "neurons of a fully connected layer"})

    def __post_init__(self) -> None:
        _check_range("latent_dim", self.latent_dim, 1, 4096)
        _check_range("width", self.width, 1, 1024)
        _check_range("depth", self.depth, 1, 6)
        _check_range("hidden", self.hidden, 1, 65536)

    @property
    def needs_start(self) -> bool:
        """Whether a run must start from another."""
        return False


@dataclass(frozen=True, kw_only=True)
class DenoisingSpec(ModelSpec):
    """An autoencoder that sees noise and is asked for the clean image (Vincent et al. 2008, section 2.3)."""

    noise: str = field(
        default="0.1",
        metadata={"help": "factor of the Gaussian noise, drawn anew every batch; LOW..HIGH: one an image"},
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        low, high = self.noise_range
        _check_range("noise", low, 0, 10)
        _check_range("noise", high, low, 10)

    @property
    def noise_range(self) -> tuple[float, float]:
        """Lowest and highest factor: the same where training uses one level.

        Raises:
            RequestError: ``noise`` is neither a number nor LOW..HIGH.
        """
        low, separator, high = self.noise.partition("..")
        return convert("noise", low, float), convert("noise", high if separator else low, float)


@dataclass(frozen=True, kw_only=True)
class VariationalSpec(ModelSpec):
    """A variational autoencoder (Kingma & Welling 2014); loss = mean squared error + beta x KL (Higgins et al. 2017).

    ``beta`` weighs KL in nats per image against the error per pixel; it rises linearly to its value over the first
    ``kl_warmup`` epochs.
    """

    beta: float = field(
        default=5e-4, metadata={"help": "weight of the KL term (nats an image) beside the MSE per pixel"}
    )
    kl_warmup: int = field(default=1, metadata={"help": "epochs over which beta rises from 0"})

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_range("beta", self.beta, 0, 1000)
        _check_range("kl_warmup", self.kl_warmup, 0, 100_000)


@dataclass(frozen=True, kw_only=True)
class ClassifierSpec(ModelSpec):
    """The encoder's layers with a class layer in place of the latent one, so ``latent_dim`` is not used.

    ``freeze`` keeps what a run's encoder brought (``RunSpec.start_from``): its ``convolutions``, all of the
    ``encoder`` below the class layer, or ``none``; the rest is trained, the class layer always anew. Targets are
    softened by ``label_smoothing`` (Szegedy et al. 2016, section 7).
    """

    freeze: Freeze = field(default="none", metadata={"help": "convolutions, encoder or none: what is not trained"})
    label_smoothing: float = field(
        default=0.1, metadata={"help": "part of each target that is spread over all classes; 0: none"}
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_choice("freeze", self.freeze, get_args(Freeze))
        _check_range("label_smoothing", self.label_smoothing, 0, 1)

    @property
    def needs_start(self) -> bool:
        return self.freeze != "none"


@dataclass(frozen=True, kw_only=True)
class OptimSpec:
    """How the weights are moved. ``lr`` is the peak of the one-cycle schedule and the start of the cosine."""

    optimizer: Optimizer = field(default="adam", metadata={"help": "sgd (with momentum), adam, adamw or adagrad"})
    lr: float = field(default=4e-3, metadata={"help": "learning rate (the peak, under a schedule)"})
    weight_decay: float = field(default=0.0, metadata={"help": "L2 penalty (decoupled for adamw)"})
    momentum: float = field(default=0.9, metadata={"help": "of sgd"})
    schedule: Schedule = field(default="onecycle", metadata={"help": "onecycle, cosine or constant"})
    batch_size: int = field(default=128, metadata={"help": "images a step"})
    ema: float = field(
        default=0.999,
        metadata={"help": "decay of the running average of the weights that is validated and kept; 0: no average"},
    )
    precision: Precision = field(
        default="auto",
        metadata={"help": "of products in training: float32, bfloat16, or auto: bfloat16 where the hardware has it"},
    )
    patience: int = field(
        default=10,
        metadata={"help": "epochs without a better running average of the validation loss before stopping; 0: never"},
    )

    def __post_init__(self) -> None:
        _check_choice("optimizer", self.optimizer, get_args(Optimizer))
        _check_choice("schedule", self.schedule, get_args(Schedule))
        _check_range("lr", self.lr, 0, 100, low_open=True)
        _check_range("weight_decay", self.weight_decay, 0, 10)
        _check_range("momentum", self.momentum, 0, 0.9999)
        _check_range("batch_size", self.batch_size, 1, 65536)
        _check_range("ema", self.ema, 0, 0.999999)
        _check_choice("precision", self.precision, get_args(Precision))
        _check_range("patience", self.patience, 0, 100_000)


@dataclass(frozen=True, kw_only=True)
class KeepSpec:
    """What a run keeps for the panes: codes of a fixed sample and a strip of pictures, of at most so many epochs."""

    latent_samples: int = field(default=2000, metadata={"help": "codes kept an epoch (of the validation images)"})
    latent_epochs: int = field(
        default=50, metadata={"help": "epochs whose codes and pictures are kept; thinned evenly"}
    )
    image_samples: int = field(default=10, metadata={"help": "images in the strip of reconstructions"})

    def __post_init__(self) -> None:
        _check_range("latent_samples", self.latent_samples, 0, 100_000)
        _check_range("latent_epochs", self.latent_epochs, 1, 100_000)
        _check_range("image_samples", self.image_samples, 1, 100)


@dataclass(frozen=True, kw_only=True)
class RunSpec:
    """Everything that decides a run's numbers. The same spec on the same device gives the same numbers.

    ``dataset`` is a name of the catalog, or the path of a ``.npz`` file or an image folder. ``threads`` belongs to the
    run: one and two threads round differently. ``train_limit`` cuts the training images (stratified), 0 takes all;
    ``augment`` warps them (see ``engine.training.warping``).
    ``start_from`` names a run whose last checkpoint this one goes on from (a classifier: whose encoder it takes over).

    ``folds`` = 0 validates on the data set's own validation images. With k ``folds``, training and validation images
    are pooled: validation is the part ``fold`` (0..k-1) of k stratified ones, or, with ``fold`` None, a hold-out of
    the same share that is drawn apart from the folds.
    """

    kind: str
    dataset: str
    epochs: int
    seed: int = 0
    device: str = "auto"
    threads: int = 1
    train_limit: int = field(default=0, metadata={"help": "training images at most, stratified; 0: all"})
    augment: float = field(
        default=0.0,
        metadata={"help": "how far images are warped, anew every batch; 1: up to 6 degrees, 5 %, half a pixel of 28"},
    )
    folds: int = 0
    fold: int | None = None
    start_from: str | None = None
    model: ModelSpec = field(default_factory=ModelSpec)
    optim: OptimSpec = field(default_factory=OptimSpec)
    keep: KeepSpec = field(default_factory=KeepSpec)

    def __post_init__(self) -> None:
        check_name(self.kind)
        _check_range("epochs", self.epochs, 1, 1_000_000)
        _check_range("seed", self.seed, 0, 2**63 - 1)
        _check_range("threads", self.threads, 1, 1024)
        _check_range("train_limit", self.train_limit, 0, 10**9)
        _check_range("augment", self.augment, 0, 10)
        _require(
            not self.augment or getattr(self.model, "freeze", "none") == "none",
            "augment warps images, and what is frozen looks at each of them only once: set augment=0 or freeze=none.",
        )
        _check_range("folds", self.folds, 0, 1000)
        _require(self.folds != 1, "folds=1 leaves nothing to train on: take 2 or more, or 0 for the usual split.")
        if self.fold is not None:
            _check_range("fold", self.fold, 0, self.folds - 1)

    def settings(self) -> dict[str, Any]:
        """All that ``--set`` reaches, flat: name -> value."""
        flat: dict[str, Any] = {"train_limit": self.train_limit, "augment": self.augment}
        for part in (self.model, self.optim, self.keep):
            flat |= dataclasses.asdict(part)
        return flat

    def user_attrs(self) -> dict[str, Any]:
        """What of it Optuna's dashboard shows and filters by."""
        return {**dataclasses.asdict(self.model), **dataclasses.asdict(self.optim), "seed": self.seed}

    def with_settings(self, settings: Mapping[str, Any]) -> Self:
        """A copy with ``settings`` (name -> value, or text as typed) put in their places.

        Raises:
            RequestError: a name is not known here, a value does not fit or is out of range.
        """
        parts: dict[str, Any] = {"model": self.model, "optim": self.optim, "keep": self.keep}
        known = self.settings()
        changes: dict[str, dict[str, Any]] = {name: {} for name in parts}
        own: dict[str, Any] = {}
        for key, value in settings.items():
            _require(key in known, f"{key!r} is not a setting of {self.kind}: it has {', '.join(sorted(known))}.")
            for name, part in parts.items():
                if hasattr(part, key):
                    changes[name][key] = convert(key, value, get_type_hints(type(part))[key])
                    break
            else:
                own[key] = convert(key, value, get_type_hints(type(self))[key])
        changed = {name: dataclasses.replace(part, **changes[name]) for name, part in parts.items()}
        return dataclasses.replace(self, **own, **changed)

    def as_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any], model: type[ModelSpec]) -> Self:
        """Read what `as_json` wrote; ``model`` is the kind's own class (see ``engine.catalog.read_spec``).

        Raises:
            RequestError: a field is unknown, missing or of the wrong type.
        """
        given = dict(data)
        parts = {
            "model": _read_part(model, given.pop("model", {})),
            "optim": _read_part(OptimSpec, given.pop("optim", {})),
            "keep": _read_part(KeepSpec, given.pop("keep", {})),
        }
        return _read_part(cls, {**given, **parts})


def _read_part(cls: type[T], given: Any) -> T:
    if not isinstance(given, Mapping):
        raise RequestError(f"A configuration's {cls.__name__} must be a table of settings, not {type(given).__name__}.")
    hints = get_type_hints(cls)
    unknown = set(given) - {f.name for f in fields(cls)}  # type: ignore[arg-type]  # T is one of the dataclasses above
    _require(not unknown, f"A configuration names {', '.join(sorted(map(str, unknown)))}, which is not known here.")
    values = {
        key: value if dataclasses.is_dataclass(value) else convert(key, value, hints[key])
        for key, value in given.items()
    }
    try:
        return cls(**values)
    except TypeError as error:  # a field without a default is missing
        raise RequestError(f"A configuration is incomplete: {error}.") from error


def convert(key: str, value: Any, wanted: Any) -> Any:
    """``value`` (text as typed, or already a value) as the type ``wanted`` of the setting ``key``.

    Raises:
        RequestError: it does not fit.
    """
    options = get_args(wanted) if get_origin(wanted) is not Literal else (str,)
    if type(None) in options:
        if value is None or value in ("", "none", "None"):
            return None
        options = tuple(option for option in options if option is not type(None))
    target = options[0] if options else wanted
    try:
        if target is bool:
            return {"true": True, "1": True, "false": False, "0": False}[str(value).lower()]
        if target is int:
            number = float(value)
            if isinstance(value, bool) or number != int(number):
                raise ValueError
            return int(value) if not isinstance(value, float) else int(number)
        if target is float:
            if isinstance(value, bool):
                raise ValueError
            return float(value)
        if target is str and isinstance(value, str | int | float):
            return str(value)
    except (ValueError, TypeError, KeyError, OverflowError):
        pass
    names = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}
    raise RequestError(f"{key}={value!r} does not fit: it must be {names.get(target, 'of another type')}.")
