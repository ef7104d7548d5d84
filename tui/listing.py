"""All that the storage says, as the screen shows it."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from store.records import Experiment, Run, RunState, Worker

if TYPE_CHECKING:  # they bring SQLAlchemy
    from store.database import Database
    from store.listing_reader import ListingReader


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """``runs`` are those of ``chosen``. ``problem``: why nothing could be read."""

    experiments: tuple[Experiment, ...] = ()
    chosen: str | None = None
    runs: tuple[Run, ...] = ()
    workers: tuple[Worker, ...] = ()
    queue: int = 0
    problem: str = ""


def read_listing(database: "Database", reader: "ListingReader", experiment: str | None) -> Listing:
    """What there is now, with the runs of ``experiment`` (see `ListingReader.read`)."""
    from store.workers import workers

    found, chosen, runs = reader.read(experiment)
    return Listing(
        experiments=tuple(found),
        chosen=chosen,
        runs=runs,
        workers=tuple(replace(worker, heartbeat_age_s=0.0) for worker in workers(database) if worker.alive),
        queue=sum(each.states.get(RunState.WAITING, 0) for each in found),
    )
