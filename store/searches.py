"""Searches: which run comes next is decided here, in one transaction; what it tries is drawn by `store.studies.draw`.

A search has no process of its own. A worker that finds nothing waiting begins the next run of an active search, so a
search goes on for as long as there are workers, and with the next ones that come.
"""

import dataclasses
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from store import leases, queue, schema, trial_rows
from store.database import Database
from store.records import Claim

ORIGIN_ATTRIBUTE = "origin"
HAND_PICKED, FORCED, DRAWN = "hand-picked", "forced", "drawn"
# A search whose runs hardly ever complete (all diverge, say) ends by itself: so many failed and so many begun a trial.
MAX_FAILED_A_TRIAL, MAX_RUNS_A_TRIAL = 2, 20


@dataclass(frozen=True, kw_only=True)
class Search:
    """A search over the settings in ``space`` (as ``engine.space.Space.as_json`` writes it), begun from ``spec``.

    It is over once ``num_trials`` runs are complete, among them ``at_least[NAME]`` for each choice of the setting NAME.
    ``first`` are the hand-picked configurations, tried before any is drawn.
    """

    spec: Mapping[str, Any]
    space: Sequence[Mapping[str, Any]]
    sampler: str
    pruner: str
    num_trials: int
    seed: int
    at_least: Mapping[str, int] = dataclasses.field(default_factory=dict)
    first: Sequence[Mapping[str, Any]] = ()
    data_dir: str | None = None

    def choices(self, name: str) -> Sequence[Any]:
        """The choices of the setting ``name``; none where it has a range or is not in the space."""
        return next((parameter["choices"] for parameter in self.space if parameter["name"] == name), ())


@dataclass(frozen=True, kw_only=True)
class Counts:
    """How far a search is: runs by Optuna's state, and, for each setting of ``at_least``, by its value and state."""

    states: Counter[str]
    values: Mapping[str, Counter[tuple[Any, str]]]
    num_hand_picked: int

    def missing(self, search: Search, *, with_running: bool) -> dict[str, dict[Any, int]]:
        """Complete runs that ``at_least`` still asks for; those that run count as complete ``with_running``."""
        states = ("COMPLETE", "RUNNING", "WAITING") if with_running else ("COMPLETE",)
        found: dict[str, dict[Any, int]] = {}
        for name, least in search.at_least.items():
            have = {
                choice: sum(self.values[name][choice, state] for state in states) for choice in search.choices(name)
            }
            found[name] = {choice: least - number for choice, number in have.items() if number < least}
        return found

    def is_over(self, search: Search) -> bool:
        if self.states["FAIL"] >= MAX_FAILED_A_TRIAL * search.num_trials:
            return True
        if sum(self.states.values()) >= MAX_RUNS_A_TRIAL * search.num_trials:
            return True
        is_enough = self.states["COMPLETE"] >= search.num_trials
        return is_enough and not any(self.missing(search, with_running=False).values())


def save(database: Database, study_id: int, search: Search, *, is_on: bool = True) -> None:
    """Begin a search, or change one that was begun."""
    table = schema.searches
    with database.write() as connection:
        connection.execute(delete(table).where(table.c.study_id == study_id))
        text = json.dumps(dataclasses.asdict(search))
        connection.execute(insert(table).values(study_id=study_id, search_json=text, is_on=is_on))


def find(database: Database, study_id: int) -> tuple[Search, bool] | None:
    """The search of an experiment and whether it is on; None where it has none."""
    table = schema.searches
    with database.read() as connection:
        row = connection.execute(select(table).where(table.c.study_id == study_id)).one_or_none()
    return (_read(row.search_json), row.is_on) if row is not None else None


def switch_off(database: Database, study_id: int) -> None:
    """Begin no more runs; those that run go on."""
    table = schema.searches
    with database.write() as connection:
        connection.execute(update(table).where(table.c.study_id == study_id).values(is_on=False))


def end_if_over(database: Database, study_id: int) -> bool:
    """Switch the search of an experiment off if nothing is missing any more; True for the one who did that."""
    found = find(database, study_id)
    if found is None or not found[1]:
        return False
    table = schema.searches
    with database.write() as connection:
        queue.lock_study(connection, study_id)
        if not _count(connection, study_id, found[0]).is_over(found[0]):
            return False
        ended = connection.execute(update(table).where(table.c.study_id == study_id, table.c.is_on).values(is_on=False))
        return ended.rowcount == 1


def names_on(database: Database) -> set[str]:
    """The experiments whose searches are on."""
    studies, table = schema.studies, schema.searches
    query = select(studies.c.study_name).join(table, table.c.study_id == studies.c.study_id).where(table.c.is_on)
    with database.read() as connection:
        return set(connection.execute(query).scalars())


def is_over(database: Database, study_id: int) -> bool:
    """Whether the experiment's search, where it has one, has found all that it wanted."""
    found = find(database, study_id)
    return found is not None and count(database, study_id, found[0]).is_over(found[0])


def count(database: Database, study_id: int, search: Search) -> Counts:
    with database.read() as connection:
        return _count(connection, study_id, search)


