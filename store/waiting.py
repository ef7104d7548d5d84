"""The order of the queue: what waits, first to be begun first, and moving runs within it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, Select, select, update

from store import schema
from store.database import Database
from store.errors import RequestError
from store.names import RunName
from store.records import Request

Place = Literal["first", "last", "up", "down"]
_LEAST_GAP = 1e-6  # between two positions; closer than that, all are numbered anew


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiting:
    """A run that waits; one with a ``request`` (held, paused) is passed by until it is resumed."""

    name: RunName
    kind: str
    dataset: str
    device: str
    epoch: int
    epochs: int
    request: Request | None

    def as_json(self) -> dict[str, Any]:
        return {
            "run": str(self.name),
            "kind": self.kind,
            "dataset": self.dataset,
            "device": self.device,
            "epoch": self.epoch,
            "epochs": self.epochs,
            "request": self.request and str(self.request),
        }


def waiting(database: Database) -> list[Waiting]:
    """All that wait, of every experiment, in the order in which workers take them."""
    with database.read() as connection:
        rows = connection.execute(_query()).all()
    found = []
    for row in rows:
        spec = json.loads(row.spec_json)
        found.append(
            Waiting(
                name=RunName(row.study_name, row.number),
                kind=spec["kind"],
                dataset=spec["dataset"],
                device=row.device,
                epoch=row.epoch,
                epochs=row.epochs,
                request=Request(row.request) if row.request else None,
            )
        )
    return found


def move(database: Database, names: Sequence[RunName], place: Place) -> None:
    """Put runs first or last, or one place up or down, as a block in the order they have in the queue.

    Raises:
        RequestError: one of them does not wait; nothing is moved then.
    """
    with database.write() as connection:
        rows = connection.execute(_query()).all()
        there = {RunName(row.study_name, row.number): row for row in rows}
        for name in names:
            if name not in there:
                raise RequestError(f"{name} does not wait: only what waits has a place in the queue.")
        moved = [row for name, row in there.items() if name in names]
        rest = [row for name, row in there.items() if name not in names]
        before = [row.trial_id for row in rows]
        at = {
            "first": 0,
            "last": len(rest),
            "up": max(0, before.index(moved[0].trial_id) - 1),
            "down": min(len(rest), before.index(moved[-1].trial_id) - len(moved) + 2),
        }[place]
        _place(connection, rest[:at], moved, rest[at:])


def _place(connection: Connection, before: Sequence[Any], moved: Sequence[Any], after: Sequence[Any]) -> None:
    low = before[-1].position if before else after[0].position - len(moved) - 1 if after else 0.0
    high = after[0].position if after else low + len(moved) + 1
    gap = (high - low) / (len(moved) + 1)
    if gap < _LEAST_GAP:
        first = min(row.position for row in (*before, *moved, *after))
        everything = (*before, *moved, *after)
        positions = {row.trial_id: first + number for number, row in enumerate(everything)}
    else:
        positions = {row.trial_id: low + gap * number for number, row in enumerate(moved, 1)}
    for trial_id, position in positions.items():
        connection.execute(update(schema.runs).where(schema.runs.c.trial_id == trial_id).values(position=position))


def _query() -> Select[Any]:
    trials, runs, studies = schema.trials, schema.runs, schema.studies
    return (
        select(
            trials.c.trial_id,
            trials.c.number,
            studies.c.study_name,
            runs.c.spec_json,
            runs.c.device,
            runs.c.epoch,
            runs.c.epochs,
            runs.c.request,
            runs.c.position,
        )
        .join(runs, runs.c.trial_id == trials.c.trial_id)
        .join(studies, studies.c.study_id == trials.c.study_id)
        .where(trials.c.state == "WAITING", runs.c.deleted_at.is_(None))
        .order_by(runs.c.position, trials.c.trial_id)
    )
