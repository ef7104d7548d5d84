"""``aetui run``: one training, checked, queued, and followed unless it is left to itself."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import engine.jobs
from engine import catalog
from engine.devices import check_device, default_threads
from engine.settings import read_settings
from engine.spec import ClassifierSpec, ModelSpec, RunSpec
from store import listing
from store.database import Database
from store.errors import RequestError
from store.names import RunName
from store.paths import find_data_dir
from store.records import Run, RunState
from tui.commands.caution import warn
from tui.commands.data import fetch
from tui.commands.errors import DONE, FAILED, INTERRUPTED
from tui.commands.follow import follow
from tui.commands.look import figures_text, find_run
from tui.commands.options import Options
from tui.commands.output import note, print_json, printable, say
from tui.look import duration_text, number_text
from tui.requests.launching import with_encoder


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A run as it was asked for; None: the default, or what the run to start from had."""

    kind: str
    dataset: str | None = None
    experiment: str | None = None
    settings: Sequence[str] = ()
    epochs: int | None = None
    seed: int | None = None
    device: str | None = None
    threads: int | None = None
    start_from: str | None = None


def run(options: Options, wanted: Wanted, *, detach: bool = False, queue_only: bool = False) -> int:
    if detach and queue_only:
        raise RequestError("--detach starts workers and --queue-only starts none: give one of them.")
    database, (name,) = queue_runs(options, [wanted])
    if not queue_only:
        engine.jobs.ensure_workers(database)
    if detach or queue_only:
        found = listing.run(database, name)
        if options.json:
            print_json(found.as_json())
        else:
            then = "`aetui worker` trains it" if queue_only else f"`aetui show {name}` tells how it goes"
            say(f"{name} is queued; {then}.")
        return DONE
    note(f"{name} is queued: {printable(str(database.root.run(name).folder))}")
    (found,), was_interrupted = follow(database, [name])
    if options.json:
        print_json(found.as_json())
    else:
        tell_figures(found)
    tell_trouble(found)
    return exit_status([found], was_interrupted)


def queue_runs(options: Options, wanted: Sequence[Wanted]) -> tuple[Database, list[RunName]]:
    """Check all that was asked for, fetch the data sets where they are absent, and add the runs to the queue.

    Raises:
        RequestError: something does not hold; nothing is queued or written then.
    """
    data_dir = find_data_dir(options.data_dir)
    configured = [configure(options, each) for each in wanted]
    for spec, _ in configured:
        check_device(spec.device)
        fetch(catalog.dataset(spec.dataset), data_dir)
    there = None if options.storage or options.is_fresh() else options.open_database(create=True)
    checked = [(engine.jobs.check(there, spec, name, data_dir), name) for spec, name in configured]
    database = there or options.open_database(create=True)
    warn(database)
    return database, [engine.jobs.add(database, spec, name, data_dir) for spec, name in checked]


def tell_figures(run: Run) -> None:
    """What came out of a followed run, on stdout."""
    say(f"{run.name} is {run.state} after epoch {run.epoch} of {run.epochs}, {duration_text(run.duration_s)}")
    if run.value is not None:
        say(f"{run.name} value {number_text(run.value)}" + (f", test {figures_text(run)}" if run.test else ""))


def tell_trouble(run: Run) -> None:
    """Why a followed run is not complete and how it goes on, on stderr."""
    if run.deleted:
        note(f"{run.name} was deleted meanwhile.")
    elif run.reason:
        note(f"aetui: {run.name}: {printable(run.reason)}")
    if run.state is not RunState.COMPLETE and run.epoch and not run.deleted:
        note(f"`aetui resume {run.name}` goes on from epoch {run.epoch}.")


def exit_status(runs: Sequence[Run], was_interrupted: bool) -> int:
    if was_interrupted:
        return INTERRUPTED
    return DONE if all(run.state is RunState.COMPLETE for run in runs) else FAILED


def configure(options: Options, wanted: Wanted) -> tuple[RunSpec, str]:
    """The configuration that was asked for, and the experiment it goes into.

    Raises:
        RequestError: a part of it is not known or does not fit.
    """
    kind = catalog.kind(wanted.kind)
    origin = None
    if wanted.start_from:
        database = options.open_database()
        origin = find_run(database, wanted.start_from)
        spec = catalog.read_spec(listing.frozen(database, origin.name).spec)
        if spec.kind != kind.name and issubclass(kind.spec, ClassifierSpec):
            return _transfer(origin.name, spec, wanted)
        if spec.kind != kind.name:
            raise RequestError(f"{origin.name} is a {spec.kind}, not a {kind.name}: its weights do not fit.")
    else:
        spec = _plain(kind, wanted.dataset)
    before = spec
    spec = as_wanted(spec, wanted)
    if origin:
        _check_continues(origin, before, spec)
    stays = origin is not None and spec.dataset == before.dataset
    experiment = wanted.experiment or (
        origin.name.experiment if origin and stays else engine.jobs.default_experiment(spec.kind, spec.dataset)
    )
    return spec, experiment


def _plain(kind: catalog.Kind, dataset: str | None) -> RunSpec:
    """Raises RequestError: ``settings.toml`` cannot be used."""
    usual = read_settings().defaults
    return RunSpec(
        kind=kind.name,
        dataset=dataset or usual.dataset,
        epochs=usual.epochs,
        seed=usual.seed,
        device=usual.device,
        threads=usual.threads or default_threads(),
        model=kind.spec(),
    )


def _transfer(origin: RunName, encoder: RunSpec, wanted: Wanted) -> tuple[RunSpec, str]:
    """A classifier on the encoder of ``origin``, of the same size unless that was said to be another.

    Raises:
        RequestError: a setting is not known, or the encoder's weights do not fit.
    """
    kind = catalog.kind(wanted.kind)
    given = {key for key, _ in (key_and_value("--set", text) for text in wanted.settings)}
    spec = with_encoder(as_wanted(_plain(kind, encoder.dataset), wanted), origin, encoder, given)
    return spec, wanted.experiment or engine.jobs.default_experiment(spec.kind, spec.dataset)


def as_wanted(spec: RunSpec, wanted: Wanted) -> RunSpec:
    """``spec`` with all that was said of it.

    Raises:
        RequestError: a setting is not known, or does not fit.
    """
    given = {name: getattr(wanted, name) for name in ("dataset", "epochs", "seed", "device", "threads", "start_from")}
    spec = dataclasses.replace(spec, **{name: value for name, value in given.items() if value is not None})
    return spec.with_settings(dict(key_and_value("--set", text) for text in wanted.settings))


def key_and_value(option: str, text: str) -> tuple[str, str]:
    """Raises RequestError: what ``option`` was given is not key=value."""
    key, separator, value = text.partition("=")
    if not separator or not key:
        raise RequestError(f"{option} {text!r} cannot be read: write {option} key=value.")
    return key.strip(), value.strip()


def _check_continues(origin: Run, before: RunSpec, spec: RunSpec) -> None:
    """Raises RequestError: the weights of ``origin`` do not fit ``spec``, or leave nothing to train."""
    for shape in dataclasses.fields(ModelSpec):
        had = getattr(before.model, shape.name)
        if getattr(spec.model, shape.name) != had:
            raise RequestError(f"{origin.name} has {shape.name}={had}: its weights fit no other.")
    if spec.epochs <= origin.epoch:
        raise RequestError(f"{origin.name} has {origin.epoch} epochs already: ask for more than that with --epochs.")
