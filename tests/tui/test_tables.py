"""The tables: columns, groups, tags and notes, hiding, many marks."""

import dataclasses
import random
from typing import Any

import pytest
from textual.pilot import Pilot

from store import listing
from store.database import Database
from store.errors import RequestError
from store.names import RunName
from store.paths import Root
from store.records import Run, RunState
from tests.tui.conftest import Until
from tests.tui.roots import add_run
from tests.tui.test_screen import SMALL, current, home, no_workers, screen, sees, shown
from tui.look import Look
from tui.panes.loss.pane import LossPane
from tui.screens.home import HomeScreen
from tui.screens.notes import tag_changes
from tui.tables.columns import fields, needed_widths, usual
from tui.tables.grouping import Group, Grouper, grouped, rows
from tui.widgets.note_line import completed
from tui.widgets.runs import RunTable

__all__ = ["no_workers"]  # a fixture that these tests share


def made(number: int, state: RunState = RunState.COMPLETE, **changes: Any) -> Run:
    facts: dict[str, Any] = {
        "trial_id": number, "name": RunName("digits", number), "kind": "cae", "dataset": "digits", "state": state,
        "value": 0.05 - number / 1000, "last_value": None, "epoch": 10, "epochs": 10, "seed": 1, "threads": 1,
        "attempt": 1, "params": {"latent_dim": 6, "lr": 0.00123456}, "device": "cpu", "host": "box", "directory": "",
        "reason": None, "duration_s": 90.0, "test": {"mse": 0.021}, "user_attrs": {},
    }  # fmt: skip
    return Run(**(facts | changes))


# Without a screen


def test_groups_stand_by_value_or_as_their_first_runs_do() -> None:
    runs = [
        made(0, params={"latent_dim": 10}),
        made(1, params={"latent_dim": 2}, state=RunState.FAILED, value=0.001),
        made(2, params={"latent_dim": 2}),
        made(3, params={}),
        made(4, params={"latent_dim": 10}, value=float("nan")),
    ]

    def told(groups: list[Group], *folded: str) -> list[str | int]:
        shown = rows(groups, folded)
        return [f"{row.title}:{len(row.runs)}" if isinstance(row, Group) else row.name.number for row in shown]

    assert told(grouped(runs, "dim")) == ["2:2", 1, 2, "10:2", 0, 4, "none:1", 3]
    assert told(grouped(runs, "dim", is_sorted=True), "2") == ["10:2", 0, 4, "2:2", "none:1", 3]
    assert grouped(runs, "latent_dim")[0].best.name.number == 2, "a failed run is nowhere the best"
    tagged = [made(0, user_attrs={"tags": ["b", "a"]}), made(1, user_attrs={"tags": ["x\x1b[0m"]}), made(2)]
    assert told(grouped(tagged, "tags")) == ["b, a:1", 0, "x?[0m:1", 1, "none:1", 2]


def test_columns_go_from_the_last_to_the_first_and_the_sorted_one_stays() -> None:
    runs = [made(0), made(1)]
    found = fields(["epoch", "value", "test_mse", "note"], runs)
    assert [(field.title, field.width) for field in found] == [("epoch", 7), ("error", 8), ("test_mse", 8), ("note", 0)]
    widths = needed_widths(found, "", 16)
    assert widths == {"epoch": 23, "value": 32, "test_mse": 41, "note": 54}
    assert needed_widths(found, "note", 16) == {"note": 0, "epoch": 36, "value": 45, "test_mse": 54}
    assert "tags" not in usual(runs)
    assert "tags" in usual([*runs, made(2, user_attrs={"tags": ["x"]})])


def test_a_table_as_wide_as_its_columns_shows_them_all() -> None:
    table = RunTable(Look())
    table.show_runs([made(12345, user_attrs={"tags": ["x"]}), made(2)])
    shown = {
        width: [column.title for column, _ in table._fitting(width)]  # no other place tells what fits
        for width in (33, 35, 40, 60, 90)
    }
    assert shown[35] == ["run", "state", "epoch", "error"]
    assert shown[90] == ["run", "state", "epoch", "error", "dim", "tags", "lr", "optim", "time"]
    assert [len(titles) for titles in shown.values()] == sorted(len(titles) for titles in shown.values())


