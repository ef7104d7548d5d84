import json
import multiprocessing
import os
import re
import shutil
import signal
import sqlite3
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest
import sqlalchemy
from optuna.storages._rdb.models import BaseModel

from store import control, listing, migration, queue, schema, searches, workers
from store.database import Database, open_database
from store.errors import RequestError
from store.experiments import ensure_experiment
from store.migration import migrate
from store.migration_target import Target
from store.names import RunName
from store.paths import Root
from store.records import RunState
from store.studies import optuna_storage
from tests.queued import add_run
from tests.servers import fresh_database

OF_THE_STORAGE = {"version_info", "alembic_version", "aetui_schema", "aetui_changes", "aetui_leases", "aetui_workers"}
VALUES = (0.1 + 0.2, float("nan"), float("inf"), float("-inf"), 5e-324, 1.7976931348623157e308, 1 / 3)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All but artifacts: runs in every state, numbers of every kind, an Optuna study of somebody else's."""
    root = Root(tmp_path_factory.mktemp("filled"))
    database = open_database(root, create=True)
    _fill(database)
    database.close()
    return root.database


@pytest.fixture
def source(filled: Path, root: Root) -> Iterator[Database]:
    root.path.mkdir(parents=True)
    shutil.copy(filled, root.database)
    database = open_database(root)
    yield database
    database.close()


@pytest.fixture
def make_address(postgres: str) -> Callable[[], str]:
    """Addresses of empty PostgreSQL databases."""
    return lambda: fresh_database(postgres)


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migration, "BATCH", 3)


def _fill(database: Database) -> None:
    for _ in range(4):
        add_run(database, "one", epochs=len(VALUES))
    add_run(database, "zwei")
    workers.register(database, "w@cpu", "cpu", None)
    claims = [queue.claim(database, "w@cpu", "cpu") for _ in range(3)]
    for claim in filter(None, claims):
        for epoch, value in enumerate(VALUES, 1):
            queue.report(database, claim, epoch, value)
    assert claims[0] is not None
    assert claims[1] is not None
    assert claims[2] is not None
    queue.finish(database, claims[0], "COMPLETE", value=0.1 + 0.2, test={"mse": 1 / 3})
    queue.finish(database, claims[1], "PRUNED", value=float("inf"), was_stopped=True)
    queue.finish(database, claims[2], "FAIL", reason="die Daten „fehlen“ \\ 'x' %s :y\n🙂")
    control.annotate(database, [RunName("one", 0)], add=["gut", "später"], note="naïve ✓")
    control.remove(database, RunName("one", 1))
    workers.unregister(database, "w@cpu")
    search = searches.Search(
        spec={"kind": "cae"}, space=({"name": "lr"},), sampler="tpe", pruner="none", num_trials=3, seed=0
    )
    searches.save(database, ensure_experiment(database, "gesucht", "cae", "digits"), search)
    _add_foreign_study(database)


def _add_foreign_study(database: Database) -> None:
    """Somebody else's, with two objectives, parameters of every kind, and a trial that a heartbeat keeps alive."""
    storage = optuna_storage(database)
    storage.heartbeat_interval = 60
    study = optuna.create_study(study_name="theirs", storage=storage, directions=["minimize", "maximize"])
    with warnings.catch_warnings(action="ignore"):  # heartbeats are meant for what Optuna itself runs
        trial, other = study.ask(), study.ask()
    trial.suggest_float("lr", 1e-5, 1e-1, log=True)
    trial.suggest_int("width", 2, 64)
    trial.suggest_categorical("optimizer", ["adam", "sgd", None])
    storage.set_trial_system_attr(trial._trial_id, "system", {"deep": [1, None]})
    study.tell(trial, [float("-inf"), 0.25])
    storage.record_heartbeat(other._trial_id)
    study.set_user_attr("user", "ü" * 2000)
    storage.remove_session()
    storage.engine.dispose()