def num_wanted(database: Database) -> int:
    """Runs that active searches would begin now, were there workers."""
    wanted = 0
    for study_id, search in _active(database):
        counts = count(database, study_id, search)
        if not counts.is_over(search):
            under_way = sum(counts.states[state] for state in ("COMPLETE", "RUNNING", "WAITING"))
            forced = sum(sum(missing.values()) for missing in counts.missing(search, with_running=True).values())
            wanted += max(search.num_trials - under_way, forced, 0)
    return wanted


def begin_run(database: Database, worker_id: str, device: str) -> Claim | None:
    """Begin the next run of the first active search that wants one, as this worker's; None where none does."""
    for study_id, search in _active(database):
        if search.spec["device"] not in queue.fitting(device):
            continue
        with database.write() as connection:
            queue.lock_study(connection, study_id)
            counts = _count(connection, study_id, search)
            if counts.is_over(search):
                table = schema.searches
                connection.execute(update(table).where(table.c.study_id == study_id).values(is_on=False))
                continue
            choice = _next(search, counts)
            if choice is None:
                continue
            origin, fixed = choice
            trial_id, _ = queue.insert_run(
                connection,
                study_id,
                search.spec,
                device=search.spec["device"],
                epochs=search.spec["epochs"],
                data_dir=search.data_dir,
                is_drawn=False,
            )
            trial_rows.set_user_attrs(connection, trial_id, {ORIGIN_ATTRIBUTE: origin})
            if fixed:  # where Optuna's own enqueue_trial keeps them
                attributes = {"trial_id": trial_id, "key": "fixed_params", "value_json": json.dumps(dict(fixed))}
                connection.execute(insert(schema.trial_system_attributes).values(**attributes))
            return queue.take(connection, trial_id, worker_id, "cpu" if search.spec["device"] == "cpu" else device)
    return None


def set_drawn(database: Database, claim: Claim, spec: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
    """Freeze what was drawn for a run: its whole configuration, and ``settings`` as user attributes.

    Raises:
        LeaseLost: the run is no longer this attempt's.
    """
    runs = schema.runs
    with database.write() as connection:
        leases.fence(connection, claim)
        connection.execute(
            update(runs)
            .where(runs.c.trial_id == claim.trial_id)
            .values(spec_json=json.dumps(dict(spec)), is_drawn=True)
        )
        trial_rows.set_user_attrs(connection, claim.trial_id, settings)


def standing(database: Database, claim: Claim, epoch: int, value: float) -> tuple[int, int]:
    """The place of ``value`` among all that the experiment's runs reported after ``epoch``, and how many they are."""
    values, trials = schema.trial_intermediate_values, schema.trials
    query = (
        select(values.c.intermediate_value)
        .join(trials, trials.c.trial_id == values.c.trial_id)
        .where(trials.c.study_id == claim.study_id, values.c.step == epoch, values.c.trial_id != claim.trial_id)
    )
    with database.read() as connection:
        others = [other for other in connection.execute(query).scalars() if other is not None]
    return 1 + sum(other < value for other in others), 1 + len(others)


def _active(database: Database) -> list[tuple[int, Search]]:
    table = schema.searches
    with database.read() as connection:
        rows = connection.execute(select(table).where(table.c.is_on).order_by(table.c.study_id)).all()
    return [(row.study_id, _read(row.search_json)) for row in rows]


def _read(text: str) -> Search:
    return Search(**json.loads(text))


def _count(connection: Connection, study_id: int, search: Search) -> Counts:
    trials, runs, attributes = schema.trials, schema.runs, schema.trial_user_attributes
    present = (trials.c.study_id == study_id, runs.c.deleted_at.is_(None))
    states = Counter(
        connection.execute(
            select(trials.c.state).join(runs, runs.c.trial_id == trials.c.trial_id).where(*present)
        ).scalars()
    )
    values: dict[str, Counter[tuple[Any, str]]] = {name: Counter() for name in search.at_least}
    query = (
        select(attributes.c.key, attributes.c.value_json, trials.c.state)
        .join(trials, trials.c.trial_id == attributes.c.trial_id)
        .join(runs, runs.c.trial_id == trials.c.trial_id)
        .where(*present, attributes.c.key.in_([*search.at_least, ORIGIN_ATTRIBUTE]))
    )
    num_hand_picked = 0
    for key, value_json, state in connection.execute(query):
        value = json.loads(value_json)
        if key in values:
            values[key][value, state] += 1
        elif value == HAND_PICKED:
            num_hand_picked += 1
    return Counts(states=states, values=values, num_hand_picked=num_hand_picked)


def _next(search: Search, counts: Counts) -> tuple[str, Mapping[str, Any]] | None:
    """Where the next run comes from, and which of its settings are given; None where those that run may be enough."""
    if counts.num_hand_picked < len(search.first):
        return HAND_PICKED, search.first[counts.num_hand_picked]
    missing = counts.missing(search, with_running=True)
    num_missing = max((sum(of_one.values()) for of_one in missing.values()), default=0)
    under_way = sum(counts.states[state] for state in ("COMPLETE", "RUNNING", "WAITING"))
    if num_missing and num_missing >= search.num_trials - under_way:
        # Only as many are left as are owed: each setting gets the value that lacks most.
        return FORCED, {name: max(of_one, key=of_one.__getitem__) for name, of_one in missing.items() if of_one}
    return (DRAWN, {}) if counts.states["COMPLETE"] < search.num_trials else None
