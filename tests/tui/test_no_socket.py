"""Nothing listens: neither the screen, nor what it starts, nor a worker or its supervisor."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from engine import jobs
from store import listing
from store.database import Database, open_database
from store.paths import Root
from tests.live import end_processes, processes_of, small_spec, wait_for
from tests.tui.terminal import Terminal
from tests.tui.test_terminal import REPOSITORY

AETUI = Path(sys.executable).with_name("aetui")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(Root(tmp_path / "runs"), create=True)
    yield opened
    end_processes(opened.root)
    opened.close()


def listening(processes: list[psutil.Process]) -> list[str]:
    found = []
    for process in processes:
        for each in process.net_connections("inet"):
            if each.status == psutil.CONN_LISTEN or each.type.name == "SOCK_DGRAM":
                found.append(f"{process.cmdline()} at {each.laddr}")
    return found


@pytest.mark.timeout(240)
def test_no_process_of_ours_listens(database: Database, tmp_path: Path) -> None:
    name = jobs.enqueue(database, small_spec(epochs=100_000, schedule="constant"))
    jobs.ensure_workers(database, 1)
    wait_for(lambda: listing.run(database, name).epoch, "an epoch")
    environment = {"HOME": str(tmp_path), "PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY)}
    terminal = Terminal((120, 36), [str(AETUI), "--root", str(database.root.path)], environment)
    try:
        terminal.until(lambda text: f"{name}  ▶ running" in text)
        terminal.press("2")
        terminal.until(lambda text: "z1 x z2" in text)
        terminal.press("#")  # a grid over the codes, for which it starts a process that decodes
        screen = psutil.Process(int(terminal.flag("pane_pid")))
        wait_for(screen.children, "a process of the screen's own")
        ours = [screen, *screen.children(recursive=True), *processes_of(database.root)]
        assert len(ours) >= 4
        assert listening(ours) == []
    finally:
        terminal.close()