@pytest.mark.parametrize(
    ("text", "before", "is_single", "expected"),
    [
        ("a, b", (), True, (["a", "b"], [])),
        ("a  new", ("a", "b"), True, (["new"], ["b"])),
        ("", ("a", "b"), True, ([], ["a", "b"])),
        ("a -b", ("a", "b"), True, ([], ["b"])),
        ("new;x -old", (), False, (["new", "x"], ["old"])),
        ("", (), False, ([], [])),
    ],
)
def test_what_was_written_changes_tags(
    text: str, before: tuple[str, ...], is_single: bool, expected: tuple[list[str], list[str]]
) -> None:
    assert tag_changes(text, before, is_single=is_single) == expected


def test_a_tag_that_is_none_is_refused() -> None:
    with pytest.raises(RequestError, match="cannot be used"):
        tag_changes("a !b", (), is_single=True)


@pytest.mark.parametrize(
    ("text", "suggested"),
    [
        ("go", "good"),
        ("x, go", "x, good"),
        ("-go", "-good"),
        ("good", None),
        ("good, g", None),
        ("", None),
        ("z", None),
    ],
)
def test_tags_are_completed(text: str, suggested: str | None) -> None:
    assert completed(text, ["good", "new"]) == suggested


# On the screen


def numbers(pilot: Pilot[object]) -> list[int | str]:
    return [row.title if isinstance(row, Group) else row.name.number for row in home(pilot).runs.items]


async def test_columns_are_chosen_ordered_and_taken_back(root: Root, runs: dict[str, RunName], until: Until) -> None:
    async with screen(root, focus=runs["complete"]) as pilot:
        await until(lambda: current(pilot) == runs["complete"])
        await pilot.press("o")
        await until(sees(pilot, "Columns", "[x]  1 epoch", "[ ]    host"))
        await pilot.press("down", "space", *"test_m", "space", "K", "K", "K", "K", "K", "enter")
        await until(lambda: isinstance(pilot.app.screen, HomeScreen))
        assert home(pilot).runs.chosen == ("test_mse", "epoch", "latent_dim", "lr", "optimizer", "time")
        await until(sees(pilot, "run state      test_mse   epoch  dim", "0.0321   10/10    6"))
        await pilot.press("o", "escape")
        await until(lambda: isinstance(pilot.app.screen, HomeScreen))
        await pilot.press("o", "ctrl+u", "enter")
        await until(lambda: home(pilot).runs.chosen == ())
        assert "test_mse" not in shown(pilot)


async def test_the_list_of_columns_fits_small_terminals(root: Root, runs: dict[str, RunName], until: Until) -> None:
    async with screen(root, SMALL) as pilot:
        await until(lambda: current(pilot) == runs["running"])
        await pilot.press("o", *["down"] * 30)
        await until(sees(pilot, "Columns", "▸ [ ]", "enter take", "space on or off"))
        await pilot.press(*"nosuch")
        await until(sees(pilot, "No field is called so."))
        await pilot.press("space", "J", "enter")
        assert home(pilot).runs.chosen == ()


