"""What has ended since a moment: for who was away, and for who is to be told."""

import datetime
import time
from dataclasses import dataclass
from typing import Self

from sqlalchemy import select

from store import schema
from store.database import Database
from store.names import RunName
from store.records import Run, RunState

KILLED = "killed by the user"
"""The reason of a run that `engine.jobs.kill` ended."""
_STATES = {"COMPLETE": RunState.COMPLETE, "FAIL": RunState.FAILED, "PRUNED": RunState.PRUNED}


@dataclass(frozen=True, kw_only=True, slots=True)
class Ended:
    """A run that has ended at ``at``, in seconds since 1970. ``is_searched``: a search began its experiment."""

    name: RunName
    state: RunState
    value: float | None
    reason: str | None
    at: float
    is_searched: bool

    @classmethod
    def of(cls, run: Run, *, is_searched: bool) -> Self:
        """A run that has ended just now."""
        return cls(
            name=run.name,
            state=run.state,
            value=run.value,
            reason=run.reason,
            at=time.time(),
            is_searched=is_searched,
        )

    @property
    def was_asked_for(self) -> bool:
        """A user ended it."""
        return self.state is RunState.STOPPED or self.reason == KILLED


def ended_since(database: Database, moment: float, *, limit: int = 1000) -> list[Ended]:
    """The newest ``limit`` runs that ended at ``moment`` (seconds since 1970) or later, oldest first."""
    trials, runs, studies, searches = schema.trials, schema.runs, schema.studies, schema.searches
    since = datetime.datetime.fromtimestamp(moment, datetime.UTC).replace(tzinfo=None)
    query = (
        select(
            trials.c.number,
            trials.c.state,
            trials.c.datetime_complete,
            studies.c.study_name,
            runs.c.was_stopped,
            runs.c.reason,
            schema.trial_values.c.value,
            searches.c.is_on,
        )
        .join(runs, runs.c.trial_id == trials.c.trial_id)
        .join(studies, studies.c.study_id == trials.c.study_id)
        .outerjoin(schema.trial_values, schema.trial_values.c.trial_id == trials.c.trial_id)
        .outerjoin(searches, searches.c.study_id == trials.c.study_id)
        .where(trials.c.datetime_complete >= since, runs.c.deleted_at.is_(None), trials.c.state.in_(_STATES))
        .order_by(trials.c.datetime_complete.desc(), trials.c.trial_id.desc())  # MySQL keeps whole seconds
        .limit(limit)
    )
    with database.read() as connection:
        rows = connection.execute(query).all()
    return [
        Ended(
            name=RunName(row.study_name, row.number),
            state=RunState.STOPPED if row.was_stopped else _STATES[row.state],
            value=row.value,
            reason=row.reason,
            at=row.datetime_complete.replace(tzinfo=datetime.UTC).timestamp(),
            is_searched=row.is_on is not None,
        )
        for row in reversed(rows)
    ]


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """Of a run that is not over: whether a worker has it, in which attempt, whether a user asked something of it."""

    is_running: bool
    attempt: int
    is_asked: bool

    def lost_its_worker(self, before: Self) -> bool:
        """It ran ``before``, and now waits or runs under another attempt without anybody having asked for that."""
        is_other = not self.is_running or self.attempt != before.attempt
        return before.is_running and is_other and not (self.is_asked or before.is_asked)


def standings(database: Database) -> dict[RunName, Standing]:
    """Of all runs that were begun and are not over."""
    trials, runs, studies = schema.trials, schema.runs, schema.studies
    query = (
        select(trials.c.number, trials.c.state, studies.c.study_name, runs.c.attempt, runs.c.request)
        .join(runs, runs.c.trial_id == trials.c.trial_id)
        .join(studies, studies.c.study_id == trials.c.study_id)
        .where(trials.c.state.in_(("RUNNING", "WAITING")), runs.c.attempt > 0, runs.c.deleted_at.is_(None))
    )
    with database.read() as connection:
        return {
            RunName(row.study_name, row.number): Standing(
                is_running=row.state == "RUNNING", attempt=row.attempt, is_asked=row.request is not None
            )
            for row in connection.execute(query)
        }