def rows(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all tables that a migration carries, as Optuna's own description of its tables reads them."""
    tables = [*BaseModel.metadata.sorted_tables, *schema.own_metadata.sorted_tables]
    with database.read() as connection:
        return {
            table.name: [
                tuple(row) for row in connection.execute(sqlalchemy.select(table).order_by(*table.primary_key))
            ]
            for table in tables
            if table.name not in OF_THE_STORAGE
        }


def said(source: Database, to: str) -> migration.Migrated:
    return migrate(source, Target.read(source, to), lambda done, total, says: None)


def test_a_round_trip_over_postgresql_keeps_every_value(
    source: Database, make_address: Callable[[], str], tmp_path: Path
) -> None:
    before = rows(source)
    assert [name for name, found in before.items() if not found] == ["aetui_artifacts"], "no artifact store is named"
    there = said(source, address := make_address())
    assert {table.name: table.num_rows for table in there.tables} == {name: len(each) for name, each in before.items()}
    postgres = open_database(source.root, address)
    assert rows(postgres) == before
    assert listing.experiments(postgres) == listing.experiments(source)

    back = said(postgres, str(tmp_path / "back again"))
    assert [table.digest for table in back.tables] == [table.digest for table in there.tables]
    again = open_database(Root(tmp_path / "back again"))
    assert rows(again) == before == rows(source)
    dumps = ["\n".join(_plain_dump(each.root.database)) for each in (source, again)]
    assert dumps[0] == dumps[1]
    for database in (postgres, again):
        study = optuna.load_study(study_name="one", storage=optuna_storage(database))
        assert repr(list(study.trials[0].intermediate_values.values())) == repr(list(VALUES))
        assert study.trials[1].value == float("inf")
        _goes_on(database)
        database.close()


def test_a_round_trip_over_mysql_keeps_all_but_parts_of_seconds(source: Database, mysql: str, tmp_path: Path) -> None:
    rounded = {name: [tuple(map(migration._to_seconds, row)) for row in found] for name, found in rows(source).items()}
    there = said(source, address := fresh_database(mysql))
    assert there.has_whole_seconds
    on_mysql = open_database(source.root, address)
    said(on_mysql, str(tmp_path / "back again"))
    again = open_database(Root(tmp_path / "back again"))
    assert rows(again) == rounded
    for database in (on_mysql, again):
        study = optuna.load_study(study_name="one", storage=optuna_storage(database))
        assert repr(list(study.trials[0].intermediate_values.values())) == repr(list(VALUES))
        _goes_on(database)
        database.close()


def _plain_dump(file: Path) -> Iterator[str]:
    """What SQLite holds, bit by bit."""
    with sqlite3.connect(file) as connection:
        for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"):
            if table not in OF_THE_STORAGE | {"trial_heartbeats"}:  # a time that SQLite itself wrote has no dot
                yield from (f"{table}{row!r}" for row in connection.execute(f"SELECT * FROM {table} ORDER BY 1"))


def _goes_on(database: Database) -> None:
    """New experiments, runs, claims, trials of Optuna's: none of them gets a key that is taken."""
    num = len(listing.runs(database, "one"))
    assert add_run(database, "one") == RunName("one", num + 1)  # one of them is deleted
    assert add_run(database, "new") == RunName("new", 0)
    workers.register(database, "after@cpu", "cpu", None)
    claim = queue.claim(database, "after@cpu", "cpu")
    assert claim is not None
    queue.report(database, claim, 1, 0.5)
    queue.finish(database, claim, "COMPLETE", value=0.5, test={"mse": 0.5})
    study = optuna.load_study(study_name="theirs", storage=optuna_storage(database))
    trial = study.ask()
    trial.suggest_float("lr", 1e-5, 1e-1, log=True)
    study.tell(trial, [1.0, 2.0])
    assert trial.number == 2


def test_a_screen_that_shows_the_empty_storage_sees_what_has_come(source: Database, tmp_path: Path) -> None:
    empty = open_database(Root(tmp_path / "there"), create=True)
    before = listing.change_token(empty)
    said(source, str(tmp_path / "there"))
    assert listing.change_token(empty) > before
    assert not empty.is_gone()
    assert rows(empty) == rows(source)
    newest = listing.change_token(empty)
    with empty.read() as connection:
        assert connection.execute(sqlalchemy.select(sqlalchemy.func.max(schema.runs.c.changed))).scalar_one() <= newest
    empty.close()


def test_a_storage_that_holds_something_is_left_alone(
    source: Database, make_address: Callable[[], str], tmp_path: Path
) -> None:
    for storage in (None, make_address()):
        taken = open_database(Root(tmp_path / "taken"), storage, create=True)
        add_run(taken)
        before = rows(taken)
        with pytest.raises(RequestError, match="holds an experiment already"):
            said(source, storage or str(taken.root.path))
        assert rows(taken) == before
        taken.close()
    with pytest.raises(RequestError, match="holds 4 experiments already"):
        said(source, str(source.root.path))
    assert not list(source.root.path.glob(".*migrating"))


def test_a_storage_of_optunas_alone_gets_no_tables_of_ours(source: Database, make_address: Callable[[], str]) -> None:
    address = make_address()
    optuna.create_study(study_name="theirs", storage=address)
    with pytest.raises(RequestError, match="holds an experiment already"):
        said(source, address)
    engine = sqlalchemy.create_engine(address)
    assert not sqlalchemy.inspect(engine).has_table(schema.version.name)
    engine.dispose()


def _be_killed(source: Path, to: str) -> None:
    """Copy until some rows of the third table are there, and be killed."""

    def tell(done: int, total: int, says: str) -> None:
        if says.startswith("trial_user_attributes: copied"):
            os.kill(os.getpid(), signal.SIGKILL)

    database = open_database(Root(source))
    migrate(database, Target.read(database, to), tell)


@pytest.mark.parametrize("is_root", [True, False])
def test_killed_half_way_it_leaves_nothing_that_opens_with_a_half_and_can_begin_again(
    source: Database, make_address: Callable[[], str], tmp_path: Path, is_root: bool
) -> None:
    to = str(tmp_path / "there") if is_root else make_address()
    process = multiprocessing.get_context("fork").Process(target=_be_killed, args=(source.root.path, to))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    target = Target.read(source, to)
    if is_root:
        with pytest.raises(RequestError, match="nothing at"):
            open_database(target.root)
    else:
        half = open_database(target.root, target.storage)
        assert [name for name, found in rows(half).items() if found] == []
        half.close()
    said(source, to)
    whole = open_database(target.root, target.storage)
    assert rows(whole) == rows(source)
    whole.close()
    assert not list(target.root.path.glob(".*migrating"))


def test_interrupted_it_leaves_nothing_at_all(
    source: Database, make_address: Callable[[], str], tmp_path: Path
) -> None:
    def interrupt(done: int, total: int, says: str) -> None:
        if says.startswith("trials: verified"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        migrate(source, Target.read(source, str(tmp_path / "there")), interrupt)
    assert not (tmp_path / "there").exists()
    address = make_address()
    with pytest.raises(KeyboardInterrupt):
        migrate(source, Target.read(source, address), interrupt)
    database = open_database(source.root, address)
    assert listing.experiments(database) == []
    database.close()


def test_a_target_that_gives_other_rows_back_keeps_none(source: Database, tmp_path: Path) -> None:
    there = open_database(Root(tmp_path / "there"), create=True)
    with there.engine.begin() as connection:
        connection.execute(
            sqlalchemy.text(
                "CREATE TRIGGER rounded AFTER INSERT ON trial_params BEGIN UPDATE trial_params "
                "SET param_value = param_value + 1e-15 WHERE param_id = new.param_id; END"
            )
        )
    with pytest.raises(RequestError, match="other rows of trial_params"):
        said(source, str(tmp_path / "there"))
    assert listing.experiments(there) == []
    there.close()


def test_what_the_target_cannot_take_is_one_sentence_and_nothing_is_kept(
    source: Database, make_address: Callable[[], str]
) -> None:
    with source.write() as connection:
        connection.execute(sqlalchemy.update(schema.runs).values(reason="a\x00b"))
    address = make_address()
    with pytest.raises(RequestError, match="nothing of it was kept") as caught:
        said(source, address)
    assert "\n" not in str(caught.value)
    database = open_database(source.root, address)
    assert listing.experiments(database) == []
    database.close()


def test_nothing_is_copied_from_under_a_worker(source: Database, tmp_path: Path) -> None:
    workers.register(source, "here@cpu", "cpu", None)
    with pytest.raises(RequestError, match="worker is alive"):
        said(source, str(tmp_path / "there"))
    claim = queue.claim(source, "here@cpu", "cpu")
    assert claim is not None
    workers.unregister(source, "here@cpu")  # as one that lost its entry, and goes on
    with pytest.raises(RequestError, match="still held"):
        said(source, str(tmp_path / "there"))
    assert not (tmp_path / "there").exists()
    with source.engine.begin() as connection:
        connection.execute(sqlalchemy.update(schema.leases).values(pid_started=0.0))  # its process is another's now
    said(source, str(tmp_path / "there"))
    there = open_database(Root(tmp_path / "there"))
    assert listing.run(there, claim.name).state is RunState.WAITING
    assert workers.workers(there) == []
    there.close()


def test_what_changes_meanwhile_is_not_left_behind(source: Database, tmp_path: Path) -> None:
    def change(done: int, total: int, says: str) -> None:
        if says.startswith("trials: copied"):
            add_run(source, "one")

    with pytest.raises(RequestError, match="was changed while it was copied"):
        migrate(source, Target.read(source, str(tmp_path / "there")), change)
    assert not (tmp_path / "there").exists()


def test_two_at_once_do_not_make_one_file(source: Database, tmp_path: Path) -> None:
    def another(done: int, total: int, says: str) -> None:
        with pytest.raises(RequestError, match="Another `aetui migrate`"):
            said(source, str(tmp_path / "there"))

    migrate(source, Target.read(source, str(tmp_path / "there")), another)
    there = open_database(Root(tmp_path / "there"))
    assert rows(there) == rows(source)
    there.close()


def test_another_root_gets_the_folders_of_the_runs(source: Database, tmp_path: Path) -> None:
    root, there = source.root, Root(tmp_path / "there")
    for folder in (root.run(RunName("one", 0)).folder, root.trashed(RunName("one", 1))):
        (folder / "images").mkdir(parents=True)
        (folder / "images" / "1.npz").write_bytes(os.urandom(1000))
        (folder / "config.json").write_text(json.dumps({"run": folder.name}))
    (there.path / "one" / ".0.migrating").mkdir(parents=True)  # of one that was killed
    shutil.copytree(root.trashed(RunName("one", 1)), there.trashed(RunName("one", 1)))
    there.path.chmod(0o755)
    done = said(source, str(there.path))
    assert there.path.stat().st_mode & 0o777 == 0o755  # as its owner has it
    assert (done.num_folders, done.num_folders_there) == (1, 1)
    for here in (root, there):
        assert sorted(str(path.relative_to(here.path)) for path in here.path.rglob("*.npz")) == [
            ".trash/one/1/images/1.npz",
            "one/0/images/1.npz",
        ]
    copied = open_database(there)
    control.restore(copied, RunName("one", 1))
    config = there.run(RunName("one", 1)).config
    assert json.loads(config.read_text()) == {"run": "1"}
    copied.close()
    assert not list(there.path.rglob("*migrating"))


@pytest.mark.parametrize("has_folder", [True, False])
def test_a_new_root_is_its_owners_alone(source: Database, tmp_path: Path, has_folder: bool) -> None:
    if has_folder:
        source.root.run(RunName("one", 0)).folder.mkdir(parents=True)
    said(source, str(tmp_path / "above" / "there"))
    assert (tmp_path / "above" / "there").stat().st_mode & 0o777 == 0o700


def test_a_folder_of_another_run_stays_as_it_is(source: Database, tmp_path: Path) -> None:
    name = RunName("one", 0)
    for root, text in ((source.root, "ours"), (Root(tmp_path / "there"), "else")):
        root.run(name).folder.mkdir(parents=True)
        root.run(name).log.write_text(text)
    with pytest.raises(RequestError, match="another run"):
        said(source, str(tmp_path / "there"))
    assert [path.name for path in (tmp_path / "there").rglob("*")] == ["one", "0", "log.txt"]
    assert Root(tmp_path / "there").run(name).log.read_text() == "else"


def test_folders_are_not_begun_without_room_for_all(
    source: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source.root.run(RunName("one", 0)).folder.mkdir(parents=True)
    source.root.run(RunName("one", 0)).log.write_text("x" * 1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(1, 1, 999))
    with pytest.raises(RequestError, match="more room"):
        said(source, str(tmp_path / "there"))
    assert not (tmp_path / "there").exists()


def test_the_same_root_takes_its_runs_back_where_they_lie(
    source: Database, make_address: Callable[[], str], tmp_path: Path
) -> None:
    before = rows(source)
    source.root.run(RunName("one", 0)).folder.mkdir(parents=True)
    said(source, address := make_address())
    source.close()
    source.root.database.rename(tmp_path / "old.db")
    postgres = open_database(source.root, address)
    assert said(postgres, str(source.root.path)).num_folders is None
    postgres.close()
    back = open_database(source.root)
    assert rows(back) == before
    back.close()


@pytest.mark.parametrize(
    ("to", "why"),
    [
        ("sqlite://", "names a file and nothing else"),
        ("nonsense://me:hunter2@host/x", "driver"),
        ("postgresql+psycopg://me:hunter2@127.0.0.1:9/x", "cannot be opened"),
        ("@/no/such/file", "/no/such/file"),
        ("{file}", "is a file"),
        ("{file}/below", "cannot be made"),
    ],
)
def test_what_cannot_be_copied_to_is_one_sentence(source: Database, tmp_path: Path, to: str, why: str) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(RequestError, match=re.escape(why)) as caught:
        said(source, to.format(file=file))
    assert "hunter2" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_storage_without_experiments_is_not_copied(tmp_path: Path) -> None:
    empty = open_database(Root(tmp_path / "empty"), create=True)
    with pytest.raises(RequestError, match="nothing to copy"):
        said(empty, str(tmp_path / "there"))
    assert not (tmp_path / "there").exists()
    empty.close()
