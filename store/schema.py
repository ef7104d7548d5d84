"""The tables: those of Optuna 5 that we read and write by plain queries, and our own ``aetui_*`` beside them.

Optuna's are described here, never created: `store.studies` lets Optuna do that. Their form has not changed since
Optuna 3.2; ``pyproject.toml`` bounds the major, and the tests open what we wrote with ``optuna.load_study``.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    CursorResult,
    DateTime,
    Double,
    Enum,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    select,
)

# Times of ours are seconds since 1970 by the database's clock; a single-precision float would round them to minutes.
_SECONDS: Double[float] = Double(asdecimal=False)

OPTUNA_FORM = "v3.2.0.a"
OLDER_OPTUNA_FORMS = (
    "v0.9.0.a", "v1.2.0.a", "v1.3.0.a", "v2.4.0.a", "v2.6.0.a", "v3.0.0.a", "v3.0.0.b", "v3.0.0.c", "v3.0.0.d",
)  # fmt: skip
"""As Alembic names the form of Optuna's tables: that of Optuna 3.2 to 5, and those before it."""

optuna_metadata = MetaData()

optuna_form = Table("alembic_version", optuna_metadata, Column("version_num", String(32), primary_key=True))

studies = Table(
    "studies",
    optuna_metadata,
    Column("study_id", Integer, primary_key=True),
    Column("study_name", String(512), nullable=False),
)
study_user_attributes = Table(
    "study_user_attributes",
    optuna_metadata,
    Column("study_user_attribute_id", Integer, primary_key=True),
    Column("study_id", Integer, ForeignKey("studies.study_id")),
    Column("key", String(512)),
    Column("value_json", Text()),
)
study_system_attributes = Table(
    "study_system_attributes",
    optuna_metadata,
    Column("study_system_attribute_id", Integer, primary_key=True),
    Column("study_id", Integer, ForeignKey("studies.study_id")),
    Column("key", String(512)),
    Column("value_json", Text()),
)
study_directions = Table(
    "study_directions",
    optuna_metadata,
    Column("study_direction_id", Integer, primary_key=True),
    Column("direction", Enum("NOT_SET", "MINIMIZE", "MAXIMIZE", name="studydirection"), nullable=False),
    Column("study_id", Integer, ForeignKey("studies.study_id"), nullable=False),
    Column("objective", Integer, nullable=False),
)
trials = Table(
    "trials",
    optuna_metadata,
    Column("trial_id", Integer, primary_key=True),
    Column("number", Integer),
    Column("study_id", Integer, ForeignKey("studies.study_id")),
    Column("state", Enum("RUNNING", "COMPLETE", "PRUNED", "FAIL", "WAITING", name="trialstate"), nullable=False),
    # Naive UTC in Optuna 5.
    Column("datetime_start", DateTime),
    Column("datetime_complete", DateTime),
)
trial_user_attributes = Table(
    "trial_user_attributes",
    optuna_metadata,
    Column("trial_user_attribute_id", Integer, primary_key=True),
    Column("trial_id", Integer, ForeignKey("trials.trial_id")),
    Column("key", String(512)),
    Column("value_json", Text()),
    UniqueConstraint("trial_id", "key"),
)
trial_system_attributes = Table(
    "trial_system_attributes",
    optuna_metadata,
    Column("trial_system_attribute_id", Integer, primary_key=True),
    Column("trial_id", Integer, ForeignKey("trials.trial_id")),
    Column("key", String(512)),
    Column("value_json", Text()),
)
trial_values = Table(
    "trial_values",
    optuna_metadata,
    Column("trial_value_id", Integer, primary_key=True),
    Column("trial_id", Integer, ForeignKey("trials.trial_id"), nullable=False),
    Column("objective", Integer, nullable=False),
    Column("value", Float(precision=53)),
    Column("value_type", Enum("FINITE", "INF_POS", "INF_NEG", name="trialvaluetype"), nullable=False),
)
trial_intermediate_values = Table(
    "trial_intermediate_values",
    optuna_metadata,
    Column("trial_intermediate_value_id", Integer, primary_key=True),
    Column("trial_id", Integer, ForeignKey("trials.trial_id"), nullable=False),
    Column("step", Integer, nullable=False),
    Column("intermediate_value", Float(precision=53)),
    Column(
        "intermediate_value_type",
        Enum("FINITE", "INF_POS", "INF_NEG", "NAN", name="trialintermediatevaluetype"),
        nullable=False,
    ),
)

