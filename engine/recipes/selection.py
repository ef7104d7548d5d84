"""Which configuration a search recommends. Looks at validation errors and settings, and at nothing else.

What is chosen from is a `Candidate`, which has no place for a test figure.
"""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from engine.recipes.steps import Chosen
from store.names import RunName
from store.records import Run, RunState


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A complete run as far as a choice may know it; ``value`` is its validation error."""

    name: RunName
    value: float
    params: Mapping[str, Any]


def candidates(runs: Iterable[Run]) -> list[Candidate]:
    """The complete ``runs`` with a finite validation error, best first (of equals the earlier one)."""
    found = [
        Candidate(name=run.name, value=run.value, params=run.params)
        for run in runs
        if run.state is RunState.COMPLETE and run.value is not None and math.isfinite(run.value)
    ]
    return sorted(found, key=lambda candidate: (candidate.value, candidate.name))


def choose(found: Iterable[Candidate], chosen: Chosen) -> dict[str, Any] | None:
    """The settings that ``chosen`` takes from ``found`` (best first), each configuration counted once.

    None where there are not so many configurations as its rank asks for.
    """
    everything = list(found)
    matching = [one for one in everything if all(one.params.get(key) == value for key, value in chosen.where.items())]
    configurations: dict[str, dict[str, Any]] = {}
    for candidate in matching or everything:
        settings = {key: candidate.params[key] for key in chosen.take if key in candidate.params}
        configurations.setdefault(json.dumps(settings, sort_keys=True), settings)
    ranked = list(configurations.values())
    return ranked[chosen.rank] if chosen.rank < len(ranked) else None
