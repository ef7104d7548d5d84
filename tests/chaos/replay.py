"""The same runs again, undisturbed: they must end with the same numbers to the last digit."""

from collections.abc import Sequence
from typing import Any

from store import listing
from store.names import RunName
from store.records import Run, RunState
from tests.chaos.calls import Calls
from tests.chaos.ledger import Ledger
from tests.chaos.place import TWIN, Place
from tests.live import curve, weights

_MOST_S = 300.0


def compare(place: Place, ledger: Ledger, num_runs: int) -> int:
    """Train the runs that were begun most often again, on a root of their own; returns how many were compared."""
    database = place.open()
    asked = {name: words for name, words in ledger.acknowledged.items() if words[0] == "run"}
    complete = [run for run in listing.runs(database) if run.state is RunState.COMPLETE and str(run.name) in asked]
    database.close()
    most_disturbed = sorted(complete, key=lambda run: (run.name.experiment != TWIN, -run.attempt))[:num_runs]
    for run in most_disturbed:
        _compare(place, ledger, run, asked[str(run.name)])
    return len(most_disturbed)


def _compare(place: Place, ledger: Ledger, run: Run, words: Sequence[str]) -> None:
    calls = Calls(place, ledger)
    told: list[dict[str, Any]] = []
    call = calls.begin(*words, "--json", accepted=(0,), answered=told.append, follows=True, root=place.quiet_root)
    if calls.wait(call, _MOST_S) != 0 or not told:
        ledger.complain("unsettled", f"{run.name} could not be trained again")
        return
    ours, theirs = place.root.run(run.name), place.quiet_root.run(RunName.parse(told[0]["run"]))
    if (run.value, dict(run.test)) != (told[0]["value"], told[0]["test"]):
        ledger.complain("not the same again", f"{run.name}: {run.value} {run.test}, undisturbed {told[0]['value']}")
    elif curve(ours.metrics) != curve(theirs.metrics):
        ledger.complain("not the same again", f"{run.name}: another curve, at attempt {run.attempt}")
    elif any(weights(mine) != weights(other) for mine, other in ((ours.last, theirs.last), (ours.best, theirs.best))):
        ledger.complain("not the same again", f"{run.name}: other weights, at attempt {run.attempt}")
