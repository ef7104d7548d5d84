"""``aetui migrate``, and storages whose address holds a password: it is in no process list, log, file or output."""

import signal
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psutil
import pytest
import sqlalchemy

from engine import jobs
from store import control
from store.database import open_database
from store.paths import Root
from tests.cli.command_line import TINY, CommandLine
from tests.cli.test_cli_requests import assert_one_sentence
from tests.live import wait_for
from tests.queued import add_run
from tests.servers import fresh_database

PASSWORD = "hunter2"


@pytest.fixture
def address(postgres: str) -> str:
    """An empty database, and a password in its address; the server takes any."""
    return fresh_database(postgres).replace("aetui@", f"aetui:{PASSWORD}@")


def queue_some(aetui: CommandLine) -> None:
    database = open_database(Root(aetui.root), create=True)
    names = [add_run(database, experiment) for experiment in ("one", "one", "two")]
    control.annotate(database, names[1:], add=["gut"], note="für später")
    control.remove(database, names[0])
    database.close()


def listed(aetui: CommandLine, **variables: str) -> list[object]:
    return [aetui(*names, "--json", env=variables).json() for names in (["ls"], ["ls", "one"])]


@pytest.mark.timeout(300)  # seven commands
def test_to_postgresql_and_back_the_listings_stay_the_same(aetui: CommandLine, address: str, tmp_path: Path) -> None:
    queue_some(aetui)
    before = listed(aetui)
    file = tmp_path / "address"
    file.write_text(address)
    said = aetui("migrate", "--to", f"@{file}")
    assert said.status == 0
    assert "aetui_runs" in said.out
    assert PASSWORD not in said.out + said.err
    (aetui.root / "aetui.db").rename(tmp_path / "old.db")
    assert listed(aetui, AETUI_STORAGE_FILE=str(file)) == before

    told = aetui("migrate", "--to", str(aetui.root), "--json", env={"AETUI_STORAGE_FILE": str(file)}).json()
    assert {table["table"]: table["rows"] for table in told["tables"]}["aetui_runs"] == 3
    assert PASSWORD not in str(told)
    assert listed(aetui) == before


@pytest.mark.timeout(300)  # a worker and a probe of torch
def test_a_password_is_seen_nowhere(aetui: CommandLine, address: str, tmp_path: Path) -> None:
    file = tmp_path / "address"
    file.write_text(address + "\n")
    aetui.environment.update(AETUI_STORAGE_FILE=str(file), AETUI_IDLE_S="2")
    process = aetui.start("run", "cae", *TINY, "--epochs", "1")
    lines: set[str] = set()
    while process.poll() is None:
        lines |= {" ".join(words) for words in command_lines()}
        time.sleep(0.2)
    out, err = process.communicate()
    assert process.returncode == 0, err
    for module in ("engine.worker", "engine.supervisor"):
        assert any(module in line and str(aetui.root) in line for line in lines)
    assert not any(PASSWORD in line for line in lines)
    assert not (aetui.root / "aetui.db").exists()

    told = [out, err, *map(str, aetui("doctor").__dict__.values())]
    logs = aetui("logs", "cae-digits/0")
    assert logs.status == 0
    told.append(logs.out)
    nobody = f"{address}_of_nobody"
    failed = aetui("ls", "--debug", env={"AETUI_STORAGE": nobody})
    assert "cannot be opened" in failed.err
    told += [failed.out, failed.err]
    assert not any(PASSWORD in text for text in told)
    wait_for(lambda: not any(str(aetui.root) in line for line in map(" ".join, command_lines())), "the workers' end")
    files = [path for path in aetui.root.rglob("*") if path.is_file()]
    assert {"config.json", "log.txt", "supervisor.log"} <= {path.name for path in files}
    assert [path for path in files if PASSWORD.encode() in path.read_bytes()] == []

    there = tmp_path / "another root"
    assert aetui("migrate", "--to", str(there)).status == 0
    del aetui.environment["AETUI_STORAGE_FILE"]
    moved = aetui("show", "cae-digits/0", "--root", str(there), "--json").json()
    assert moved["state"] == "complete"
    assert (Path(moved["directory"]) / "best.safetensors").is_file()


def command_lines() -> Iterator[list[str]]:
    for process in psutil.process_iter():
        try:
            yield process.cmdline()
        except psutil.Error:
            continue


def test_ctrl_c_leaves_the_target_empty(aetui: CommandLine, address: str) -> None:
    queue_some(aetui)
    empty = {"AETUI_STORAGE": address}
    open_database(Root(aetui.root), address, create=True).close()
    engine = sqlalchemy.create_engine(address, isolation_level="AUTOCOMMIT")
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    with engine.connect() as held, engine.connect() as looking:
        held.execute(sqlalchemy.text("BEGIN"))
        held.execute(sqlalchemy.text("UPDATE aetui_changes SET count = count"))
        process = aetui.start("migrate", "--to", address)
        wait_for(lambda: looking.execute(sqlalchemy.text(waiting)).scalar_one(), "the copy to begin", 60)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
        held.execute(sqlalchemy.text("ROLLBACK"))
    engine.dispose()
    assert (process.returncode, out) == (130, "")
    assert "holds no experiments" in err
    assert "Traceback" not in err
    assert aetui("ls", "--json", env=empty).json() == []


@pytest.mark.parametrize("to", ["", " --to", " --to {root}"])
def test_a_wrong_request_is_one_sentence(aetui: CommandLine, to: str) -> None:
    assert_one_sentence(aetui(*f"migrate{to}".format(root=aetui.root).split()))
    assert not aetui.root.exists()


def test_what_a_root_holds_can_be_shared_with_other_hosts_from_then_on(
    aetui: CommandLine, address: str, tmp_path: Path
) -> None:
    assert aetui("run", "cae", *TINY, "--epochs", "2", "--name", "e", "--queue-only").status == 0
    with closing(open_database(Root(aetui.root))) as database:
        jobs.run_inline(database)
    shares = {"AETUI_ARTIFACTS": str(tmp_path / "artifacts")}
    said = aetui("migrate", "--to", address, env=shares)
    assert said.status == 0, said.err
    assert f"The files of 1 run are in {tmp_path / 'artifacts'}" in said.out
    elsewhere = CommandLine(tmp_path / "elsewhere", {**aetui.environment, **shares, "AETUI_STORAGE": address})
    shown = elsewhere("show", "e/0")
    assert "e/0 loss" in shown.out, shown.err
    assert sorted(path.name for path in (elsewhere.root / "e/0").glob("[!.]*")) == sorted(
        path.name for path in (aetui.root / "e/0").glob("[!.]*") if path.suffix != ".safetensors"
    )
    assert_one_sentence(elsewhere("ls", env={"AETUI_ARTIFACTS": ""}))
