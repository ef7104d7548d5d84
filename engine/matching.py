"""Which run of an experiment has a configuration: so that no configuration is trained twice."""

import dataclasses
import json
from collections.abc import Iterable

from engine import catalog
from engine.spec import RunSpec
from store import listing
from store.database import Database
from store.names import RunName
from store.records import Run, RunState

ENDED_EARLY = (RunState.STOPPED, RunState.PRUNED, RunState.FAILED)


def configuration(spec: RunSpec) -> str:
    """What two runs of one experiment must share to be the same run (an experiment has one data set)."""
    described = spec.as_json()
    del described["dataset"]
    return json.dumps(described, sort_keys=True)


def runs_by_configuration(database: Database, runs: Iterable[Run]) -> dict[str, Run]:
    """Of each configuration the run that counts: a complete one, else one on its way, else the last that ended early.

    A run that goes on from one of its own kind counts as that one.
    """
    found = {}
    for run in sorted(runs, key=lambda run: (_rank(run), run.name.number)):
        found[configuration(first_spec(database, run.name))] = run
    return found


def first_spec(database: Database, name: RunName) -> RunSpec:
    """The configuration of a run as it was trained from its beginning, before it was ever stopped."""
    spec = catalog.read_spec(listing.frozen(database, name).spec)
    while spec.start_from is not None:
        before = catalog.read_spec(listing.frozen(database, RunName.parse(spec.start_from)).spec)
        if before.kind != spec.kind:
            break  # an encoder that was taken over belongs to the configuration
        spec = dataclasses.replace(spec, start_from=before.start_from)
    return spec


def _rank(run: Run) -> int:
    return 2 if run.state is RunState.COMPLETE else int(not run.state.is_finished)
