"""A search's part of a worker's life: what to begin next, what to try in it, when to give it up. Free of torch."""

from engine import catalog
from engine.spec import RunSpec
from store import listing, queue, searches
from store.database import Database
from store.names import RunName
from store.records import Claim


def drawn(database: Database, claim: Claim) -> RunSpec:
    """The configuration of a search's run, drawn now that a worker has it, and frozen.

    Raises:
        RequestError: it cannot be drawn.
        LeaseLost: the run is no longer this attempt's.
    """
    from store import studies

    found = searches.find(database, claim.study_id)
    assert found is not None, "a run that is to be drawn has a search"
    search, _ = found
    settings = studies.draw(database, claim, search.space, search.sampler, search.seed)  # type: ignore[arg-type]
    spec = catalog.read_spec(search.spec).with_settings(settings)
    searches.set_drawn(database, claim, spec.as_json(), spec.user_attrs())
    return spec


def judge(database: Database, claim: Claim, epoch: int, value: float) -> str | None:
    """Why the claimed run is to be pruned after ``epoch``, None if it is to go on (or belongs to no search).

    A run that was forced (``at_least``) is not pruned: it is there to be completed. Nor is one that goes on from an
    ended run of the same experiment: somebody wanted it to, and it would be given up once more before it began.
    """
    found = searches.find(database, claim.study_id)
    if found is None or found[0].pruner == "none" or _goes_on(claim):
        return None
    run = listing.run(database, claim.name)
    if run.user_attrs.get(searches.ORIGIN_ATTRIBUTE) == searches.FORCED or epoch >= run.epochs:
        return None
    from store import studies

    if not studies.should_prune(database, claim, found[0].pruner):  # type: ignore[arg-type]  # checked in `start`
        return None
    place, num = searches.standing(database, claim, epoch, value)
    return f"pruned after epoch {epoch} by {found[0].pruner}: error {value:.5g}, place {place} of {num} at that epoch"


def next_claim(database: Database, worker_id: str, device: str) -> Claim | None:
    """What a worker does next: the first waiting run, else a new run of an active search."""
    return queue.claim(database, worker_id, device) or searches.begin_run(database, worker_id, device)


def _goes_on(claim: Claim) -> bool:
    start = claim.spec.get("start_from")
    return start is not None and RunName.parse(start).experiment == claim.name.experiment
