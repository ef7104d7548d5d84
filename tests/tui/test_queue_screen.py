"""The queue on the screen: its order, who is passed by, how many workers a device may have."""

import pytest

from engine.slots import chosen_slots
from store import control
from store.database import Database
from store.names import RunName
from store.paths import Root
from store.waiting import waiting
from tests.tui.conftest import Until
from tests.tui.roots import add_run
from tests.tui.test_screen import current, no_workers, screen, sees, shown

__all__ = ["no_workers"]


@pytest.fixture
def queued(database: Database, runs: dict[str, RunName]) -> list[RunName]:
    """Held, waiting and two more, in this order."""
    return [runs["held"], runs["waiting"], *(add_run(database, "vae-b", "waiting", kind="vae") for _ in range(2))]


def order(database: Database) -> list[RunName]:
    return [each.name for each in waiting(database)]


async def test_runs_change_their_places(root: Root, database: Database, queued: list[RunName], until: Until) -> None:
    held, first, second, third = queued
    async with screen(root) as pilot:
        await until(sees(pilot, "Q queue"))
        await pilot.press("Q")
        await until(sees(pilot, "3 waiting", "1 held or paused", "cpu", str(third)))
        await pilot.press("G", "K")
        await until(lambda: order(database) == [held, first, third, second])
        await until(sees(pilot, f"▸     3 {third}"))  # the cursor goes along
        await pilot.press("f")
        await until(lambda: order(database) == [third, held, first, second])
        await until(sees(pilot, f"▸     1 {third}"))
        await pilot.press("J")
        await until(lambda: order(database) == [held, third, first, second])
        await pilot.press("e")
        await until(lambda: order(database) == [held, first, second, third])


async def test_a_run_is_let_go_on_and_held(root: Root, database: Database, queued: list[RunName], until: Until) -> None:
    async with screen(root) as pilot:
        await until(sees(pilot, "Q queue"))
        await pilot.press("Q")
        await until(sees(pilot, "◫ held"))
        await pilot.press("p")
        await until(lambda: "◫ held" not in shown(pilot) and "4 waiting" in shown(pilot))
        await pilot.press("j", "p")
        await until(sees(pilot, "◫ held", "3 waiting"))
        assert waiting(database)[1].request == "hold"


async def test_slots_of_a_device_are_chosen(
    root: Root, queued: list[RunName], until: Until, no_workers: list[str]
) -> None:
    async with screen(root) as pilot:
        await until(sees(pilot, "Q queue"))
        await pilot.press("Q")
        await until(sees(pilot, "device", "cpu", "digits-a/3"))  # what the device trains now
        for _ in range(8):
            await pilot.press("-")
        await until(lambda: chosen_slots(root) == {"cpu": 0})
        await until(sees(pilot, "a device without a slot begins nothing"))
        await pilot.press("-")
        assert not no_workers
        await pilot.press("+")
        await until(lambda: chosen_slots(root) == {"cpu": 1} and no_workers == ["ensure_workers"])


async def test_enter_goes_to_the_run_and_esc_back(root: Root, queued: list[RunName], until: Until) -> None:
    async with screen(root) as pilot:
        await until(sees(pilot, "Q queue"))
        await pilot.press("Q")
        await until(sees(pilot, str(queued[-1])))
        await pilot.press("escape")
        await until(lambda: current(pilot) is not None)
        await pilot.press("Q")
        await until(sees(pilot, str(queued[-1])))
        await pilot.press("G", "enter")
        await until(lambda: current(pilot) == queued[-1])


async def test_an_empty_queue_says_so_at_80_columns(root: Root, database: Database, until: Until) -> None:
    for each in waiting(database):
        control.remove(database, each.name)
    async with screen(root, (80, 24)) as pilot:
        await until(lambda: current(pilot) is not None)
        await pilot.press("Q")
        await until(sees(pilot, "Nothing waits.", "0 waiting"))
