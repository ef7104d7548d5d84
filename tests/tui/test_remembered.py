"""How a root was looked at last, and that the next screen begins there."""

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from store import control
from store.database import Database
from store.names import RunName
from store.paths import Root
from tests.tui.conftest import Until
from tests.tui.test_screen import current, home, screen, sees
from tui import remembered
from tui.remembered import Keeper, Remembered


def file(root: Root) -> Path:
    return root.path / ".screen.json"


def test_what_was_written_is_read(tmp_path: Path) -> None:
    view = Remembered(
        run="digits/3", pane="latent", columns=("lr", "tags"), sorted_by="value", is_down=True, grouped_by="optimizer",
        log_axis=True, hides_ended=True, theme="aetui-light",
    )  # fmt: skip
    view.write(Root(tmp_path))
    assert Remembered.read(Root(tmp_path)) == view
    assert [path.name for path in tmp_path.iterdir()] == [".screen.json"]


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", '"x"', "[" * 5000, "\x00\xff", '{"run": 7, "pane": "no", "columns": [1], "log_axis": 1}',
     '{"run": "../../x", "columns": "lr", "theme": null, "sorted_by": ""}'],
)  # fmt: skip
def test_what_makes_no_sense_is_ignored(tmp_path: Path, text: str) -> None:
    (tmp_path / ".screen.json").write_text(text, encoding="latin-1")
    found = Remembered.read(Root(tmp_path))
    assert (found.focus, found.sorted_by, found.pane, found.columns) == (None, "", "loss", ())


def test_what_makes_sense_beside_it_is_not(tmp_path: Path) -> None:
    (tmp_path / ".screen.json").write_text('{"run": 7, "grouped_by": "lr", "columns": ["number", "dim"], "more": {}}')
    assert Remembered.read(Root(tmp_path)) == Remembered(grouped_by="lr", columns=("number", "dim"))


def test_a_root_that_may_not_be_written_to_is_no_error(tmp_path: Path) -> None:
    Remembered(run="a/1").write(Root(tmp_path / "absent"))
    (tmp_path / ".screen.json").mkdir()
    Remembered(run="a/1").write(Root(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == [".screen.json"]
    assert Remembered.read(Root(tmp_path)) == Remembered()


def test_it_is_written_seldom_and_only_if_it_changed(tmp_path: Path) -> None:
    due: list[Any] = []
    keeper = Keeper(Root(tmp_path), Remembered(), lambda seconds, call: due.append((seconds, call)))
    keeper.note(Remembered())
    assert not due
    for number in range(5):
        keeper.note(Remembered(run=f"a/{number}"))
    assert [seconds for seconds, _ in due] == [remembered.PERIOD_S]
    due[0][1]()
    for thread in threading.enumerate():
        if thread.name == "remembered":
            thread.join()
    assert json.loads(file(Root(tmp_path)).read_text())["run"] == "a/4"
    keeper.note(Remembered(run="a/4"))
    assert len(due) == 1


async def test_the_next_screen_begins_where_the_last_one_was_left(
    root: Root, runs: dict[str, RunName], until: Until
) -> None:
    async with screen(root) as pilot:
        await until(lambda: current(pilot) == runs["running"])
        await pilot.press("L", "g", "H")
        home(pilot).action_pane("numbers")
        home(pilot).change_table(by="kind", chosen=("seed", "latent_dim"))
        pilot.app.theme = "aetui-light"
        await until(lambda: current(pilot) == runs["complete"])
        await pilot.press("slash", *"complete", "enter")
    await until(file(root).is_file)
    async with screen(root) as pilot:
        await until(lambda: current(pilot) == runs["complete"])
        await until(sees(pilot, "▾ cae  5 runs", " seed  dim ", "validation error", "1 hidden; H shows"))
        assert home(pilot).pane == "numbers"
        assert pilot.app.theme == "aetui-light"
        home(pilot).action_pane("loss")
        await until(sees(pilot, "loss (log)"))


async def test_a_run_that_is_gone_is_not_waited_for(
    database: Database, root: Root, runs: dict[str, RunName], until: Until
) -> None:
    Remembered(run="no-such-thing/3", experiment="no-such-thing").write(root)
    async with screen(root) as pilot:
        await until(lambda: current(pilot) == runs["running"])
    control.remove(database, runs["failed"])
    Remembered(run=str(runs["failed"]), experiment="digits-a").write(root)
    async with screen(root) as pilot:
        await until(lambda: current(pilot) == runs["running"])


async def test_what_was_asked_for_goes_before_what_is_remembered(
    root: Root, runs: dict[str, RunName], until: Until
) -> None:
    Remembered(run=str(runs["complete"])).write(root)
    async with screen(root, focus=runs["vae"]) as pilot:
        await until(lambda: current(pilot) == runs["vae"])
