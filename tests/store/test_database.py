import multiprocessing
import socket
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy

from store import backend, queue, schema, workers
from store.backend import connect, storage_url
from store.database import Database, open_database
from store.errors import RequestError
from store.experiments import ensure_experiment
from store.listing import experiments
from store.listing_reader import ListingReader
from store.paths import Root
from store.records import RunState
from tests.queued import add_run


def _begin(path: Path, barrier: "multiprocessing.synchronize.Barrier", results: "multiprocessing.Queue[str]") -> None:
    barrier.wait()
    try:
        database = open_database(Root(path), create=True)
        ensure_experiment(database, "same", "cae", "digits")
        results.put("ok")
    except Exception as error:
        results.put(repr(error))


def test_many_processes_on_a_fresh_root_all_come_up_with_one_experiment(root: Root) -> None:
    context = multiprocessing.get_context("spawn")
    barrier, results = context.Barrier(6), context.Queue()
    processes = [context.Process(target=_begin, args=(root.path, barrier, results)) for _ in range(6)]
    for process in processes:
        process.start()
    assert [results.get(timeout=110) for _ in processes] == ["ok"] * 6
    for process in processes:
        process.join()
    assert [found.experiment for found in experiments(open_database(root))] == ["same"]


def test_sqlite_is_in_wal_mode_and_only_its_owner_reads_the_root(root: Root) -> None:
    open_database(root, create=True).close()
    with sqlite3.connect(root.database) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert root.path.stat().st_mode & 0o077 == 0


def test_looking_at_an_absent_root_makes_nothing(root: Root) -> None:
    with pytest.raises(RequestError, match="aetui demo"):
        open_database(root)
    assert not root.path.exists()


def test_a_file_that_is_no_database_is_named_and_left_alone(root: Root) -> None:
    root.path.mkdir(parents=True)
    root.database.write_text("not a database, but long enough to be read as one" * 100)
    before = root.database.read_bytes()
    with pytest.raises(RequestError, match="cannot be opened"):
        open_database(root, create=True)
    assert root.database.read_bytes() == before


def test_a_plain_optuna_file_gets_our_tables_beside_its_own(root: Root) -> None:
    import optuna

    root.path.mkdir(parents=True)
    optuna.create_study(study_name="theirs", storage=f"sqlite:///{root.database}")
    database = open_database(root, create=True)
    assert experiments(database) == []
    with pytest.raises(RequestError, match="did not make"):
        ensure_experiment(database, "theirs", "cae", "digits")


@pytest.mark.parametrize(
    "address",
    [
        "postgresql+psycopg://me:hunter2@127.0.0.1:9/none",
        "nonsense+driver://me:hunter2@host/x",
        "me:hunter2@",
        "postgresql+psycopg://me:hunter2@host:hunter2/x",
        "postgresql+psycopg://me:hun@ter2:hunter2@127.0.0.1:9/none",
        "postgresql+psycopg://127.0.0.1:9/none?user=me&password=hunter2",
        "postgresql+psycopg://127.0.0.1:9/none?token=hunter2",
        "postgresql+psycopg://127.0.0.1:9/none?options=-c%20role=hunter2",
        "mysql+pymysql://me:hunter2@127.0.0.1:9/none?sslmode=require",
        "sqlite:////none.db?key=hunter2",
    ],
)
def test_a_storage_that_does_not_answer_is_one_sentence_without_its_password(root: Root, address: str) -> None:
    with pytest.raises(RequestError) as caught:
        open_database(root, address, create=True)
    assert "ter2" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("driver", "setting"), [("psycopg", "connect_timeout"), ("pymysql", "read_timeout")])
