"""The fields of a run's form and their meaning: text as typed -> a `RunSpec`, with the engine's own sentences."""

import dataclasses
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin, get_type_hints

from engine import catalog
from engine.devices import default_threads
from engine.settings import usual_settings
from engine.spec import ClassifierSpec, ModelSpec, Optimizer, OptimSpec, RunSpec, Schedule, convert
from store.errors import RequestError
from store.names import RunName, check_name
from store.records import Run
from tui.requests.fields import Field, Values, device, pairs

if TYPE_CHECKING:
    from store.database import Database


@dataclass(frozen=True, kw_only=True)
class Launch:
    """A run to be started; ``experiment`` None: KIND-DATASET.

    ``sizes_given``: which sizes of its layers were typed; the others are those of the run that it starts from.
    """

    spec: RunSpec
    experiment: str | None
    sizes_given: frozenset[str] = frozenset()


def fields(origin: Run | None = None) -> list[Field]:
    """In the order of the form; settings of single kinds behind the model's. A classifier starts from ``origin``."""
    model, optim = ModelSpec(), OptimSpec()
    own = []
    for kind in catalog.kinds().values():
        base = {field.name for field in dataclasses.fields(ModelSpec)}
        if is_classifier(kind.name):
            start = str(origin.name) if origin else ""
            own.append(Field(key="start_from", default=start, help="a run's encoder; or empty", kind=kind.name))
        for field in dataclasses.fields(kind.spec):
            if field.name not in base:
                default = str(getattr(kind.spec(), field.name))
                choices = _choices(kind.spec, field.name)
                help = _help(kind.spec, field.name)
                own.append(Field(key=field.name, default=default, help=help, choices=choices, kind=kind.name))
    return [
        Field(key="kind", default="cae", choices=tuple(catalog.kinds())),
        dataset_field(),
        Field(key="name", default="", help="experiment; empty: KIND-DATASET"),
        epochs_field("passes over the training images"),
        Field(key="latent_dim", default=str(model.latent_dim), help=_help(ModelSpec, "latent_dim")),
        *own,
        Field(key="optimizer", default=optim.optimizer, choices=get_args(Optimizer)),
        Field(key="lr", default=str(optim.lr), help=_help(OptimSpec, "lr")),
        Field(key="schedule", default=optim.schedule, choices=get_args(Schedule)),
        Field(key="batch_size", default=str(optim.batch_size), help=_help(OptimSpec, "batch_size")),
        *general_fields(),
    ]


def dataset_field() -> Field:
    names = tuple(dataset.name for dataset in catalog.datasets())
    help = f"{', '.join(names)}, or a path"
    return Field(key="dataset", default=usual_settings().defaults.dataset, help=help, suggestions=names)


def epochs_field(help: str) -> Field:
    return Field(key="epochs", default=str(usual_settings().defaults.epochs), help=help)


def general_fields() -> list[Field]:
    """What every configuration has last."""
    usual = usual_settings().defaults
    return [
        Field(key="seed", default=str(usual.seed), help="same seed, same numbers"),
        Field(key="device", default=usual.device, help="auto, cpu, cuda or cuda:N"),
        Field(key="more", default="", help="further settings: width=64 patience=0"),
    ]


def again(spec: RunSpec, experiment: str) -> dict[str, str]:
    """What the form holds for ``spec`` to be trained once more, from the beginning, in ``experiment``.

    Raises:
        RequestError: it is one that this form cannot ask for.
    """
    if spec.folds:
        from tui.bindings import key_of  # only the screen asks this, and no command waits for Textual

        raise RequestError(f"A run of a cross-validation belongs to its folds: {key_of('run.crossval')} trains those.")
    plain = RunSpec(kind=spec.kind, dataset=spec.dataset, epochs=spec.epochs, model=catalog.kind(spec.kind).spec())
    shown = {field.key for field in fields() if field.kind in ("", spec.kind)}
    settings, usual = spec.settings(), plain.settings()
    more = [f"{key}={settings[key]}" for key in settings if key not in shown and settings[key] != usual[key]]
    values = {key: str(value) for key, value in settings.items() if key in shown}
    values |= {"kind": spec.kind, "dataset": spec.dataset, "name": experiment, "epochs": str(spec.epochs)}
    values |= {"seed": str(spec.seed), "device": spec.device, "more": " ".join(more)}
    if is_classifier(spec.kind):
        values["start_from"] = spec.start_from or ""
    return values


