"""A database whose tables an older Optuna made: told, upgraded on request alone, and after a copy was made."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import alembic.command
import alembic.config
import optuna
import pytest
from optuna.storages import _rdb

from store import listing, schema
from store.database import Database, open_database
from store.errors import OlderStorage, StorageTrouble
from store.paths import Root
from store.upgrade import upgrade
from tests.cli.command_line import CommandLine
from tests.faults.disks import Disk, is_whole, storage_findings
from tests.queued import add_run

OLDER = "v3.0.0.d"  # of Optuna 3.0 and 3.1


def scripts(file: Path) -> alembic.config.Config:
    """Optuna's own, the ones that its releases have brought."""
    folder = Path(_rdb.__file__).parent
    config = alembic.config.Config(folder / "alembic.ini")
    config.set_main_option("script_location", str(folder / "alembic"))
    config.set_main_option("sqlalchemy.url", f"sqlite:///{file}".replace("%", "%%"))
    return config


def form(file: Path) -> str:
    with closing(sqlite3.connect(file)) as connection:
        return str(connection.execute("SELECT version_num FROM alembic_version").fetchone()[0])


@pytest.fixture
def older(database: Database) -> Database:
    """A root of ours with a run, Optuna's tables brought back to the form that they once had: without that index."""
    add_run(database)
    database.close()
    with closing(sqlite3.connect(database.root.database)) as connection:
        connection.execute("DROP INDEX ix_trials_study_id")
        connection.execute("UPDATE alembic_version SET version_num = ?", (OLDER,))
        connection.commit()
    return database


def test_the_form_is_that_of_the_optuna_that_is_here() -> None:
    from alembic.script import ScriptDirectory

    script = ScriptDirectory.from_config(scripts(Path("none")))
    assert script.get_current_head() == schema.OPTUNA_FORM
    before = [each.revision for each in script.walk_revisions()][1:]
    assert sorted(before) == sorted(schema.OLDER_OPTUNA_FORMS)


def test_it_is_told_and_left_alone(older: Database, command_line: Callable[[Path], CommandLine]) -> None:
    before = older.root.database.read_bytes()
    for create in (False, True):
        with pytest.raises(OlderStorage, match="aetui doctor --upgrade-storage"):
            open_database(older.root, create=create)
    aetui = command_line(older.root.path)
    for asked in (("ls",), ("run", "cae", "--dataset", "digits")):
        said = aetui(*asked)
        assert (said.status, said.out, said.err.count("\n")) == (2, "", 1)
        assert "aetui doctor --upgrade-storage" in said.err
    (storage,) = storage_findings(older.root)
    assert storage.verdict == "broken"
    assert "aetui doctor --upgrade-storage" in storage.says
    assert older.root.database.read_bytes() == before
    assert not list(older.root.path.glob("*.backup-*"))


def test_on_request_it_is_copied_and_upgraded(older: Database, command_line: Callable[[Path], CommandLine]) -> None:
    aetui = command_line(older.root.path)
    said = aetui("doctor", "--upgrade-storage", "--json")
    (copy,) = older.root.path.glob("aetui.db.backup-*")
    assert str(copy) in said.err
    (storage,) = (check for check in said.json()["checks"] if check["subject"] == "storage")
    assert (storage["verdict"], schema.OPTUNA_FORM in storage["says"]) == ("ok", True)
    assert (form(copy), form(older.root.database)) == (OLDER, schema.OPTUNA_FORM)
    assert is_whole(copy)
    with closing(open_database(older.root)) as opened:
        assert len(listing.runs(opened)) == 1
        add_run(opened)
    assert upgrade(older.root) is None
    assert list(older.root.path.glob("*.backup-*")) == [copy]


@pytest.mark.parametrize("revision", ["v2.6.0.a", OLDER])
def test_a_study_of_that_time_is_still_there_afterwards(tmp_path: Path, revision: str) -> None:
    root = Root(tmp_path / "runs")
    root.path.mkdir()
    alembic.command.upgrade(scripts(root.database), revision)
    with closing(sqlite3.connect(root.database)) as connection:
        connection.execute("INSERT INTO version_info VALUES (1, 12, '2.10.1')")
        connection.execute("INSERT INTO studies (study_id, study_name) VALUES (1, 'theirs')")
        connection.execute("INSERT INTO study_directions (direction, study_id, objective) VALUES ('MINIMIZE', 1, 0)")
        connection.execute("INSERT INTO trials (trial_id, number, study_id, state) VALUES (1, 0, 1, 'COMPLETE')")
        columns = [row[1] for row in connection.execute("PRAGMA table_info(trial_values)")]
        kinds = (", value_type", ", 'FINITE'") if "value_type" in columns else ("", "")
        connection.execute(
            f"INSERT INTO trial_values (trial_id, objective, value{kinds[0]}) VALUES (1, 0, 0.25{kinds[1]})"
        )
        connection.commit()
    with pytest.raises(OlderStorage):
        open_database(root, create=True)
    assert upgrade(root) is not None
    study = optuna.load_study(study_name="theirs", storage=f"sqlite:///{root.database}")
    assert [trial.value for trial in study.trials] == [0.25]
    with closing(open_database(root, create=True)) as opened:
        assert listing.runs(opened) == []


def test_without_room_for_a_copy_nothing_is_done(older: Database, disk: Disk) -> None:
    shutil.copytree(older.root.path, disk.path / "runs")
    root = Root(disk.path / "runs")
    disk.fill()
    before = root.database.read_bytes()
    with pytest.raises(StorageTrouble, match="no room left"):
        upgrade(root)
    assert root.database.read_bytes() == before
    assert sorted(file.name for file in root.path.glob("*backup*")) == []


def test_a_newer_optunas_is_told(database: Database) -> None:
    database.close()
    with closing(sqlite3.connect(database.root.database)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'v9.0.0.a'")
        connection.commit()
    with pytest.raises(StorageTrouble, match="made by a newer Optuna"):
        open_database(database.root)
