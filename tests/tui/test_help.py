"""The help: what works here first, found by words, done from there; and why not, where not."""

import pytest

from store.names import RunName
from store.paths import Root
from tests.tui.conftest import Until
from tests.tui.test_screen import SMALL, current, home, screen, sees, shown
from tui.bindings import GROUPS
from tui.keys.why_not import Place, why_not
from tui.screens.help import ELSEWHERE, HelpScreen, help_groups


def test_help_finds_keys_by_words() -> None:
    found = help_groups({"run.delete"}, "delete")
    assert [(group.title, group.works) for group in found] == [("runs", True)]
    assert [binding.id for binding in found[0].bindings] == ["run.delete"]
    assert help_groups({"run.delete"}, "nonsense words") == []
    rest = help_groups({"run.delete", "loss.log"}, "", first="panes")
    assert [group.title for group in rest] == ["panes", "runs", ELSEWHERE]


def test_there_is_a_reason_for_every_key_in_every_place() -> None:
    places = [Place(name=name) for name in ("recipes", "the queue")]
    places += [Place(name="runs", pane=pane, has_run=has_run) for pane in ("loss", "log") for has_run in (True, False)]
    for group in GROUPS.values():
        for binding in group:
            for place in places:
                sentence = why_not(binding, place)
                assert sentence.endswith(".")
                assert "{" not in sentence


async def test_what_works_here_is_on_top(root: Root, runs: dict[str, RunName], until: Until) -> None:
    async with screen(root, SMALL) as pilot:
        await until(lambda: current(pilot) == runs["running"])
        await pilot.press("question_mark")
        await until(sees(pilot, "type to search", "x         Stop"))
        await pilot.press(*"take the last")
        await until(sees(pilot, ELSEWHERE, "z         Take the last", "Nothing has been deleted since"))
        await pilot.press("enter")
        assert isinstance(pilot.app.screen, HelpScreen), "what does not work is not done"
        await pilot.press("escape", "tab", "question_mark", *"log axis")
        await until(sees(pilot, "L         Loss"))
        lines = shown(pilot).split("\n")
        assert not any(ELSEWHERE in line for line in lines)
        await pilot.press("enter")
        await until(lambda: pilot.app.screen is home(pilot))
        await until(sees(pilot, "(log)"))


async def test_a_line_is_chosen_by_arrows_or_the_mouse(root: Root, runs: dict[str, RunName], until: Until) -> None:
    async with screen(root) as pilot:
        await until(lambda: current(pilot) == runs["running"])
        await pilot.press("question_mark", *"pane")
        await until(sees(pilot, "The loss pane", "The numbers pane"))
        help = pilot.app.screen
        assert isinstance(help, HelpScreen)
        while help.chosen != "pane.numbers":
            await pilot.press("down")
        await pilot.press("enter")
        await until(lambda: pilot.app.screen is home(pilot))
        assert home(pilot).pane == "numbers"
        await pilot.press("question_mark", *"log pane")
        await until(sees(pilot, "The log pane"))
        row = next(y for y, line in enumerate(shown(pilot).split("\n")) if "The log pane" in line)
        await pilot.click(offset=(40, row))
        await until(lambda: pilot.app.screen is home(pilot))
        assert home(pilot).pane == "log"


async def test_the_help_of_another_screen_is_of_that_screen(root: Root, runs: dict[str, RunName], until: Until) -> None:
    async with screen(root) as pilot:
        await until(lambda: current(pilot) == runs["running"])
        await pilot.press("r", "question_mark")
        await until(sees(pilot, "type to search"))
        lines = [line.strip(" │╭╮╰╯▎") for line in shown(pilot).split("\n")]
        assert lines.index("recipes") < lines.index(ELSEWHERE) if ELSEWHERE in lines else "recipes" in lines
        await pilot.press(*"new run")
        await until(sees(pilot, "That is for the main screen."))


@pytest.mark.parametrize("key", ["question_mark", "n"])
async def test_any_size_is_survived(root: Root, runs: dict[str, RunName], until: Until, key: str) -> None:
    async with screen(root) as pilot:
        await until(lambda: current(pilot) == runs["running"])
        await pilot.press(key)
        for size in ((59, 16), (10, 3), (1, 1), (200, 60), (80, 24)):
            await pilot.resize_terminal(*size)
            await pilot.press("down")
        await pilot.press("escape")
        await until(sees(pilot, "digits-a"))