def is_classifier(kind: str) -> bool:
    return issubclass(catalog.kind(kind).spec, ClassifierSpec)


def launch_of(values: Values) -> Launch:
    """What the form's ``values`` ask for.

    Raises:
        RequestError: one of them does not fit.
    """
    spec = spec_of(values)
    if start := values.get("start_from", "").strip():
        spec = dataclasses.replace(spec, start_from=str(RunName.parse(start)))
    sizes = {field.name for field in dataclasses.fields(ModelSpec)}
    return Launch(
        spec=spec,
        experiment=values["name"].strip() or None,
        sizes_given=frozenset(sizes & set(pairs(values, "more"))),
    )


def spec_of(values: Values) -> RunSpec:
    """The configuration that the form's ``values`` ask for.

    Raises:
        RequestError: one of them does not fit.
    """
    kind = catalog.kind(values["kind"])
    dataset = values["dataset"].strip()
    catalog.dataset(dataset)
    if values["name"].strip():
        check_name(values["name"].strip())
    spec = RunSpec(
        kind=kind.name,
        dataset=dataset,
        epochs=convert("epochs", values["epochs"].strip(), int),
        seed=convert("seed", values["seed"].strip(), int),
        device=device(values["device"].strip()),
        threads=usual_settings().defaults.threads or default_threads(),
        model=kind.spec(),
    )
    known = spec.settings()
    settings: dict[str, str] = {key: value.strip() for key, value in values.items() if key in known}
    return spec.with_settings({**settings, **pairs(values, "more")})


def fitted(database: "Database | None", launch: Launch) -> RunSpec:
    """The configuration with the sizes of the encoder that it starts from, where none were typed.

    Raises:
        RequestError: that run is absent or is no autoencoder, or its encoder does not fit the sizes that were typed.
    """
    spec = launch.spec
    if spec.start_from is None:
        return spec
    if database is None:
        raise RequestError(f"There is no run {spec.start_from}.")
    from store import listing

    origin = RunName.parse(spec.start_from)
    encoder = catalog.read_spec(listing.frozen(database, origin).spec)
    if is_classifier(encoder.kind):
        raise RequestError(f"{origin} is a {encoder.kind}: name a run of an autoencoder, whose encoder is taken over.")
    return with_encoder(spec, origin, encoder, launch.sizes_given)


def with_encoder(spec: RunSpec, origin: RunName, encoder: RunSpec, given: Collection[str]) -> RunSpec:
    """A classifier's ``spec`` with the sizes of ``encoder``, the configuration of ``origin``, but for those ``given``.

    Raises:
        RequestError: the encoder does not fit a size that was given.
    """
    sizes = {shape.name: getattr(encoder.model, shape.name) for shape in dataclasses.fields(ModelSpec)}
    spec = spec.with_settings({name: size for name, size in sizes.items() if name not in given})
    assert isinstance(spec.model, ClassifierSpec)
    kept = ("width", "depth") if spec.model.freeze == "convolutions" else ("width", "depth", "hidden")
    for name in kept:
        if getattr(spec.model, name) != sizes[name]:
            raise RequestError(f"{origin} has {name}={sizes[name]}: its encoder fits no other.")
    return spec


def _choices(cls: type, name: str) -> tuple[str, ...]:
    wanted: Any = get_type_hints(cls)[name]
    return get_args(wanted) if get_origin(wanted) is Literal else ()


def _help(cls: type, name: str) -> str:
    return next(str(field.metadata.get("help", "")) for field in dataclasses.fields(cls) if field.name == name)
