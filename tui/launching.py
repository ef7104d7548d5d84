"""The launch form's fields and their meaning: text as typed -> a `RunSpec`, with the engine's own sentences."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args

from engine import catalog
from engine.devices import default_threads
from engine.spec import ModelSpec, Optimizer, OptimSpec, RunSpec, Schedule, convert
from store.errors import RequestError
from store.names import check_name

DEFAULT_EPOCHS = 10


@dataclass(frozen=True, kw_only=True)
class Field:
    """``choices``: one of them instead of text. ``kind``: a field of that kind alone, "" for all."""

    key: str
    default: str
    help: str
    choices: tuple[str, ...] = ()
    kind: str = ""


def fields() -> list[Field]:
    """In the order of the form; settings of single kinds behind the model's."""
    model, optim = ModelSpec(), OptimSpec()
    own = []
    for kind in catalog.kinds().values():
        base = {field.name for field in dataclasses.fields(ModelSpec)}
        for field in dataclasses.fields(kind.spec):
            if field.name not in base:
                default = str(getattr(kind.spec(), field.name))
                own.append(Field(key=field.name, default=default, help=_help(kind.spec, field.name), kind=kind.name))
    names = [dataset.name for dataset in catalog.datasets()]
    return [
        Field(key="kind", default="cae", help="", choices=tuple(catalog.kinds())),
        Field(key="dataset", default=catalog.DEFAULT_DATASET, help=f"{', '.join(names)}, or a path"),
        Field(key="name", default="", help="experiment; empty: KIND-DATASET"),
        Field(key="epochs", default=str(DEFAULT_EPOCHS), help="passes over the training images"),
        Field(key="latent_dim", default=str(model.latent_dim), help=_help(ModelSpec, "latent_dim")),
        *own,
        Field(key="optimizer", default=optim.optimizer, help="", choices=get_args(Optimizer)),
        Field(key="lr", default=str(optim.lr), help=_help(OptimSpec, "lr")),
        Field(key="schedule", default=optim.schedule, help="", choices=get_args(Schedule)),
        Field(key="batch_size", default=str(optim.batch_size), help=_help(OptimSpec, "batch_size")),
        Field(key="seed", default="0", help="same seed, same numbers"),
        Field(key="device", default="auto", help="auto, cpu, cuda or cuda:N"),
        Field(key="more", default="", help="further settings: width=64 patience=0"),
    ]


def spec_of(values: Mapping[str, str]) -> RunSpec:
    """The configuration that the form's ``values`` (key -> text) ask for.

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
        device=_device(values["device"].strip()),
        threads=default_threads(),
        model=kind.spec(),
    )
    known = spec.settings()
    settings: dict[str, str] = {key: value.strip() for key, value in values.items() if key in known}
    for word in values["more"].split():
        key, separator, value = word.partition("=")
        if not separator:
            raise RequestError(f"more: {word!r} is not key=value.")
        settings[key] = value
    return spec.with_settings(settings)


def problem(values: Mapping[str, str], key: str) -> str:
    """The sentence that says what is wrong with the field ``key`` beside sound neighbours; "" where nothing is."""
    sound = {field.key: field.default for field in fields()}
    try:
        spec_of({**sound, "kind": values["kind"], key: values[key]})
    except RequestError as error:
        return str(error)
    return ""


def _device(text: str) -> str:
    name, _, number = text.partition(":")
    if text in ("auto", "cpu", "cuda") or (name == "cuda" and number.isdecimal()):
        return text
    raise RequestError(f"device={text!r} is not known: take auto, cpu, cuda or cuda:N.")


def _help(cls: type, name: str) -> str:
    return next(str(field.metadata.get("help", "")) for field in dataclasses.fields(cls) if field.name == name)
