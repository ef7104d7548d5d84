"""The screen, driven by its keys; what is looked at is what it shows."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

import pytest
from textual.events import Key
from textual.pilot import Pilot
from textual.widgets import Input

from store import control, listing, schema, workers
from store.database import Database, open_database
from store.metrics import encode
from store.names import RunName
from store.paths import Root
from store.records import Request, RunState
from tests.tui.conftest import Until
from tests.tui.roots import WORKER, add_run, epoch_line
from tui import bindings
from tui.app import AetuiApp
from tui.screens.home import HomeScreen
from tui.screens.opening import OpeningScreen
from tui.widgets.runs import RunTable

SMALL, MIDDLE = (80, 24), (120, 36)


@pytest.fixture(autouse=True)
def no_workers(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """No process is started and none is killed; what was asked for is noted."""
    from engine import jobs

    asked: list[str] = []
    monkeypatch.setattr(jobs, "ensure_workers", lambda *args, **options: asked.append("ensure_workers"))
    monkeypatch.setattr(jobs, "kill", lambda database, name: asked.append(f"kill {name}"))
    return asked


@asynccontextmanager
async def screen(
    root: Root, size: tuple[int, int] = MIDDLE, focus: RunName | None = None
) -> AsyncIterator[Pilot[object]]:
    app = AetuiApp(root, focus=focus)
    async with app.run_test(size=size, notifications=True) as pilot:
        await at_home(pilot)
        yield pilot


async def at_home(pilot: Pilot[object]) -> None:
    """Returns once the first frame has given way to the screen."""
    async with asyncio.timeout(60):
        while not (len(stack := pilot.app.screen_stack) > 1 and stack[1].is_mounted):
            await asyncio.sleep(0.01)
    await pilot.pause()


def shown(pilot: Pilot[object]) -> str:
    """The whole screen as text."""
    return "\n".join(strip.text.rstrip() for strip in pilot.app.screen._compositor.render_strips())


def sees(pilot: Pilot[object], *texts: str) -> Callable[[], bool]:
    return lambda: all(text in shown(pilot) for text in texts)


def home(pilot: Pilot[object]) -> HomeScreen:
    found = pilot.app.screen_stack[1]
    assert isinstance(found, HomeScreen)
    return found


def current(pilot: Pilot[object]) -> RunName | None:
    run = home(pilot).query_one(RunTable).current
    return run.name if run else None


def state(database: Database, name: RunName) -> RunState:
    return listing.run(database, name).state


@pytest.fixture
def opening(monkeypatch: pytest.MonkeyPatch) -> list[Callable[[], object]]:
    """The screen stays as its first frame has it, until what was asked for then is called."""
    asked: list[Callable[[], object]] = []
    monkeypatch.setattr(
        OpeningScreen, "call_after_refresh", lambda _self, call, *arguments: asked.append(partial(call, *arguments))
    )
    return asked


@pytest.mark.parametrize("size", [SMALL, pytest.param(MIDDLE, marks=pytest.mark.slow)])
async def test_the_first_frame_is_that_of_the_screen(
    root: Root, runs: dict[str, RunName], until: Until, opening: list[Callable[[], object]], size: tuple[int, int]
) -> None:
    """What it shows stays where it is: tabs, the line between the sides, the first keys."""
    async with AetuiApp(root).run_test(size=size) as pilot:
        await until(sees(pilot, "opening the storage", "Opening."))
        first = shown(pilot).split("\n")
        opening[0]()
        await at_home(pilot)
        await until(lambda: current(pilot) == runs["running"])
        then = shown(pilot).split("\n")
    bar = first[3].index("│")
    assert [line[bar] for line in first[1:-1]] == [line[bar] for line in then[1:-1]] == ["│"] * (size[1] - 2)
    assert first[1][bar:] == then[1][bar:]
    assert "loss" in first[1]
    assert then[0].startswith(first[0][:12].rstrip())
    assert then[-1].startswith(first[-1].rstrip())


async def test_keys_pressed_at_the_first_frame_are_kept(
    root: Root, runs: dict[str, RunName], until: Until, opening: list[Callable[[], object]]
) -> None:
    """On a busy machine seconds lie between it and the rest."""
    async with AetuiApp(root).run_test(size=MIDDLE, notifications=True) as pilot:
        await until(lambda: opening)
        await pilot.press("5", "n")
        assert isinstance(pilot.app.screen, OpeningScreen)
        opening[0]()
        await until(sees(pilot, "New run"))
        await pilot.press("escape")
        await until(lambda: current(pilot) == runs["running"])
        assert home(pilot).pane == "numbers"


async def test_keys_pressed_before_anything_is_read_do_no_harm(
    root: Root, opening: list[Callable[[], object]], until: Until
) -> None:
    async with AetuiApp(root).run_test(size=MIDDLE, notifications=True) as pilot:
        await until(lambda: opening)
        keys = [key for binding in [*bindings.HOME, *bindings.TABLE] for key in binding.key.split(",")]  # type: ignore[union-attr]
        await pilot.press(*keys)
        opening[0]()
        await at_home(pilot)
        for pump in (pilot.app, home(pilot)):
            handled = asyncio.Event()
            pump.call_later(handled.set)  # behind all of the keys
            await handled.wait()
        while pilot.app.screen is not home(pilot):  # a form is harmless, and may open
            await pilot.app.pop_screen()
        assert isinstance(pilot.app.screen, HomeScreen)


@pytest.mark.parametrize("size", [SMALL, MIDDLE, pytest.param((200, 60), marks=pytest.mark.slow)])
async def test_opens_on_what_is_live(root: Root, runs: dict[str, RunName], until: Until, size: tuple[int, int]) -> None:
    async with screen(root, size) as pilot:
        await until(sees(pilot, "digits-a/3", "━━ val"))
        text = shown(pilot)
        assert current(pilot) == runs["running"]
        for word in ("✓ complete", "■ stopped", "✗ failed", "▶ running", "◌ waiting", "◫ held", "4/10"):
            assert word in text
        assert re.search(r"▶ running  4/10  error \S+", text)
        assert "1 worker (1 busy)" in text
        assert "1 waiting" in text
        assert any(0x2800 < ord(character) < 0x2900 for character in text), "a curve in braille"
        lines = text.split("\n")
        assert len(lines) == size[1]
        assert max(map(len, lines)) <= size[0]


@pytest.mark.parametrize("size", [SMALL, pytest.param(MIDDLE, marks=pytest.mark.slow)])
async def test_an_empty_root_says_what_to_do(root: Root, until: Until, size: tuple[int, int]) -> None:
    async with screen(root, size) as pilot:
        await until(sees(pilot, "No experiments yet.", "Press n to start a run"))
        for pane in "23456":
            await pilot.press(pane)
        assert not root.path.exists()
        keys = shown(pilot).split("\n")[-1]
        assert "n new run" in keys
        assert "stop" not in keys


async def test_moves_through_runs_and_experiments(root: Root, runs: dict[str, RunName], until: Until) -> None:
    async with screen(root) as pilot:
        await until(lambda: current(pilot) == runs["running"])
        await pilot.press("g")
        assert current(pilot) == runs["complete"]
        await until(sees(pilot, "digits-a/0  ✓ complete"))
        await pilot.press("j", "down", "k")
        assert current(pilot) == runs["stopped"]
        await pilot.press("G")
        assert current(pilot) == runs["waiting"]
        await until(sees(pilot, "Waiting for a free worker: 1 busy, 1 in the queue."))
        await pilot.press("escape", "down")
        await until(sees(pilot, "vae-b/0  ✓ complete", "loss"))
        await pilot.press("up")
        await until(lambda: current(pilot) == runs["waiting"])


async def test_the_selection_stays_while_data_changes(
    database: Database, root: Root, runs: dict[str, RunName], until: Until
) -> None:
    async with screen(root) as pilot:
        await until(lambda: current(pilot) == runs["running"])
        await pilot.press("up")
        assert current(pilot) == runs["failed"]
        control.remove(database, runs["complete"])
        control.stop(database, runs["waiting"])
        new = add_run(database, "digits-a", "waiting")
        await until(lambda: home(pilot).runs.items[-1].name == new)
        assert current(pilot) == runs["failed"]
        control.remove(database, runs["failed"])
        await until(lambda: len(home(pilot).runs.items) == 5)
        assert current(pilot) == runs["running"], "the one that has moved up"


@pytest.mark.parametrize("size", [SMALL, pytest.param(MIDDLE, marks=pytest.mark.slow)])
async def test_the_panes(root: Root, runs: dict[str, RunName], until: Until, size: tuple[int, int]) -> None:
    async with screen(root, size) as pilot:
        await until(sees(pilot, "━━ val"))
        await pilot.press("2")
        await until(sees(pilot, "epoch 4 of 10", "PCA of 6-D", "●0 ●1 ●2 ●3"))
        await pilot.press("3")
        await until(sees(pilot, "The first pictures come"))
        await pilot.press("4")
        await until(sees(pilot, "No search here: S begins one."))
        await pilot.press("5")
        await until(sees(pilot, "validation error", "folder"))
        await pilot.press("6")
        await until(sees(pilot, "begins"))
        await pilot.press("right_square_bracket")
        await until(sees(pilot, "epoch"))
        assert home(pilot).pane == "loss"
        await pilot.press("left_square_bracket")
        assert home(pilot).pane == "log"


async def test_a_live_curve_grows(root: Root, runs: dict[str, RunName], until: Until) -> None:
    async with screen(root) as pilot:
        await until(sees(pilot, "validation"))
        before = shown(pilot)
        with root.run(runs["running"]).metrics.open("a") as file:
            file.write(encode(epoch_line(5, 0.0421)))
        await until(sees(pilot, "validation 0.0421"))
        assert shown(pilot) != before


async def test_the_latent_pane_plays_the_training(root: Root, runs: dict[str, RunName], until: Until) -> None:
    async with screen(root) as pilot:
        await until(sees(pilot, "validation"))
        await pilot.press("2")
        await until(sees(pilot, "epoch 4 of 10"))
        await pilot.press("comma", "comma")
        await until(sees(pilot, "epoch 2 of 10 (newest 4)"))
        await pilot.press("tab", "left", "h", "h")
        await until(sees(pilot, "epoch 1 of 10 (newest 4)"))
        await pilot.press("right", "full_stop", "l")
        await until(sees(pilot, "epoch 4 of 10  "))


async def test_quick_moves_there_and_back_leave_no_pane_empty(
    root: Root, runs: dict[str, RunName], until: Until
) -> None:
    async with screen(root) as pilot:
        await until(sees(pilot, "validation"))
        for pane, word in (("2", "epoch 4 of 10"), ("6", "begins"), ("1", "validation")):
            await pilot.press(pane)
            await until(sees(pilot, word))
            await pilot.press("up", "down", "up", "down")
            await until(sees(pilot, word))


async def test_two_dimensions_are_raw(root: Root, runs: dict[str, RunName], until: Until) -> None:
    async with screen(root, focus=runs["vae"]) as pilot:
        await until(lambda: current(pilot) == runs["vae"])
        await pilot.press("2")
        await until(sees(pilot, "z1 x z2", "400 codes"))


async def test_log_axis_and_measures(root: Root, runs: dict[str, RunName], until: Until) -> None:
    async with screen(root, focus=runs["vae"]) as pilot:
        await until(sees(pilot, "loss   ━━ training"))
        await pilot.press("L")
        await until(sees(pilot, "loss (log)"))
        await pilot.press("m", "m", "L")
        await until(sees(pilot, "kl   ━━ training 16"))


async def test_full_size_and_back(root: Root, runs: dict[str, RunName], until: Until) -> None:
    async with screen(root) as pilot:
        await until(sees(pilot, "validation"))
        await pilot.press("enter")
        await until(lambda: "■ stopped" not in shown(pilot))
        assert sees(pilot, "digits-a/3", "validation")()
        await pilot.press("escape")
        await until(sees(pilot, "■ stopped"))
        for _ in range(6):
            await pilot.press("escape")
        assert pilot.app.is_running


async def test_tab_changes_the_side(root: Root, runs: dict[str, RunName], until: Until) -> None:
    async with screen(root) as pilot:
        await until(sees(pilot, "validation"))
        places = []
        for _ in range(4):
            places.append(pilot.app.focused.id if pilot.app.focused else None)
            await pilot.press("tab")
        assert places == ["runs", "loss", "experiments", "runs"]
        await pilot.press("shift+tab", "shift+tab", "enter")
        assert pilot.app.focused is home(pilot).runs


async def test_marked_runs_are_overlaid_in_lasting_colours(root: Root, runs: dict[str, RunName], until: Until) -> None:
    async with screen(root) as pilot:
        await until(sees(pilot, "validation"))
        await pilot.press("g", "space", "space")
        await until(sees(pilot, "validation loss", "run 0 ", "run 1 ", "run 2 "))
        marks = dict(home(pilot).runs.marks)
        assert list(marks) == [runs["complete"], runs["stopped"]]
        await pilot.press("g", "space", "space")
        assert home(pilot).runs.marks == {}
        await pilot.press("g", "space", "down", "space")
        assert home(pilot).runs.marks[runs["complete"]] == marks[runs["complete"]]
        await pilot.press("u")
        await until(sees(pilot, "━━ training"))


async def test_stop_is_asked_and_explained(
    database: Database, root: Root, runs: dict[str, RunName], until: Until, no_workers: list[str]
) -> None:
    async with screen(root, SMALL) as pilot:
        await until(lambda: current(pilot) == runs["running"])
        await pilot.press("x")
        await until(
            sees(pilot, "End digits-a/3?", "finish the epoch, keep the checkpoint", "loses the unfinished epoch")
        )
        await pilot.press("escape")
        assert listing.run(database, runs["running"]).request is None
        await pilot.press("x", "k")
        await until(lambda: no_workers == [f"kill {runs['running']}"])
        await pilot.press("x", "enter")
        await until(lambda: listing.run(database, runs["running"]).request is Request.STOP)
        await until(sees(pilot, "▶ stopping", "p resume"))
        await pilot.press("p")
        await until(sees(pilot, "▶ running"))


async def test_a_waiting_run_is_stopped_at_once(
    database: Database, root: Root, runs: dict[str, RunName], until: Until
) -> None:
    async with screen(root, focus=runs["waiting"]) as pilot:
        await until(lambda: current(pilot) == runs["waiting"])
        await pilot.press("x")
        await until(lambda: state(database, runs["waiting"]) is RunState.STOPPED)


async def test_pause_and_resume(
    database: Database, root: Root, runs: dict[str, RunName], until: Until, no_workers: list[str]
) -> None:
    async with screen(root, focus=runs["waiting"]) as pilot:
        await until(sees(pilot, "p pause"))
        await pilot.press("p")
        await until(lambda: state(database, runs["waiting"]) is RunState.HELD)
        await until(sees(pilot, "p resume"))
        await pilot.press("p")
        await until(lambda: state(database, runs["waiting"]) is RunState.WAITING)
        await until(lambda: no_workers == ["ensure_workers"])


async def test_a_stopped_run_goes_on_as_a_new_one(
    database: Database, root: Root, runs: dict[str, RunName], until: Until
) -> None:
    root.run(runs["stopped"]).last.write_bytes(b"a checkpoint")
    async with screen(root, focus=runs["stopped"]) as pilot:
        await until(lambda: current(pilot) == runs["stopped"])
        await pilot.press("p")
        await until(lambda: current(pilot) == RunName("digits-a", 6))
        assert listing.frozen(database, RunName("digits-a", 6)).spec["start_from"] == "digits-a/1"


async def test_a_refusal_is_one_sentence(root: Root, runs: dict[str, RunName], until: Until) -> None:
    async with screen(root, focus=runs["failed"]) as pilot:
        await until(lambda: current(pilot) == runs["failed"])
        await pilot.press("p")
        await until(sees(pilot, "has no checkpoint to go on from"))


async def test_delete_asks_and_undo_restores(
    database: Database, root: Root, runs: dict[str, RunName], until: Until
) -> None:
    async with screen(root, focus=runs["failed"]) as pilot:
        await until(sees(pilot, "D delete"))
        await pilot.press("D")
        await until(sees(pilot, "Delete digits-a/2?"))
        await pilot.press("n")
        assert not listing.run(database, runs["failed"]).deleted
        await pilot.press("D", "y")
        await until(lambda: listing.run(database, runs["failed"]).deleted)
        await until(lambda: "✗ failed" not in shown(pilot))
        assert not root.run(runs["failed"]).folder.exists()
        await pilot.press("z")
        await until(sees(pilot, "✗ failed"))
        assert current(pilot) == runs["failed"]
        assert root.run(runs["failed"]).metrics.is_file()


async def test_a_live_run_has_no_delete_key(root: Root, runs: dict[str, RunName], until: Until) -> None:
    async with screen(root, (200, 60)) as pilot:
        await until(sees(pilot, "x stop", "validation"))
        assert "D delete" not in shown(pilot)
        await pilot.press("D")
        assert "Delete" not in shown(pilot)


async def test_marked_runs_are_deleted_together(
    database: Database, root: Root, runs: dict[str, RunName], until: Until
) -> None:
    async with screen(root) as pilot:
        await until(sees(pilot, "validation"))
        await pilot.press("g", "space", "space", "D")
        await until(sees(pilot, "Delete 2 marked runs?"))
        await pilot.press("y")
        await until(lambda: listing.run(database, runs["stopped"]).deleted)
        assert listing.run(database, runs["complete"]).deleted
        await pilot.press("z")
        await until(lambda: not listing.run(database, runs["complete"]).deleted)


async def test_a_letter_before_the_line_knows_of_its_focus_is_kept(
    root: Root, runs: dict[str, RunName], until: Until
) -> None:
    async with screen(root) as pilot:
        await until(lambda: current(pilot) == runs["running"])
        app = pilot.app
        assert isinstance(app, AetuiApp)
        home(pilot).action_filter()
        app.on_key(Key("s", "s"))  # the line has yet to handle its message about the focus
        await pilot.press("t")
        assert home(pilot).query_one("#filter", Input).value == "st"
        await pilot.press("enter", "slash", "x")
        assert home(pilot).query_one("#filter", Input).value == "x", "what was there is typed over"


async def test_the_filter_wants_all_words(root: Root, runs: dict[str, RunName], until: Until) -> None:
    async with screen(root) as pilot:
        await until(sees(pilot, "validation"))
        await pilot.press("slash", *"stopped a/1")
        await until(lambda: [run.name for run in home(pilot).runs.items] == [runs["stopped"]])
        await until(sees(pilot, "digits-a/1  ■ stopped"))
        await pilot.press("enter", "escape")
        await until(lambda: len(home(pilot).runs.items) == 6)
        assert current(pilot) == runs["stopped"]
        await pilot.press("slash", *"failed")
        await until(lambda: len(home(pilot).runs.items) == 1)
        await pilot.press("escape")
        await until(lambda: len(home(pilot).runs.items) == 6)
        assert pilot.app.focused is home(pilot).runs


async def test_the_filter_knows_fields_and_completes_them(root: Root, runs: dict[str, RunName], until: Until) -> None:
    async with screen(root) as pilot:
        await until(sees(pilot, "validation"))
        await pilot.press("slash", *"state:st")
        await until(sees(pilot, "state:stopped"))  # what follows the cursor is in grey
        await pilot.press("right", *" | failed")
        await until(lambda: {run.name for run in home(pilot).runs.items} == {runs["stopped"], runs["failed"]})
        await pilot.press("ctrl+u", *"epoch>4 !complete")
        await until(lambda: [run.name for run in home(pilot).runs.items] == [runs["stopped"]])
        await pilot.press("enter", "shift+tab", "slash", *"kind:va")
        await until(lambda: [found.experiment for found in home(pilot).experiments.items] == ["vae-b"])


async def test_the_cursor_of_a_long_list_is_in_sight(
    database: Database, root: Root, runs: dict[str, RunName], until: Until
) -> None:
    """An experiment whose newest run lies below the lower edge, come to from one that fits."""
    newest = [add_run(database, "long", "waiting") for _ in range(40)][-1]
    async with screen(root, SMALL, focus=runs["vae"]) as pilot:
        await until(lambda: current(pilot) == runs["vae"])
        home(pilot).experiments.go_to("long")
        await until(lambda: current(pilot) == newest)
        await until(sees(pilot, f"▸  {newest.number} ◌ waiting"))


async def test_a_pane_with_the_focus_has_its_keys_in_the_bottom_line(
    root: Root, runs: dict[str, RunName], until: Until
) -> None:
    async with screen(root) as pilot:
        await until(sees(pilot, "digits-a/3", "━━ val"))
        elsewhere = shown(pilot).split("\n")[-1]
        assert " x stop " in elsewhere
        assert "zoom out" not in elsewhere
        await pilot.press("tab")
        await until(sees(pilot, "? keys  q leave  L log axis  m next view  + zoom in  esc back  - zoom out  0 all"))
        await pilot.press("2")
        await until(sees(pilot, ". epoch on  i inspect  esc back", " Y limits"))
        assert "log axis" not in shown(pilot).split("\n")[-1]
        await pilot.press("1", "escape")
        await until(lambda: shown(pilot).split("\n")[-1] == elsewhere)


async def test_runs_are_sorted_by_any_field(root: Root, runs: dict[str, RunName], until: Until) -> None:
    def numbers() -> list[int]:
        return [run.name.number for run in home(pilot).runs.items]

    async with screen(root, focus=runs["stopped"]) as pilot:
        await until(lambda: current(pilot) == runs["stopped"])
        assert numbers() == [0, 1, 2, 3, 4, 5]
        await pilot.press("s")
        await until(sees(pilot, "Sort the runs", "Failed runs, and those without a value, come last."))
        await pilot.press("ctrl+u", *"nosuch")
        await until(sees(pilot, "No run here has a field 'nosuch'"))
        await pilot.press("ctrl+u", *"error", "enter")
        await until(lambda: numbers() == [0, 1, 3, 2, 4, 5])
        await until(sees(pilot, "error▲"))
        assert current(pilot) == runs["stopped"], "the cursor stays on its run"
        await pilot.press("s", "ctrl+u", *"test_mse", "down", "right", "enter")
        await until(sees(pilot, "test_mse▼", "0.0321"))


async def test_locked_runs_are_not_deleted(
    root: Root, database: Database, runs: dict[str, RunName], until: Until
) -> None:
    async with screen(root, focus=runs["complete"]) as pilot:
        await until(lambda: current(pilot) == runs["complete"])
        await pilot.press("!")
        await until(lambda: listing.run(database, runs["complete"]).locked)
        await until(sees(pilot, "locked against deletion", "  locked  "))
        await pilot.press("D")
        assert isinstance(pilot.app.screen, HomeScreen)
        await pilot.press("!")
        await until(lambda: not listing.run(database, runs["complete"]).locked)


async def test_help_lists_and_searches_the_keys(root: Root, runs: dict[str, RunName], until: Until) -> None:
    async with screen(root, SMALL) as pilot:
        await until(sees(pilot, "━━ val"))
        await pilot.press("question_mark")
        await until(sees(pilot, "Keys", "Start a run"))
        await pilot.press(*"undo")
        await until(sees(pilot, "Take the last deletion back"))
        assert "Start a run" not in shown(pilot)
        await pilot.press("escape")
        assert isinstance(pilot.app.screen, HomeScreen)


@pytest.mark.parametrize("key", ["colon", pytest.param("ctrl+p", marks=pytest.mark.slow)])
async def test_the_palette_runs_any_action(root: Root, runs: dict[str, RunName], until: Until, key: str) -> None:
    async with screen(root) as pilot:
        await until(sees(pilot, "validation"))
        await pilot.press(key)
        await until(sees(pilot, "What should happen?"))
        await pilot.press(*"log axis")
        await until(sees(pilot, "logarithmic or linear"))
        await pilot.pause(0.3)
        await pilot.press("enter")
        await until(sees(pilot, "loss (log)"))


async def test_themes_can_be_chosen(root: Root, runs: dict[str, RunName], until: Until) -> None:
    async with screen(root) as pilot:
        await until(sees(pilot, "validation"))
        await pilot.press("T")
        await until(sees(pilot, "Which colours?"))
        await pilot.press(*"aetui-light")
        await pilot.pause(0.3)
        await pilot.press("enter")
        await until(lambda: pilot.app.theme == "aetui-light")


@pytest.mark.parametrize("size", [SMALL, pytest.param(MIDDLE, marks=pytest.mark.slow)])
async def test_a_run_is_started_from_the_form(
    database: Database, root: Root, until: Until, no_workers: list[str], size: tuple[int, int]
) -> None:
    async with screen(root, size) as pilot:
        await until(sees(pilot, "━━ val"))
        await pilot.press("n")
        await until(sees(pilot, "New run", "A convolutional autoencoder on mnist-5k"))
        await pilot.press("right", "right", "down", *"digits", "down", *"von-hand", "down", *"3x")
        await until(sees(pilot, "epochs='3x' does not fit: it must be a whole number.", "beta"))
        await pilot.press("enter")
        assert "New run" in shown(pilot), "what is wrong cannot be started"
        await pilot.press("backspace")
        await until(sees(pilot, "A variational autoencoder on digits, 1,437 training images."))
        await pilot.press("enter")
        await until(lambda: current(pilot) == RunName("von-hand", 0))
        spec = listing.frozen(database, RunName("von-hand", 0)).spec
        assert (spec["kind"], spec["dataset"], spec["epochs"]) == ("vae", "digits", 3)
        assert no_workers == ["ensure_workers"]
        await until(sees(pilot, "von-hand/0", "◌ waiting"))


async def test_the_first_run_makes_the_root(root: Root, until: Until) -> None:
    async with screen(root) as pilot:
        await until(sees(pilot, "No experiments yet."))
        await pilot.press("n")
        await until(sees(pilot, "New run"))
        await pilot.press("enter")
        await until(lambda: current(pilot) == RunName("cae-mnist-5k", 0))
        assert root.database.is_file()


async def test_the_form_can_be_left(database: Database, root: Root, until: Until) -> None:
    async with screen(root) as pilot:
        await until(sees(pilot, "validation"))
        await pilot.press("n")
        await until(sees(pilot, "New run"))
        await pilot.press("escape")
        await until(lambda: isinstance(pilot.app.screen, HomeScreen))
        assert len(listing.experiments(database)) == 2


async def test_too_small_is_one_sentence(root: Root, runs: dict[str, RunName], until: Until) -> None:
    async with screen(root, (59, 20)) as pilot:
        await until(lambda: shown(pilot).strip() == "aetui needs 60 columns and 16 rows; q leaves.")
        await pilot.resize_terminal(*SMALL)
        await until(sees(pilot, "digits-a/3", "━━ val"))
        await pilot.resize_terminal(80, 15)
        await until(lambda: shown(pilot).strip() == "aetui needs 60 columns and 16 rows; q leaves.")


async def test_without_colour_glyphs_tell_the_classes_apart(
    root: Root, runs: dict[str, RunName], until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with screen(root) as pilot:
        await until(sees(pilot, "validation"))
        await pilot.press("2")
        await until(sees(pilot, "epoch 4 of 10", "0 1 2 3"))
        cloud = "".join(shown(pilot).split("\n")[3:-1])
        assert all(cloud.count(digit) > 10 for digit in "0123")


async def test_in_the_c_locale_all_is_ascii(
    root: Root, runs: dict[str, RunName], until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANG", "C")
    async with screen(root, SMALL) as pilot:
        await until(sees(pilot, "> running", "val"))
        # The folder of these tests has an umlaut: it is the user's, and shown as it is.
        await pilot.press("space")
        for key in [*"1235n", "escape", "x", "escape", "r", "escape", "question_mark", "escape", "ctrl+p", "escape"]:
            await pilot.press(key)
            await pilot.pause(0.1)
            text = shown(pilot).replace("ä", "a")
            assert text.isascii(), [character for character in text if not character.isascii()]


async def test_names_and_logs_cannot_inject_markup(
    database: Database, root: Root, until: Until, runs: dict[str, RunName]
) -> None:
    log = "[bold red]kept[/] as \x1b[31mtext\x1b[0m\x07\nerror: [link=x]\n"
    root.run(runs["failed"]).log.write_text(log)
    async with screen(root, focus=runs["failed"]) as pilot:
        await until(lambda: current(pilot) == runs["failed"])
        await pilot.press("6")
        await until(sees(pilot, "[bold red]kept[/] as text", "error: [link=x]"))
        await pilot.press("5")
        await until(sees(pilot, "failed: RuntimeError: out of luck"))


async def test_a_broken_storage_is_said_and_not_died_of(root: Root, until: Until) -> None:
    root.path.mkdir(parents=True)
    root.database.write_bytes(b"this is no database, however long one looks at it" * 100)
    async with screen(root) as pilot:
        await until(sees(pilot, "cannot be opened"))
        assert pilot.app.is_running


async def test_an_idle_screen_sends_nothing(
    database: Database, root: Root, runs: dict[str, RunName], until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("waiting", "held"):
        control.stop(database, runs[name])
    with database.engine.begin() as connection:
        connection.execute(schema.trials.update().where(schema.trials.c.state == "RUNNING").values(state="FAIL"))
        connection.execute(schema.workers.delete())
    async with screen(root, focus=runs["complete"]) as pilot:
        await until(sees(pilot, "0 workers", "validation"))
        await pilot.pause(0.5)
        sent: list[object] = []
        monkeypatch.setattr(pilot.app, "_display", lambda screen, update: sent.append(update))
        await pilot.pause(1.5)
        assert sent == []
        await pilot.press("down")
        await until(lambda: sent)


async def test_q_leaves_and_ctrl_q_does_not(root: Root, runs: dict[str, RunName], until: Until) -> None:
    async with screen(root) as pilot:
        await until(sees(pilot, "validation"))
        await pilot.press("ctrl+q", "ctrl+c")
        assert pilot.app.is_running
        await until(sees(pilot, "q leaves the screen"))
        await pilot.press("q")
        assert pilot.app._exit
    assert pilot.app.return_code == 0


async def test_over_ssh_nothing_is_animated(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSH_CONNECTION", "10.0.0.1 22 10.0.0.2 22")
    async with screen(root) as pilot:
        assert pilot.app.animation_level == "none"


async def test_the_mouse_works_too(root: Root, runs: dict[str, RunName], until: Until) -> None:
    async with screen(root) as pilot:
        await until(sees(pilot, "validation"))
        await pilot.click("#strip", offset=(14, 0))
        await until(sees(pilot, "epoch 4 of 10"))
        await pilot.click("#runs", offset=(6, 1))
        assert current(pilot) == runs["complete"]


async def test_w_starts_workers_where_something_waits_and_none_is_alive(
    root: Root, runs: dict[str, RunName], until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[object] = []
    monkeypatch.setattr("engine.jobs.ensure_workers", started.append)
    async with screen(root, focus=runs["complete"]) as pilot:
        await until(lambda: current(pilot) == runs["complete"])
        await pilot.press("w")  # one is alive: the key does nothing
        workers.unregister(open_database(root), WORKER)
        await until(lambda: pilot.app.screen.check_action("workers", ()))
        assert started == []
        await pilot.press("w")
        await until(lambda: len(started) == 1)