def test_a_server_that_says_nothing_is_not_waited_for(
    root: Root, monkeypatch: pytest.MonkeyPatch, driver: str, setting: str
) -> None:
    pytest.importorskip(driver)
    assert backend.PATIENCE[driver][setting] <= 90
    monkeypatch.setitem(backend.PATIENCE, driver, {setting: 2})
    with socket.create_server(("127.0.0.1", 0)) as silent:
        scheme = {"psycopg": "postgresql+psycopg", "pymysql": "mysql+pymysql"}[driver]
        with pytest.raises(RequestError, match="cannot be opened"):
            open_database(root, f"{scheme}://me@127.0.0.1:{silent.getsockname()[1]}/x")


@pytest.mark.parametrize("address", ["sqlite://", "sqlite:///", "sqlite:///:memory:", "sqlite+aiosqlite:////x.db"])
def test_a_sqlite_address_names_a_file(root: Root, address: str) -> None:
    with pytest.raises(RequestError, match="names a file and nothing else"):
        open_database(root, address, create=True)
    assert not root.path.exists()


def test_a_folder_in_the_database_s_place_is_left_alone(root: Root) -> None:
    root.database.mkdir(parents=True)
    with pytest.raises(RequestError, match="is no file"):
        open_database(root, create=True)
    assert list(root.path.iterdir()) == [root.database]


def test_mariadb_is_taken_for_what_it_is_like(root: Root) -> None:
    assert storage_url(root, "mariadb+pymysql://me@host/x") == storage_url(root, "mysql+pymysql://me@host/x")


def test_an_open_storage_does_not_show_its_password(root: Root) -> None:
    for address in ("postgresql+psycopg://me:hunter2@host/x", "postgresql+psycopg://host/x?user=me&password=hunter2"):
        url = storage_url(root, address)
        database = Database(root, address, url, connect(url), None, None)
        assert "hunter2" not in str(database) + repr(database)


@pytest.mark.parametrize("version", [1, 2])
def test_a_root_of_an_older_version_is_brought_up_to_this_one(
    fresh_storage: str | None, root: Root, version: int
) -> None:
    database = open_database(root, fresh_storage, create=True)
    workers.register(database, worker_id := "here@cpu", "cpu", None)
    name = add_run(database)
    with database.engine.begin() as connection:
        schema.artifacts.drop(connection)
        if version == 1:
            schema.changed_index.drop(connection)
            connection.execute(sqlalchemy.text("ALTER TABLE aetui_runs DROP COLUMN changed"))
        connection.execute(sqlalchemy.update(schema.version).values(version=version))
    with ThreadPoolExecutor(4) as pool:  # two screens and two workers at once
        opened = list(pool.map(lambda _: open_database(root, database.storage), range(4)))
    reader = ListingReader(opened[0])
    assert [run.name for run in reader.read(None)[2]] == [name]
    claim = queue.claim(opened[1], worker_id, "cpu")
    assert claim is not None
    assert reader.read(None)[2][0].state is RunState.RUNNING
    for each in opened:
        each.close()
    open_database(root, database.storage).close()


def test_a_root_of_another_version_is_named_and_left_alone(root: Root) -> None:
    open_database(root, create=True).close()
    with sqlite3.connect(root.database) as connection:
        connection.execute("UPDATE aetui_schema SET version = 99")
    for create in (False, True):
        with pytest.raises(RequestError, match="another version of aetui"):
            open_database(root, create=create)


def test_many_hosts_on_a_fresh_storage_all_come_up_with_one_experiment(
    fresh_storage: str | None, tmp_path: Path
) -> None:
    storage = fresh_storage or f"sqlite:///{tmp_path / 'shared.db'}"
    barrier = threading.Barrier(5)

    def begin(number: int) -> None:  # each has a root of its own, and so no file to lock in common
        barrier.wait()
        database = open_database(Root(tmp_path / str(number)), storage, create=True)
        ensure_experiment(database, "same", "cae", "digits")
        database.close()

    with ThreadPoolExecutor(5) as pool:
        list(pool.map(begin, range(5)))
    assert [found.experiment for found in experiments(open_database(Root(tmp_path / "0"), storage))] == ["same"]
