"""The listings for a screen that looks at them twice a second: of 50,000 runs, only those are read that changed."""

import operator
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, bindparam, select

from store import clock, listing, schema
from store.database import Database
from store.records import Experiment, Run, RunState

_NEWEST = 500  # runs that are there at once, in an experiment seen for the first time
_AT_ONCE = 5000  # values in one query
_MOST_KEPT = 60_000  # runs of experiments that are not looked at now

_CHANGED = select(schema.runs.c.trial_id, schema.runs.c.study_id).where(schema.runs.c.changed > bindparam("since"))
_number = operator.attrgetter("name.number")


@dataclass(kw_only=True, slots=True)
class _Known:
    """The runs of one experiment, by number, as they were at the change ``at``."""

    runs: tuple[Run, ...] = ()
    counts: listing.Counts = field(default_factory=listing.Counts)
    places: dict[int, int] = field(default_factory=dict)
    """Trial -> its place in ``runs``."""
    is_whole: bool = False
    at: int = -1


class ListingReader:
    """For one thread. What did not change since the last call is the very same record.

    Of `Run.user_attrs`, those that only repeat settings of the run are left out.

    Attributes:
        is_partial: of the runs read last, only the newest and the live ones are there; the next call has all.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._at = -1
        self._described: list[listing.Description] = []
        self._num_studies = -1
        self._counts: dict[int, listing.Counts] = {}
        self._known: dict[int, _Known] = {}
        self._chosen: int | None = None
        self.is_partial = False

    def read(self, preferred: str | None) -> tuple[list[Experiment], str | None, tuple[Run, ...]]:
        """All experiments by name, the one of them that is looked at, and its runs.

        That is the experiment called ``preferred``; where there is none, the liveliest.
        """
        with self._database.read() as connection:
            at = listing.count_of_changes(connection)  # first: what changes meanwhile is read once more
            if at != self._at:
                self._recount(connection, at)
                self._at = at
            alive, now = listing.leases(connection), clock.now(connection)
            found = [
                each.experiment(self._counts.get(each.study_id, listing.Counts()), alive, now)
                for each in self._described
            ]
            chosen = next((each for each in found if each.experiment == preferred), None) or _liveliest(found)
            self._chosen = chosen.study_id if chosen else None
            if chosen is None:
                return found, None, ()
            return found, chosen.experiment, self._runs(connection, chosen.study_id, at)

    def _recount(self, connection: Connection, at: int) -> None:
        num_studies = listing.num_studies(connection)
        if num_studies != self._num_studies:
            self._described, self._num_studies = listing.describe(connection), num_studies
        if self._at < 0:
            self._counts = listing.count(connection)
            return
        study_ids = set(_changed(connection, self._at).values())
        chosen = self._chosen
        if chosen in study_ids and chosen in self._known and self._known[chosen].is_whole:
            study_ids.remove(chosen)  # its runs are at hand, and tell what became of them
            self._runs(connection, chosen, at)
        for study_id in study_ids:
            self._counts.pop(study_id, None)
        self._counts |= listing.count(connection, sorted(study_ids))

    def _runs(self, connection: Connection, study_id: int, at: int) -> tuple[Run, ...]:
        known = self._known.pop(study_id, None) or _Known()
        self._known[study_id] = known
        others = [study for study in self._known if study != study_id]
        while others and sum(len(self._known[study].runs) for study in others) > _MOST_KEPT:
            del self._known[others.pop(0)]
        running = self._counts[study_id].running if study_id in self._counts else ()
        if not known.is_whole:
            self._read_first(connection, known, study_id, running)
        else:
            # Whether a live run is still heard of, and how long it has taken, changes without its row being written.
            stale = {*running, *known.counts.running}
            if at != known.at:
                changed = _changed(connection, known.at)
                stale |= {trial_id for trial_id, study in changed.items() if study == study_id}
            _take(known, self._of_trials(connection, sorted(stale)))
        self.is_partial = not known.is_whole
        if known.is_whole:
            known.at, self._counts[study_id] = at, known.counts
        return known.runs

    def _read_first(self, connection: Connection, known: _Known, study_id: int, running: Sequence[int]) -> None:
        own, folder = schema.runs, self._database.root.path
        query = listing.runs_query().where(own.c.study_id == study_id, own.c.deleted_at.is_(None))
        if known.runs:
            read = listing.read_runs(connection, query, folder, with_settings=False)
            known.is_whole = True
        else:
            read = listing.read_runs(connection, query, folder, newest=_NEWEST, with_settings=False)
            known.is_whole = len(read) < _NEWEST
            read += self._of_trials(connection, sorted(set(running) - {run.trial_id for run in read}))
        known.runs = tuple(sorted(read, key=_number))
        known.places = {run.trial_id: place for place, run in enumerate(known.runs)}
        known.counts = _counted(known.runs)

    def _of_trials(self, connection: Connection, trial_ids: Sequence[int]) -> list[Run]:
        found: list[Run] = []
        for begin in range(0, len(trial_ids), _AT_ONCE):
            query = listing.runs_query().where(schema.runs.c.trial_id.in_(trial_ids[begin : begin + _AT_ONCE]))
            found += listing.read_runs(connection, query, self._database.root.path, with_settings=False)
        return found


def _changed(connection: Connection, since: int) -> dict[int, int]:
    """The trials that changed after ``since``, and their studies."""
    return {row.trial_id: row.study_id for row in connection.execute(_CHANGED, {"since": since})}


def _counted(runs: Sequence[Run]) -> listing.Counts:
    """As `store.listing.count` does."""
    states = Counter(run.state for run in runs if not run.state.is_live)
    running = tuple(run.trial_id for run in runs if run.state.is_live)
    return listing.Counts(states=states, running=running, best=_best(runs))


def _best(runs: Sequence[Run]) -> float | None:
    return min((run.value for run in runs if run.state is RunState.COMPLETE and run.value is not None), default=None)


def _take(known: _Known, read: list[Run]) -> None:
    """Put runs that were read anew in their places; deleted ones away."""
    befores = [known.runs[known.places[run.trial_id]] if run.trial_id in known.places else None for run in read]
    pairs = [(old, None if new.deleted else new) for old, new in zip(befores, read, strict=True) if old != new]
    runs = list(known.runs)
    for old, new in pairs:
        if old is not None and new is not None:
            runs[known.places[old.trial_id]] = new
    gone = {old.trial_id for old, new in pairs if old is not None and new is None}
    come = [new for old, new in pairs if old is None and new is not None]
    if gone or come:
        runs = sorted((run for run in (*runs, *come) if run.trial_id not in gone), key=_number)
        known.places = {run.trial_id: place for place, run in enumerate(runs)}
    if pairs:
        known.runs = tuple(runs)
        known.counts = _recounted(known, pairs)


def _recounted(known: _Known, pairs: Sequence[tuple[Run | None, Run | None]]) -> listing.Counts:
    """Its counts after runs have become others."""
    states, running, best = dict(known.counts.states), set(known.counts.running), known.counts.best
    for old, new in pairs:
        for run, step in ((old, -1), (new, 1)):
            if run is not None and run.state.is_live:
                running ^= {run.trial_id}
            elif run is not None:
                states[run.state] = states.get(run.state, 0) + step
    values = [new.value for _, new in pairs if new and new.state is RunState.COMPLETE and new.value is not None]
    if any(old is not None and old.value == best for old, _ in pairs):
        best = _best(known.runs)
    elif values:
        best = min([*values, *([] if best is None else [best])])
    states = {state: number for state, number in states.items() if number}
    return listing.Counts(states=states, running=tuple(sorted(running)), best=best)


def _liveliest(experiments: list[Experiment]) -> Experiment | None:
    """Where a screen without a choice of its own begins: something runs, else something waits, else the newest."""

    def liveliness(experiment: Experiment) -> tuple[bool, bool, int]:
        states = [state for state, count in experiment.states.items() if count]
        return any(state.is_live for state in states), RunState.WAITING in states, experiment.study_id

    return max(experiments, key=liveliness, default=None)
