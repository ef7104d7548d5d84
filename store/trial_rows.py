"""A trial's own rows, written as Optuna writes them."""

import datetime
import json
import math
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, case, delete, insert, select, update

from store import schema


def end_trial(connection: Connection, trial_id: int, state: str, value: float | None) -> None:
    """Write what Optuna writes at the end of a trial."""
    trials, values = schema.trials, schema.trial_values
    now = utc_now()
    # Never before its start, should the clock have been set back since: Optuna's own tools take the difference.
    ended = case((trials.c.datetime_start > now, trials.c.datetime_start), else_=now)
    connection.execute(update(trials).where(trials.c.trial_id == trial_id).values(state=state, datetime_complete=ended))
    if value is not None and not math.isnan(value):
        stored, value_type = as_stored(value)
        connection.execute(delete(values).where(values.c.trial_id == trial_id))
        connection.execute(insert(values).values(trial_id=trial_id, objective=0, value=stored, value_type=value_type))


def add_test(connection: Connection, trial_id: int, figures: Mapping[str, float]) -> None:
    """Add test figures to those that a run has; also as user attributes, for Optuna's dashboard."""
    runs = schema.runs
    before = connection.execute(select(runs.c.test_json).where(runs.c.trial_id == trial_id)).scalar_one()
    merged = {**(json.loads(before) if before else {}), **figures}
    connection.execute(update(runs).where(runs.c.trial_id == trial_id).values(test_json=json.dumps(merged)))
    set_user_attrs(connection, trial_id, {f"test_{key}": figure for key, figure in figures.items()})


def touch(connection: Connection, *trial_ids: int) -> None:
    """Let readers know that the runs have changed, where their own rows stay as they are."""
    values = {"changed": schema.THIS_CHANGE}
    connection.execute(update(schema.runs).where(schema.runs.c.trial_id.in_(trial_ids)).values(values))


def set_user_attrs(connection: Connection, trial_id: int, attrs: Mapping[str, Any]) -> None:
    """Set user attributes of a trial, whatever its state."""
    touch(connection, trial_id)
    table = schema.trial_user_attributes
    connection.execute(delete(table).where(table.c.trial_id == trial_id, table.c.key.in_(list(attrs))))
    rows = [{"trial_id": trial_id, "key": key, "value_json": json.dumps(value)} for key, value in attrs.items()]
    if rows:
        connection.execute(insert(table), rows)


def as_stored(value: float) -> tuple[float | None, str]:
    """A value as Optuna keeps it: a number, or none and a word for what no database column holds."""
    if math.isnan(value):
        return None, "NAN"
    if math.isinf(value):
        return None, "INF_POS" if value > 0 else "INF_NEG"
    return value, "FINITE"


def utc_now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
