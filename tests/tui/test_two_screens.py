"""Two people on one run: the same keys on two real terminals, beside a real worker."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from engine import jobs
from store import listing
from store.database import Database, open_database
from store.names import RunName
from store.paths import Root
from store.records import RunState
from tests.cli.command_line import COMMAND
from tests.live import end_processes, small_spec, wait_for
from tests.tui.terminal import Terminal

SIZES = ((120, 36), (80, 24))


@dataclass(frozen=True)
class Two:
    """Two screens on one root."""

    screens: tuple[Terminal, Terminal]
    database: Database

    def press(self, *keys: str) -> None:
        """Each key on one screen, and at once on the other."""
        for key in keys:
            for screen in self.screens:
                screen.press(key)

    def until(self, condition: Callable[[str], object]) -> tuple[str, ...]:
        """Wait for it on both."""
        return tuple(screen.until(condition) for screen in self.screens)


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Two]:
    root = Root(tmp_path / "runs")
    database = open_database(root, create=True)
    environment = {
        "HOME": str(tmp_path),
        "AETUI_ROOT": str(root.path),
        "AETUI_IDLE_S": "300",
    }
    jobs.enqueue(database, small_spec(epochs=100_000, schedule="constant"), "shared")
    jobs.ensure_workers(database)
    made = tuple(Terminal(size, [str(COMMAND)], environment) for size in SIZES)
    yield Two((made[0], made[1]), database)
    for terminal in made:
        terminal.close()
    database.close()
    end_processes(root)


@pytest.mark.timeout(300)
def test_what_both_ask_happens_once_and_each_is_told(two: Two) -> None:
    first, second = RunName("shared", 0), RunName("shared", 1)

    def is_deleted() -> bool:
        return listing.run(two.database, first).deleted

    two.until(lambda text: f"{first}  ▶ running" in text)
    wait_for(lambda: listing.run(two.database, first).epoch >= 2, "a checkpoint to go on from")
    two.press("x")
    two.until(lambda text: f"End {first}?" in text)
    two.press("s")
    two.until(lambda text: f"{first}  ■ stopped" in text)
    stopped = listing.run(two.database, first)
    assert (stopped.state, stopped.attempt) == (RunState.STOPPED, 1)

    two.press("D")
    two.until(lambda text: f"Delete {first}?" in text)
    two.press("y")
    told = two.until(lambda text: "deleted" in text and "■ stopped" not in text)
    assert is_deleted()
    assert sorted("undoes" in text for text in told) == [False, True], told
    assert sorted(f"{first} is deleted" in text for text in told) == [False, True], told
    two.press("z")  # only one has something to take back
    two.until(lambda text: f"{first}  ■ stopped" in text)
    assert not is_deleted()

    # One lets it go on, the other looks on.
    two.screens[0].press("p")
    two.until(lambda text: re.search(r"1\s+▶ running", text))
    assert {run.name for run in listing.runs(two.database, "shared")} == {first, second}
    assert listing.frozen(two.database, second).spec["start_from"] == str(first)
