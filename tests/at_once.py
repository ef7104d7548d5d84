"""Two users who ask something of the same run at the same moment: what comes of it is as if one had come first."""

import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass, replace

from engine import jobs
from store import control, listing, queue
from store.database import Database
from store.errors import RequestError
from store.names import RunName
from store.records import Claim
from tests.live import small_spec

ASKS: dict[str, Callable[[Database, RunName], object]] = {
    "stop": control.stop,
    "pause": control.pause,
    "resume": jobs.resume,
    "remove": control.remove,
    "restore": control.restore,
    "kill": lambda database, name: control.fail_live(database, name, "killed"),  # without the signal to its worker
}
BEGINNINGS = ("waiting", "held", "running", "paused", "stopped", "removed")
Together = Callable[[str, str, RunName], tuple[bool, bool]]
"""Asks two things at once; says of each whether it was granted."""
_numbers = itertools.count()


@dataclass(frozen=True)
class Outcome:
    """``state`` and ``request`` as they are told; ``num_runs``: resuming an ended run makes a new one."""

    state: str
    request: str | None
    is_deleted: bool
    has_folder: bool
    is_in_trash: bool
    num_runs: int
    granted: tuple[bool, bool]


def ask(database: Database, what: str, name: RunName) -> bool:
    try:
        ASKS[what](database, name)
    except RequestError:
        return False
    return True


def disagreements(
    database: Database, worker_id: str, together: Together, dice: random.Random, *, num_cases: int, num_times: int
) -> list[str]:
    """Of random pairs of asks, the outcomes that neither order of the two explains, in words."""
    pairs = itertools.combinations_with_replacement(ASKS, 2)
    cases = dice.sample([(beginning, *pair) for pair in pairs for beginning in BEGINNINGS], num_cases)
    found = []
    for beginning, one, other in cases:

        def fresh(beginning: str = beginning) -> RunName:
            return begin(database, worker_id, beginning)

        def in_turn(first: str, second: str, name: RunName) -> tuple[bool, bool]:
            return ask(database, first, name), ask(database, second, name)

        there = outcome(database, name := fresh(), in_turn(one, other, name))
        back = outcome(database, name := fresh(), in_turn(other, one, name))
        expected = {there, replace(back, granted=back.granted[::-1])}
        for _ in range(num_times):
            now = outcome(database, name := fresh(), together(one, other, name))
            if now not in expected:
                found.append(f"{one} and {other} of a {beginning} run: {now}, in turn {expected}")
    return found


def begin(database: Database, worker_id: str, beginning: str) -> RunName:
    """A new run, alone in its experiment, in the state ``beginning``, with a checkpoint that nobody reads."""
    name = jobs.enqueue(database, small_spec(), f"case-{next(_numbers)}")
    paths = database.root.run(name)
    paths.folder.mkdir(parents=True)
    paths.last.write_bytes(b"")
    match beginning:
        case "held":
            control.pause(database, name)
        case "running":
            _take(database, worker_id, name)
        case "paused":
            claim = _take(database, worker_id, name)
            queue.report(database, claim, 1, 0.5)
            control.pause(database, name)
            queue.give_back(database, claim)
        case "stopped":
            control.stop(database, name)
        case "removed":
            control.remove(database, name)
    return name


def _take(database: Database, worker_id: str, name: RunName) -> Claim:
    trial_id = listing.run(database, name).trial_id
    with database.write() as connection:
        claim = queue.take(connection, trial_id, worker_id, "cpu")
    assert claim is not None
    return claim


def outcome(database: Database, name: RunName, granted: tuple[bool, bool]) -> Outcome:
    run = listing.run(database, name)
    return Outcome(
        state=run.state,
        request=run.request,
        is_deleted=run.deleted,
        has_folder=database.root.run(name).last.exists(),
        is_in_trash=(database.root.trashed(name) / database.root.run(name).last.name).exists(),
        num_runs=len(listing.runs(database, name.experiment, deleted=True)),
        granted=granted,
    )
