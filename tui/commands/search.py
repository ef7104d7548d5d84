"""``aetui search``: begin a search or go on with one, follow it, and tell what it found."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import engine.jobs
import engine.search
from engine import catalog
from engine.devices import check_device
from engine.recipes.hand_picked import hand_picked, load
from engine.search import SearchProgress, SearchSpec
from engine.space import Space, reference_space
from engine.spec import RunSpec, convert
from store import listing
from store.database import Database
from store.errors import RequestError
from store.paths import find_data_dir
from store.records import Run, RunState
from store.searches import Search
from tui.commands.caution import warn
from tui.commands.data import fetch
from tui.commands.errors import DONE, FAILED, INTERRUPTED
from tui.commands.follow import follow_work
from tui.commands.options import Options
from tui.commands.output import note, print_json, print_table, printable, say
from tui.commands.progress import Pace
from tui.commands.run import Wanted, as_wanted, configure, key_and_value
from tui.look import number_text

DEFAULT_KIND, DEFAULT_TRIALS = "cae", 40
_ASIDE = (RunState.PAUSED, RunState.HELD)


@dataclass(frozen=True, kw_only=True)
class WantedSearch:
    """A search as it was asked for; None: the default, or what the search that goes on had."""

    base: Wanted
    num_trials: int | None = None
    space: Path | None = None
    first: str | None = None
    sampler: str | None = None
    pruner: str | None = None
    at_least: Sequence[str] = ()


def search(
    options: Options, wanted: WantedSearch, *, importance: str = "pedanova", slots: int | None = None, detach: bool
) -> int:
    if importance not in engine.search.IMPORTANCES:
        raise RequestError(f"--importance {importance!r} is not known: take {' or '.join(engine.search.IMPORTANCES)}.")
    database, experiment = _start(options, wanted)
    engine.jobs.ensure_workers(database, slots)
    was_interrupted = False
    if not detach:
        work = _FollowedSearch(database, experiment)
        note(f"{experiment} is searched: {printable(str(database.root.path / experiment))}")
        _, was_interrupted = follow_work(database, work, is_many=True, slots=slots)
    found = engine.search.progress(database, experiment)
    matters = {} if detach else _importance(database, experiment, importance)
    if options.json:
        print_json(_as_json(experiment, found, matters))
    elif detach:
        say(f"{experiment} is begun; `aetui search --name {experiment}` follows it and tells what it found.")
    else:
        _print_found(database, experiment, found, matters)
    if not (detach or found.is_over):
        note(f"`aetui search --name {experiment}` goes on with it.")
    if was_interrupted:
        return INTERRUPTED
    return DONE if detach or found.num_complete >= found.num_trials else FAILED


def _start(options: Options, wanted: WantedSearch) -> tuple[Database, str]:
    """Begin the search or go on with it, everything checked first.

    Raises:
        RequestError: something does not hold; nothing is queued or written then.
    """
    data_dir = find_data_dir(options.data_dir)
    there = None if options.is_fresh() else options.open_database(create=True)
    base, experiment, before = _base(options, there, wanted.base)
    if wanted.space is not None:
        space = Space.load(wanted.space)
    else:
        space = Space.from_json(before.space) if before else reference_space()
    if before and wanted.first is not None:
        raise RequestError(f"{experiment} has begun already: --first is for a new search.")
    if before:
        first, num_trials, sampler, pruner = before.first, before.num_trials, before.sampler, before.pruner
        at_least = before.at_least
    else:
        first = _first(wanted, space)
        num_trials, sampler, pruner, at_least = DEFAULT_TRIALS, "tpe", "percentile", {}
    spec = SearchSpec(
        base=base,
        space=space,
        num_trials=num_trials if wanted.num_trials is None else wanted.num_trials,
        sampler=wanted.sampler or sampler,
        pruner=wanted.pruner or pruner,
        at_least=dict(map(_at_least, wanted.at_least)) or at_least,
        first=first,
    )
    check_device(base.device)
    fetch(catalog.dataset(base.dataset), data_dir)
    engine.search.check(there, experiment, spec, data_dir=data_dir)
    database = there or options.open_database(create=True)
    warn(database)
    engine.search.start(database, experiment, spec, data_dir=data_dir)
    return database, experiment


def _base(options: Options, database: Database | None, wanted: Wanted) -> tuple[RunSpec, str, Search | None]:
    """What every run of the search has in common, the experiment, and the search that it has already.

    Raises:
        RequestError: a part of it is not known, or is not what the search that goes on has.
    """
    experiment = wanted.experiment
    before = engine.search.find(database, experiment) if database is not None and experiment is not None else None
    if before is None:
        base, plain = configure(options, dataclasses.replace(wanted, kind=wanted.kind or DEFAULT_KIND))
        experiment = experiment or f"{plain}-search"
        before = engine.search.find(database, experiment) if database is not None else None
        if before is None:
            return base, experiment, None
    assert experiment is not None
    frozen = catalog.read_spec(before[0].spec)
    if wanted.kind and wanted.kind != frozen.kind:
        raise RequestError(f"{experiment} searches {frozen.kind}, not {wanted.kind}: take another name with --name.")
    asked = as_wanted(frozen, wanted)
    if catalog.dataset(asked.dataset).name != asked.dataset:
        asked = dataclasses.replace(asked, dataset=str(Path(asked.dataset).expanduser().absolute()))
    if asked != frozen:
        raise RequestError(
            f"{experiment} began with other settings, and the runs of a search must compare: "
            "take another name with --name."
        )
    return frozen, experiment, before[0]


def _first(wanted: WantedSearch, space: Space) -> Sequence[Mapping[str, Any]]:
    """Raises RequestError: there are not so many, the file cannot be read, or they lie outside the space."""
    if wanted.first is not None and not (wanted.first.isdecimal() and len(wanted.first) < 10):
        return load(Path(wanted.first), space)
    if wanted.space is not None:
        if wanted.first not in (None, "0"):
            raise RequestError(f"--first {wanted.first}: ours lie in the reference's space; name a file with your own.")
        return ()
    ours = hand_picked(space)
    number = len(ours) if wanted.first is None else int(wanted.first)
    if number > len(ours):
        raise RequestError(f"--first {number} is more than there are: take at most {len(ours)}, or name a file.")
    return ours[:number]


def _at_least(text: str) -> tuple[str, int]:
    key, value = key_and_value("--at-least", text)
    return key, convert(f"--at-least {key}", value, int)


class _FollowedSearch:
    """Runs come as workers begin them; it is over when enough are complete, or when it was stopped and none runs."""

    says_on_stop = "Pausing the search and its runs, which go on where they were; Ctrl-C once more kills."

    def __init__(self, database: Database, experiment: str) -> None:
        self._database, self._experiment, self._pace = database, experiment, Pace()
        self._progress = engine.search.progress(database, experiment)

    def runs(self) -> list[Run]:
        # The search first: runs that it counted are then certain to be listed.
        self._progress = engine.search.progress(self._database, self._experiment)
        return listing.runs(self._database, self._experiment)

    def is_over(self, runs: Sequence[Run]) -> bool:
        is_off = not self._progress.is_on and all(run.state.is_finished or run.state in _ASIDE for run in runs)
        return self._progress.is_over or is_off

    def stop(self, runs: Sequence[Run]) -> None:
        # Asked at every look: a storage that workers write to is left alone once it knows.
        if self._progress.is_on or any(run.request is None for run in runs):
            engine.search.stop(self._database, self._experiment)

    def overall(self, runs: Sequence[Run]) -> tuple[int, int, str]:
        found = self._progress
        says = [f"{found.num_pruned} pruned"]
        if found.num_failed:
            says.append(f"{found.num_failed} failed")
        if found.best is not None:
            says.append(f"best {number_text(found.best.value)} ({found.best.name})")
        if left := self._pace.left(min(1.0, found.num_complete / found.num_trials)):
            says.append(left)
        return found.num_complete, found.num_trials, ", ".join(says)


def _importance(database: Database, experiment: str, method: str) -> Mapping[str, float]:
    try:
        return engine.search.importance(database, experiment, method)
    except RequestError as error:  # too few runs: that is no fault of the request
        note(printable(str(error)))
        return {}


def _as_json(experiment: str, found: SearchProgress, matters: Mapping[str, float]) -> dict[str, Any]:
    return {
        "experiment": experiment,
        "is_over": found.is_over,
        "trials": found.num_trials,
        "complete": found.num_complete,
        "pruned": found.num_pruned,
        "failed": found.num_failed,
        "best": found.best.as_json() if found.best else None,
        "best_by": {
            name: {str(value): run.as_json() for value, run in by_value.items()}
            for name, by_value in found.best_by.items()
        },
        "pruned_runs": [run.as_json() for run in found.pruned],
        "importance": dict(matters),
    }


def _print_found(database: Database, experiment: str, found: SearchProgress, matters: Mapping[str, float]) -> None:
    before = engine.search.find(database, experiment)
    names = [parameter["name"] for parameter in before[0].space] if before else []
    say(
        f"{experiment}: {found.num_complete} of {found.num_trials} complete, {found.num_pruned} pruned, "
        f"{found.num_failed} failed"
    )
    if found.best is not None:
        _print_runs([("best", found.best)], names)
    for name, by_value in found.best_by.items():
        if by_value:
            _print_runs([(f"{name}={value}", run) for value, run in by_value.items()], names)
    if found.pruned:
        print()
        print_table(
            ("pruned", "epoch", "value", "why"),
            [
                (str(run.name), f"{run.epoch}/{run.epochs}", number_text(run.last_value), run.reason or "")
                for run in found.pruned
            ],
            right=("epoch", "value"),
        )
    if matters:
        print()
        print_table(
            ("setting", "importance"),
            [(name, f"{100 * share:.1f} %") for name, share in matters.items()],
            right=("importance",),
        )


def _print_runs(rows: Sequence[tuple[str, Run]], names: Sequence[str]) -> None:
    print()
    print_table(
        ("", "run", "value", *names),
        [
            (label, str(run.name), number_text(run.value), *(_setting_text(run.params.get(name)) for name in names))
            for label, run in rows
        ],
        right=("value", *names),
    )


def _setting_text(value: Any) -> str:
    return number_text(value) if isinstance(value, float) else "-" if value is None else str(value)