own_metadata = MetaData()

# Everything that a screen shows of the storage goes through one of these tables: the row counts every change of
# ours, so that a reader on any backend finds out with one cheap query whether to look again.
changes = Table(
    "aetui_changes",
    own_metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("count", Integer, nullable=False),
)
THIS_CHANGE = select(changes.c.count).where(changes.c.id == 1).scalar_subquery()

runs = Table(
    "aetui_runs",
    own_metadata,
    # One row a trial. No foreign key: Optuna deletes its rows without knowing of ours.
    Column("trial_id", Integer, primary_key=True, autoincrement=False),
    Column("study_id", Integer, nullable=False, index=True),
    Column("spec_json", Text(), nullable=False),
    Column("position", _SECONDS, nullable=False),  # order of the queue, lowest first
    # The run of a search is drawn once a worker has it (`store.studies.draw`); until then this is the search's base.
    Column("is_drawn", Boolean, nullable=False, default=True),
    Column("device", String(32), nullable=False),  # as requested; a worker of another device passes it by
    Column("data_dir", Text()),  # where the data set was found when the run was queued
    Column("epochs", Integer, nullable=False),
    Column("epoch", Integer, nullable=False, default=0),
    Column("last_value", _SECONDS),
    Column("attempt", Integer, nullable=False, default=0),
    Column("tries", Integer, nullable=False, default=0),  # attempts since the last finished epoch
    Column("request", String(8)),
    Column("was_stopped", Boolean, nullable=False, default=False),
    Column("reason", Text()),
    Column("host", String(255)),
    Column("used_device", String(32)),
    Column("duration_s", _SECONDS, nullable=False, default=0.0),  # of ended attempts
    Column("test_json", Text()),
    Column("locked", Boolean, nullable=False, default=False),
    Column("deleted_at", _SECONDS),
    # The change that touched the run last, set by every insert and update: who knows all up to some change reads only
    # what came after it. Transactions that write wait for each other's count, so none becomes visible late.
    Column("changed", Integer, nullable=False, default=THIS_CHANGE, onupdate=THIS_CHANGE, server_default="0"),
)

searches = Table(
    "aetui_searches",
    own_metadata,
    Column("study_id", Integer, primary_key=True, autoincrement=False),
    Column("search_json", Text(), nullable=False),
    Column("is_on", Boolean, nullable=False),
)

leases = Table(
    "aetui_leases",
    own_metadata,
    Column("trial_id", Integer, primary_key=True, autoincrement=False),
    Column("attempt", Integer, nullable=False),
    Column("worker_id", String(64), nullable=False, index=True),
    Column("host", String(255), nullable=False),
    Column("pid", Integer, nullable=False),
    Column("pid_started", _SECONDS, nullable=False),
    Column("claimed_at", _SECONDS, nullable=False),
    Column("heartbeat_at", _SECONDS, nullable=False),
)

workers = Table(
    "aetui_workers",
    own_metadata,
    Column("worker_id", String(64), primary_key=True),
    Column("host", String(255), nullable=False),
    Column("pid", Integer, nullable=False),
    Column("pid_started", _SECONDS, nullable=False),
    Column("device", String(32), nullable=False),
    Column("log", Text()),
    Column("started_at", _SECONDS, nullable=False),
    Column("heartbeat_at", _SECONDS, nullable=False),
)

# Which object of the artifact store holds which file of a run (`store.sharing.ledger`).
artifacts = Table(
    "aetui_artifacts",
    own_metadata,
    Column("trial_id", Integer, primary_key=True, autoincrement=False),
    Column("path", String(255), primary_key=True),
    Column("key", String(512), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("digest", String(64), nullable=False),
)

VERSION = 3
"""Of our own tables; goes up with every change of their form (`store.database` brings older ones up to it)."""

version = Table("aetui_schema", own_metadata, Column("version", Integer, primary_key=True, autoincrement=False))

Index("ix_aetui_runs_deleted", runs.c.study_id, runs.c.deleted_at)
changed_index = Index("ix_aetui_runs_changed", runs.c.changed)


def new_key(result: CursorResult[Any]) -> int:
    """The primary key of the row just inserted."""
    key = result.inserted_primary_key
    assert key is not None
    return int(key[0])
