"""Runs that cannot come to a good end: each must be failed, with its reason, and not tried for ever."""

from store.records import Run, RunState
from tests.chaos.ledger import Ledger

_GIVEN_UP = "died 3 times"  # whose worker is killed each time is given up before its own end comes
# Every step multiplies the weights by about -1000.
_WILD = ("optimizer=sgd", "lr=100", "weight_decay=10", "schedule=constant", "batch_size=10")
PREFIX = "doomed-"
KINDS: dict[str, tuple[str, tuple[str, ...], str]] = {
    "diverging": ("cae", tuple(f"--set={setting}" for setting in _WILD), "loss became"),
    "deadly": ("deadly", (), _GIVEN_UP),
    "crowded": ("crowded", (), "out of memory"),
}
"""By what they suffer from: their kind of model, settings beside the usual ones, and what their reason must say."""


def check(ledger: Ledger, runs: list[Run]) -> None:
    for run in runs:
        what = run.name.experiment.removeprefix(PREFIX)
        if what == run.name.experiment:
            continue
        reason = run.reason or ""
        if run.state is RunState.COMPLETE:
            ledger.complain("not noticed", f"{run.name} is complete")
        elif run.state is RunState.FAILED and not any(why in reason for why in (KINDS[what][2], _GIVEN_UP)):
            ledger.complain("not noticed", f"{run.name} has failed because of this: {reason!r}")
