"""What an export is made of: which runs, with what they were made, and by which code it was drawn."""

import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from engine import provenance
from store.database import Database
from store.json_file import read_object
from store.names import RunName

if TYPE_CHECKING:  # they bring matplotlib
    from engine.export.figures.made import Made
    from engine.export.report import Missing


def describe(
    database: Database,
    *,
    figures: Mapping[str, "Made"],
    missing: Sequence["Missing"],
    made_at: float,
) -> dict[str, Any]:
    """Everything but the files, which stand in it once they are in place. ``made_at``: Unix seconds."""
    runs = {name for made in figures.values() for name in made.runs}
    return {
        "made": datetime.fromtimestamp(made_at, UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "versions": provenance.versions(),
        "git_commit": provenance.git_commit(),
        "figures": {
            name: {"caption": made.caption, "runs": [str(run) for run in made.runs]} for name, made in figures.items()
        },
        "runs": {str(name): _of_run(database, name) for name in sorted(runs)},
        "missing": [asdict(each) for each in missing],
    }


def _of_run(database: Database, name: RunName) -> dict[str, Any]:
    """From what the run itself kept; empty where that is gone."""
    kept = read_object(database.root.run(name).config)
    if not kept:
        return {}
    spec = kept.get("spec")
    return {
        "seed": spec.get("seed") if isinstance(spec, dict) else None,
        "git_commit": kept.get("git_commit"),
        "versions": kept.get("versions"),
        "device": kept.get("device"),
        "spec": spec,
    }