async def test_runs_in_groups_are_folded_marked_and_acted_on(
    database: Database, root: Root, runs: dict[str, RunName], until: Until
) -> None:
    async with screen(root, focus=runs["complete"]) as pilot:
        await until(lambda: current(pilot) == runs["complete"])
        await pilot.press("percent_sign")
        await until(sees(pilot, "Group the runs"))
        await pilot.press(*"state", "enter")
        await until(sees(pilot, "▾ complete  1 run", "best 0.03642", "by state"))
        assert current(pilot) == runs["complete"], "the cursor stays on its run"
        assert numbers(pilot) == [
            "complete", 0, "failed", 2, "held", 4, "running", 3, "stopped", 1, "waiting", 5
        ]  # fmt: skip
        await pilot.press("up")
        await until(lambda: home(pilot).runs.group)
        assert current(pilot) == runs["complete"], "a head stands for the best of its runs"
        await pilot.press("enter")
        await until(sees(pilot, "▸ complete  1 run"))
        assert numbers(pilot)[:3] == ["complete", "failed", 2]
        await pilot.press("right")
        await until(lambda: numbers(pilot)[:2] == ["complete", 0])
        await pilot.click("#runs", offset=(6, 1))
        await until(lambda: numbers(pilot)[:3] == ["complete", "failed", 2])
        await pilot.press("right", "left", "space")
        await until(sees(pilot, "1 marked"))
        assert list(home(pilot).runs.marks) == [runs["complete"]]
        home(pilot)._go_to(runs["complete"])
        await until(lambda: numbers(pilot)[:2] == ["complete", 0])
        assert home(pilot).runs.group is None, "what one goes to is unfolded"
        await pilot.press("u", "percent_sign", "ctrl+u", *"kind", "enter", "g")
        await until(lambda: numbers(pilot)[0] == "cae" and home(pilot).runs.group)
        await pilot.press("D")
        await until(sees(pilot, "Delete 5 runs of cae?", "digits-a/0, digits-a/1, digits-a/2, digits-a/4 and 1 more"))
        await pilot.press("y")
        await until(lambda: numbers(pilot) == ["cae", 3])
        await pilot.press("z")
        await until(lambda: len(listing.runs(database, "digits-a")) == 6)
        await pilot.press("percent_sign", "ctrl+u", "enter")
        await until(lambda: numbers(pilot) == [0, 1, 2, 3, 4, 5])


async def test_tags_and_notes_are_written_below_the_table(
    database: Database, root: Root, runs: dict[str, RunName], until: Until
) -> None:
    async with screen(root, focus=runs["complete"]) as pilot:
        await until(lambda: current(pilot) == runs["complete"])
        await pilot.press("t")
        await until(sees(pilot, "tags of 0:"))
        await pilot.press(*"gut base", "enter")
        await until(lambda: listing.run(database, runs["complete"]).tags == ("gut", "base"))
        await until(sees(pilot, "dim tags", "gut, base"))
        assert pilot.app.focused is home(pilot).runs
        assert "tags of" not in shown(pilot)
        await pilot.press("space", "space", "t")
        await until(sees(pilot, "tags of 2 runs:"))
        await pilot.press(*"-gut ba")
        await until(sees(pilot, "-gut base"))  # what there is completes it, in grey
        await pilot.press("right", "enter")
        await until(lambda: listing.run(database, runs["stopped"]).tags == ("base",))
        assert listing.run(database, runs["complete"]).tags == ("base",)
        await pilot.press("u", "g", "N")
        await until(sees(pilot, "note of 0:"))
        await pilot.press(*"[b]my best[/]", "enter")
        await until(lambda: listing.run(database, runs["complete"]).note == "[b]my best[/]")
        await pilot.press("W")
        await until(sees(pilot, " note ", " [b]my best[/]"))
        await pilot.press("W", "N", *"no", "escape")
        await until(lambda: pilot.app.focused is home(pilot).runs)
        await pilot.press("space", "space", "N")
        await until(sees(pilot, "note of 2 runs:", "for all; empty: leave them"))
        await pilot.press("enter", "u", "g")
        await pilot.press("t", *"two|words", "enter")
        await until(sees(pilot, "cannot be used", "tags of 0:"))
        await pilot.press("escape", "slash", *"tag:ba !has:note")
        await until(lambda: numbers(pilot) == [1])
    found = listing.run(database, runs["complete"])
    assert (found.tags, found.note) == (("base",), "[b]my best[/]")


async def test_pruned_and_failed_runs_are_hidden_everywhere(
    database: Database, root: Root, runs: dict[str, RunName], until: Until
) -> None:
    async with screen(root, focus=runs["failed"]) as pilot:
        await until(lambda: current(pilot) == runs["failed"])
        await pilot.press("space", "g", "space", "H")
        await until(sees(pilot, "2 marked, 1 not shown · 1 hidden; H shows"))
        assert numbers(pilot) == [0, 1, 3, 4, 5]
        await until(lambda: "run 2 " not in shown(pilot))
        assert runs["failed"] not in home(pilot).overlaid()
        home(pilot)._go_to(runs["failed"])
        await until(lambda: current(pilot) == runs["failed"])
        assert "hidden; H shows" not in shown(pilot), "one that is gone to is shown"
        await pilot.press("H", "slash", *"failed")
        await until(sees(pilot, "0 of 5 shown"))
        await pilot.press("ctrl+u", "enter", "H")
        await until(lambda: numbers(pilot) == [0, 1, 2, 3, 4, 5])


