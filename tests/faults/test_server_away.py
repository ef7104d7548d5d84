"""A database server that crashes and comes back: nobody who works, follows or looks is to fall over it."""

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine import jobs
from engine.patience import Patience
from engine.supervisor import start_supervisor
from store import listing
from store.database import Database, open_database
from store.errors import StorageAway
from store.names import RunName
from store.paths import Root
from store.records import RunState
from store.studies import optuna_storage
from tests.cli.command_line import TINY, CommandLine
from tests.faults.undisturbed import train_undisturbed
from tests.live import end_processes, small_spec, wait_for
from tests.postgres import Server, running
from tests.servers import fresh_database
from tests.tui.terminal import Terminal
from tests.tui.test_screen import shown
from tui.app import AetuiApp

_AWAY_S = 3.0


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running() as server:
        yield server


@pytest.fixture
def storage(server: Server) -> Iterator[str]:
    yield fresh_database(server.address)
    if not server.is_up:
        server.start()


@pytest.fixture
def database(storage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    monkeypatch.setenv("AETUI_IDLE_S", "2")
    opened = open_database(Root(tmp_path / "runs"), storage, create=True)
    yield opened
    opened.close()
    end_processes(opened.root)


def has_begun(database: Database) -> bool:
    return any(run.epoch for run in listing.runs(database))


@pytest.mark.timeout(180)
def test_a_run_trains_on_and_is_as_if_nothing_had_been(database: Database, server: Server, tmp_path: Path) -> None:
    spec = small_spec(epochs=25, train_limit="500")
    undisturbed = train_undisturbed(tmp_path / "undisturbed", spec)
    name = jobs.enqueue(database, spec, "outlasts")
    start_supervisor(database, said=1)
    wait_for(lambda: has_begun(database), "an epoch")
    server.stop()
    time.sleep(_AWAY_S)
    server.start()
    wait_for(lambda: listing.run(database, name).state.is_finished, "the end")
    assert undisturbed.is_end_of(database, name)
    assert listing.run(database, name).attempt == 1, "its worker waited"
    assert "is asked again until it answers" in database.root.run(name).log.read_text()


@pytest.mark.timeout(180)
def test_who_follows_and_the_supervisor_wait_too(
    database: Database, storage: str, server: Server, command_line: Callable[[Path], CommandLine]
) -> None:
    aetui = command_line(database.root.path)
    aetui.environment["AETUI_STORAGE"] = storage
    followed = aetui.start("run", "cae", *TINY, "--epochs", "60", "--set", "patience=0", "--json")
    wait_for(lambda: has_begun(database), "an epoch")
    server.stop()
    refused = aetui("ls")
    assert (refused.status, refused.out, refused.err.count("\n")) == (2, "", 1)
    assert "cannot be opened" in refused.err
    time.sleep(_AWAY_S)
    assert followed.poll() is None
    server.start()
    out, err = followed.communicate(timeout=90)
    assert (followed.returncode, '"complete"' in out) == (0, True), err
    assert "is asked again until it answers" in err
    log = (database.root.worker_logs / "supervisor.log").read_text()
    assert "Traceback" not in log
    assert listing.run(database, RunName("cae-digits", 0)).state is RunState.COMPLETE


async def test_the_screen_keeps_what_it_shows_and_says_why(database: Database, storage: str, server: Server) -> None:
    jobs.enqueue(database, small_spec(), "stays")
    async with AetuiApp(database.root, database.addresses).run_test(size=(120, 36)) as pilot:

        async def until(is_there: Callable[[str], bool]) -> None:
            for _ in range(400):
                if is_there(shown(pilot)):
                    return
                await pilot.pause(0.05)
            raise AssertionError(shown(pilot))

        await until(lambda text: "stays" in text)
        server.stop()
        await until(lambda text: "cannot be opened" in text)
        assert "stays" in shown(pilot)
        server.start()
        await until(lambda text: "cannot be opened" not in text)
        assert "stays" in shown(pilot)


def test_a_screen_that_is_left_then_says_what_it_cannot_know(database: Database, storage: str, server: Server) -> None:
    jobs.enqueue(database, small_spec(), "stays")
    home = database.root.path.parent
    environment = {"AETUI_STORAGE": storage, "HOME": str(home), "XDG_CONFIG_HOME": str(home / "config")}
    script = f"{Path(sys.executable).parent / 'aetui'} --root '{database.root.path}'; echo status $?; read -r waits"
    terminal = Terminal((120, 36), ["sh", "-c", script], environment)
    try:
        terminal.until(lambda text: "stays" in text)
        server.stop()
        terminal.until(lambda text: "cannot be opened" in text)
        terminal.press("q")
        left = terminal.until(lambda text: "status" in text and "Runs go on" in text)
    finally:
        terminal.close()
    assert "status 0" in left
    assert "Runs go on in the background, if there are any: The storage postgresql" in left


def test_patience_ends_with_whoever_waits() -> None:
    told: list[str] = []
    patience = Patience(lambda _seconds: True, told.append)
    with pytest.raises(StorageAway), patience.outlast():
        raise StorageAway("The server is gone.")
    assert told == ["The server is gone. It is asked again until it answers."]


def test_each_time_it_is_away_is_told_once() -> None:
    told: list[str] = []
    patience = Patience(lambda _seconds: False, told.append)

    def ask(is_away: bool) -> None:
        with patience.outlast():
            if is_away:
                raise StorageAway("Gone.")

    for is_away in (True, True, False, True):
        ask(is_away)
    assert len(told) == 2


def test_optunas_own_storage_says_the_same(database: Database, server: Server) -> None:
    jobs.enqueue(database, small_spec(), "asked")
    made = optuna_storage(database)
    server.stop()
    with pytest.raises(StorageAway, match="cannot be opened"):
        made.get_all_studies()
    with pytest.raises(StorageAway, match="cannot be opened"):
        optuna_storage(database)
    server.start()
    assert [study.study_name for study in made.get_all_studies()] == ["asked"]
    made.engine.dispose()
