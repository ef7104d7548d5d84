"""One storm on one root, from its first command to the counts at its end."""

import time
from pathlib import Path

from store import listing
from tests.chaos.checks import check
from tests.chaos.disk import Disk
from tests.chaos.ledger import Ledger
from tests.chaos.outages import Outages
from tests.chaos.place import Place
from tests.chaos.replay import compare
from tests.chaos.storm import Storm
from tests.postgres import Server
from tests.servers import fresh_database

_SHARE_OF_STORM = 0.7  # the rest of the time is for settling and for training again
_NUM_COMPARED = 3
_MUST_BE_NONE = (
    *("lost", "doubled", "values lost", "epochs wrong", "files torn", "leftovers", "unsettled", "not the same again"),
    *("not noticed", "commands broken", "screens broken", "workers broken"),
)


def play(folder: Path, seed: int, minutes: float, server: Server | None = None) -> Ledger:
    """Storm, calm, and all checks; prints the counts. The storage is SQLite, or a database on ``server``."""
    storage = None if server is None else fresh_database(server.address)
    place, ledger = Place.make(folder / "chaos", storage), Ledger()
    with Disk(place.root.path.parent) as disk:
        if not disk.is_here:
            print("nothing can be mounted here (root may): the disk is never full, and never only to be read")
        _play(place, disk, Outages(server), seed, minutes, ledger)
    return ledger


def _play(place: Place, disk: Disk, outages: Outages, seed: int, minutes: float, ledger: Ledger) -> None:
    began = time.monotonic()
    storm = Storm(place, disk, outages, seed, ledger)
    try:
        storm.rage(60 * minutes * _SHARE_OF_STORM)
        _tell_time("storm", began)
        storm.settle()
        _tell_time("calm", began)
        check(place, ledger)
        num_compared = compare(place, ledger, _NUM_COMPARED)
        _tell_time("checks", began)
    finally:
        storm.end()
    _tell(place, ledger, num_compared)


def _tell_time(what: str, began: float) -> None:
    print(f"{what:<8} over after {time.monotonic() - began:4.0f} s", flush=True)


def _tell(place: Place, ledger: Ledger, num_compared: int) -> None:
    database = place.open()
    runs = listing.runs(database, deleted=True)
    database.close()
    states: dict[str, int] = {}
    for run in runs:
        states[str(run.state)] = states.get(str(run.state), 0) + 1
    _tell_counts("commands", dict(ledger.commands))
    _tell_counts("faults", dict(ledger.faults))
    _tell_counts("runs", {"started": sum(run.attempt > 0 for run in runs), **states})
    print(f"  {sum(run.attempt for run in runs)} attempts, {num_compared} runs trained again undisturbed")
    if ledger.left_behind:
        print(f"  {len(ledger.left_behind)} left behind: {', '.join(ledger.left_behind)}")
    print("must be none")
    for kind in _MUST_BE_NONE:
        told = ledger.wrong.get(kind, [])
        print(f"  {len(told):4} {kind}")
        for each in told:
            print(f"       {each}")


def _tell_counts(what: str, counts: dict[str, int]) -> None:
    print(f"{sum(counts.values())} {what}" if what != "runs" else what)
    for name, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        print(f"  {count:4} {name}")