async def test_all_that_is_shown_is_marked_and_few_are_drawn(
    database: Database, root: Root, runs: dict[str, RunName], until: Until
) -> None:
    for _ in range(30):
        add_run(database, "digits-a", "waiting")
    async with screen(root, focus=runs["complete"]) as pilot:
        await until(lambda: len(home(pilot).runs.items) == 36)
        await pilot.press("slash", *"waiting", "enter", "asterisk")
        await until(sees(pilot, "31 of 36 shown"))
        marks = home(pilot).runs.marks
        assert len(marks) == 31
        assert len(set(marks.values())) == 31
        assert len(home(pilot).overlaid()) == 20
        await until(sees(pilot, "31 marked, 20 drawn"))
        await pilot.press("p")
        await until(sees(pilot, "Pause 31 marked runs?", "digits-a/5, digits-a/6, digits-a/7, digits-a/8 and 27 more"))
        await pilot.press("n")
        await pilot.press("asterisk")
        await until(lambda: not home(pilot).runs.marks)
        assert home(pilot).query_one(LossPane).display


async def test_the_table_takes_all_of_the_width(root: Root, runs: dict[str, RunName], until: Until) -> None:
    async with screen(root, SMALL, focus=runs["complete"]) as pilot:
        await until(sees(pilot, "━━ val"))
        assert "optim" not in shown(pilot)
        await pilot.press("W")
        await until(sees(pilot, "optim", "adam"))
        assert "━━ val" not in shown(pilot)
        await pilot.press("tab")
        assert pilot.app.focused is home(pilot).experiments
        await pilot.press("escape")
        await until(sees(pilot, "━━ val"))


@pytest.mark.parametrize("size", [SMALL, pytest.param((200, 60), marks=pytest.mark.slow)])
async def test_without_unicode_groups_and_foot_are_ascii(
    root: Root, runs: dict[str, RunName], until: Until, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    monkeypatch.setenv("LANG", "C")
    async with screen(root, size, focus=runs["complete"]) as pilot:
        await until(lambda: current(pilot) == runs["complete"])
        home(pilot).change_table(by="state")
        await pilot.press("asterisk")
        await until(sees(pilot, "- complete  1 run", "*"))
        await until(lambda: all(c.isascii() for c in shown(pilot).replace("ä", "a")))


def test_a_group_is_equal_to_itself() -> None:
    """What did not change is not painted again."""
    runs = [made(0), made(1)]
    assert grouped(runs, "kind") == grouped([dataclasses.replace(run) for run in runs], "kind")


def test_groups_asked_again_are_as_if_made_anew() -> None:
    """Of runs of which some learn more, change their group, their order or their number."""
    chance, grouper = random.Random(0), Grouper()
    runs = [made(number, params={"latent_dim": chance.choice((2, 6, 10))}) for number in range(30)]
    for turn in range(200):
        number = chance.randrange(len(runs))
        match turn % 10:
            case 3:
                runs = [*runs, made(1000 + turn, params={"latent_dim": 6})]
            case 5:
                runs = sorted(runs, key=lambda run: (run.value or 0, run.trial_id))
            case 7:
                runs = [
                    *runs[:number],
                    dataclasses.replace(runs[number], params={"latent_dim": 2}),
                    *runs[number + 1 :],
                ]
            case _:
                learnt = dataclasses.replace(runs[number], value=chance.random(), epoch=turn)
                runs = [*runs[:number], learnt, *runs[number + 1 :]]
        by, is_sorted = ("latent_dim", "state")[turn // 50 % 2], turn % 50 > 25
        found = grouper.grouped(runs, by, is_sorted=is_sorted)
        anew = grouped(runs, by, is_sorted=is_sorted)
        assert [(group.title, group.runs, group.best) for group in found] == [
            (group.title, group.runs, group.best) for group in anew
        ]
