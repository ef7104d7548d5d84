"""Experiments: Optuna studies with a kind and a data set, made in one transaction."""

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import IntegrityError

from store import schema
from store.database import Database
from store.errors import RequestError
from store.names import check_name

KIND_ATTRIBUTE = "aetui:kind"
DATASET_ATTRIBUTE = "aetui:dataset"
METRIC_NAMES_ATTRIBUTE = "study:metric_names"  # where Optuna keeps what its dashboard prints on an axis


def ensure_experiment(database: Database, name: str, kind: str, dataset: str) -> int:
    """The study id of the experiment ``name``; made with that kind and data set if it is new.

    Raises:
        RequestError: it exists with another kind or data set, or as a study that is not ours.
    """
    check_experiment(database, name, kind, dataset)
    try:
        with database.write() as connection:
            found = _study_id(connection, name)
            return _insert_study(connection, name, kind, dataset) if found is None else found
    except IntegrityError:  # another process was first
        return ensure_experiment(database, name, kind, dataset)


def check_experiment(database: Database, name: str, kind: str, dataset: str) -> None:
    """Raises RequestError: runs of this kind and data set cannot go into the experiment ``name``."""
    check_name(name)
    with database.read() as connection:
        study_id = _study_id(connection, name)
        if study_id is None:
            return
        attributes = study_attributes(connection, study_id)
    if KIND_ATTRIBUTE not in attributes:
        raise RequestError(f"{name!r} is an Optuna study that aetui did not make: take another name with --name.")
    there = (attributes[KIND_ATTRIBUTE], attributes[DATASET_ATTRIBUTE])
    if there != (kind, dataset):
        raise RequestError(
            f"The experiment {name!r} holds {there[0]} runs on {there[1]}, not {kind} on {dataset}: "
            "take another name with --name."
        )


def study_attributes(connection: Connection, study_id: int) -> Mapping[str, Any]:
    """User attributes of a study."""
    table = schema.study_user_attributes
    rows = connection.execute(select(table.c.key, table.c.value_json).where(table.c.study_id == study_id))
    return {key: json.loads(value) for key, value in rows}


def _study_id(connection: Connection, name: str) -> int | None:
    """Raises RequestError: the storage holds one by a name that it cannot tell from this."""
    studies = schema.studies
    found = connection.execute(
        select(studies.c.study_id, studies.c.study_name).where(studies.c.study_name == name)
    ).one_or_none()
    if found is None:
        return None
    if found.study_name != name:  # as MySQL does by default
        raise RequestError(
            f"This storage does not tell {name!r} from {found.study_name!r}, which is there: take another name with "
            "--name."
        )
    return int(found.study_id)


def _insert_study(connection: Connection, name: str, kind: str, dataset: str) -> int:
    result = connection.execute(insert(schema.studies).values(study_name=name))
    study_id = schema.new_key(result)
    connection.execute(insert(schema.study_directions).values(study_id=study_id, direction="MINIMIZE", objective=0))
    for key, value in {KIND_ATTRIBUTE: kind, DATASET_ATTRIBUTE: dataset}.items():
        connection.execute(
            insert(schema.study_user_attributes).values(study_id=study_id, key=key, value_json=json.dumps(value))
        )
    connection.execute(
        insert(schema.study_system_attributes).values(
            study_id=study_id, key=METRIC_NAMES_ATTRIBUTE, value_json=json.dumps(["validation error"])
        )
    )
    return study_id
