"""The screen of recipes, over state files as whoever drives a recipe writes them."""

from collections.abc import Sequence

import pytest
from textual.pilot import Pilot

from engine.recipes import driving
from engine.recipes.asked import AskedRecipe
from engine.recipes.driver_lock import driver_lock
from engine.recipes.driving import Record
from engine.recipes.progress import RecipeProgress, StepProgress, StepState
from store.database import Database
from store.names import RunName
from store.paths import Root
from tests.tui.conftest import Until
from tests.tui.roots import add_run
from tests.tui.test_screen import MIDDLE, SMALL, current, home, screen, sees, shown
from tui.look import Look
from tui.messages import RowsChanged
from tui.recipe_table import Row
from tui.screens.home import HomeScreen
from tui.screens.recipe import RecipeScreen, standing

ASKED = AskedRecipe(source="paper", preset="quick", dataset="digits")
NAME = "paper-quick-digits"
LARGE = (200, 60)


def tell(
    root: Root,
    states: Sequence[StepState],
    asked: AskedRecipe = ASKED,
    *,
    runs: Sequence[RunName] = (),
    was_interrupted: bool = False,
    says: str = "",
) -> None:
    """Write how far ``asked`` is: its first steps are in ``states``, the others wait; ``runs`` are the first one's."""
    recipe = asked.recipe()
    steps = []
    for index, step in enumerate(recipe.steps):
        state = states[index] if index < len(states) else StepState.WAITING
        steps.append(
            StepProgress(
                step=step,
                state=state,
                num_done={StepState.DONE: 8, StepState.RUNNING: 4}.get(state, 0),
                num_total=8,
                left_s=60.0,
                runs=tuple(runs) if index == 0 else (),
                says=says if state is StepState.FAILED else "",
            )
        )
    progress = RecipeProgress(recipe=recipe, steps=tuple(steps), was_interrupted=was_interrupted)
    Record(root, asked, 2).tell(progress)


def recipes(pilot: Pilot[object]) -> RecipeScreen:
    assert isinstance(pilot.app.screen, RecipeScreen)
    return pilot.app.screen


@pytest.mark.parametrize("size", [SMALL, MIDDLE, pytest.param(LARGE, marks=pytest.mark.slow)])
async def test_it_shows_the_steps_and_follows_them(
    root: Root, runs: dict[str, RunName], until: Until, size: tuple[int, int]
) -> None:
    tell(root, [StepState.DONE, StepState.RUNNING, StepState.FAILED, StepState.SKIPPED], says="out of luck")
    async with screen(root, size) as pilot:
        await until(sees(pilot, "digits-a/3"))
        await pilot.press("r")
        await until(sees(pilot, NAME, "1 of 20 steps done", "17m00 left", "not driven"))
        text = shown(pilot)
        for word in ("✓ done", "▶ running", "✗ failed", "– skipped", "◌ waiting", "8/8", "4/8", "━━━━━┄┄┄┄┄", "1m00"):
            assert word in text
        await pilot.press("down", "down")
        await until(sees(pilot, "out of luck"))
        assert len(shown(pilot).split("\n")) == size[1]
        assert max(map(len, shown(pilot).split("\n"))) <= size[0]
        tell(root, [StepState.DONE, StepState.DONE, StepState.DONE], was_interrupted=True)
        await until(sees(pilot, "3 of 20 steps done", "held back: p goes on"))
        assert "failed" not in shown(pilot)


@pytest.mark.parametrize("part", ["recipe-head", "steps", "figures", "recipe-detail"])
async def test_news_that_come_while_it_is_taken_down_do_no_harm(
    root: Root, runs: dict[str, RunName], until: Until, part: str
) -> None:
    tell(root, [StepState.RUNNING])
    async with screen(root, SMALL) as pilot:
        await until(sees(pilot, "digits-a/3"))
        await pilot.press("r")
        await until(sees(pilot, NAME, "0 of 20 steps done"))
        shows = recipes(pilot)
        await shows.query_one(f"#{part}").remove()
        home(pilot).post_message(RowsChanged(NAME, ()))
        await pilot.pause()
        shows.take_rows(RowsChanged(NAME, ()))


@pytest.mark.parametrize("size", [SMALL, MIDDLE, pytest.param(LARGE, marks=pytest.mark.slow)])
async def test_the_table_stands_below_the_steps(
    database: Database, root: Root, runs: dict[str, RunName], until: Until, size: tuple[int, int]
) -> None:
    tell(root, [StepState.RUNNING])
    async with screen(root, size) as pilot:
        await until(sees(pilot, "digits-a/3"))
        await pilot.press("r")
        await until(sees(pilot, "search, lowest validation MSE", "reference", "ours", "better", "97.56%", "0.0180"))
        await pilot.press("tab", "down")
        await until(sees(pilot, "the reference found these two to matter most"))
        await pilot.press("G")
        await until(sees(pilot, "codes of the 6-D"))


@pytest.mark.parametrize(("look", "marks"), [({}, ("✓ yes", "✗ no")), ({"LANG": "C"}, ("+ yes", "! no"))])
async def test_better_and_worse_are_told_by_more_than_colour(
    root: Root,
    runs: dict[str, RunName],
    until: Until,
    monkeypatch: pytest.MonkeyPatch,
    look: dict[str, str],
    marks: tuple[str, str],
) -> None:
    for name, value in look.items():
        monkeypatch.setenv(name, value)
    tell(root, [StepState.RUNNING])

    def row(id: str, ours: str, better: bool | None) -> Row:
        title = f"denoising autoencoder, trained on whatever there was to train on, test MSE at {id} noise"
        numbers = {"reference": "0.0180", "ours": ours, "spread": "0.0002"}
        runs = tuple(RunName("r-dae", number) for number in range(3))
        return Row(id=id, title=title, **numbers, better=better, runs=runs, command="aetui run", notes=())

    async with screen(root) as pilot:
        await until(sees(pilot, "digits-a/3"))
        await pilot.press("r")
        await until(sees(pilot, "97.56%"))
        figures = (row("1x", "0.0151", True), row("2x", "0.0182", False), row("3x", "-", None))
        home(pilot).post_message(RowsChanged(NAME, figures))
        await until(sees(pilot, "0.0151"))
        found = {id: next(line for line in shown(pilot).split("\n") if f"at {id} noise" in line) for id in ("1x", "2x")}
        assert marks[0] in found["1x"]
        assert marks[1] in found["2x"]
        assert all(word in found["1x"] for word in ("0.0180", "0.0151", "0.0002", "r-dae/0 and 2 more"))


async def test_a_figure_leads_to_its_run_and_a_step_to_its_experiment(
    database: Database, root: Root, runs: dict[str, RunName], until: Until
) -> None:
    experiment = ASKED.recipe().experiment("search")
    for name in ("waiting", "running"):  # so that what is made now is taken next
        with database.engine.begin() as connection:
            connection.exec_driver_sql("UPDATE trials SET state='FAIL' WHERE number=?", (runs[name].number,))
    made = add_run(database, experiment, "complete", done=3)
    tell(root, [StepState.DONE], runs=[made])
    async with screen(root, focus=runs["vae"]) as pilot:
        await until(lambda: current(pilot) == runs["vae"])
        await pilot.press("r")
        await until(sees(pilot, f"its runs are in {experiment}", "enter open"))
        await pilot.press("down")
        await until(lambda: "enter open" not in shown(pilot))
        await pilot.press("enter")
        assert recipes(pilot)
        await pilot.press("up", "enter")
        await until(lambda: current(pilot) == made)
        assert isinstance(pilot.app.screen, HomeScreen)
        await until(sees(pilot, f"{made}  ✓ complete"))

        await pilot.press("escape", "g", "r", "tab")
        await until(sees(pilot, "enter open"))
        await pilot.press("enter")
        await until(lambda: current(pilot) == made and isinstance(pilot.app.screen, HomeScreen))


async def test_the_end_of_a_recipe_is_told_wherever_one_is(root: Root, runs: dict[str, RunName], until: Until) -> None:
    tell(root, [StepState.DONE, StepState.RUNNING])
    async with screen(root) as pilot:
        with driver_lock(root, NAME):
            await until(sees(pilot, f"{NAME} 1/20"))
            tell(root, [StepState.DONE] * 19 + [StepState.FAILED])
            await until(sees(pilot, f"{NAME} is over: 19 of 20 steps done"))


@pytest.mark.parametrize("size", [SMALL, pytest.param(MIDDLE, marks=pytest.mark.slow)])
async def test_it_is_told_while_a_process_drives_it(
    root: Root, runs: dict[str, RunName], until: Until, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    monkeypatch.setattr(driving, "hold", lambda database, name: asked.append(name))
    monkeypatch.setattr(
        driving, "drive", lambda database, recipe, **options: asked.append((recipe, options["slots"])) or NAME
    )
    tell(root, [StepState.DONE, StepState.RUNNING])
    async with screen(root, size) as pilot:
        with driver_lock(root, NAME) as is_ours:
            assert is_ours
            # The top line of 80 columns has no room for it beside a root as long as this one's.
            await until(sees(pilot, *([f"{NAME} 1/20, 19m00 left"] if size == MIDDLE else ["digits-a/3"])))
            await pilot.press("r")
            await until(sees(pilot, "▶ driven now", "p hold"))
            await pilot.press("p")
            await until(lambda: asked == [NAME])
        await until(sees(pilot, "not driven: p goes on", "p go on"))
        await pilot.press("p")
        await until(lambda: asked == [NAME, (ASKED, 2)])
        await pilot.press("escape")
        await until(lambda: isinstance(pilot.app.screen, HomeScreen))
        assert "19m00 left" not in shown(pilot)


async def test_one_of_several_is_chosen_and_a_new_one_is_gone_to(
    root: Root, runs: dict[str, RunName], until: Until
) -> None:
    other, third = (AskedRecipe(source="paper", dataset="digits", name=name) for name in ("other", "third"))
    tell(root, [StepState.DONE], other)
    tell(root, [StepState.DONE, StepState.DONE])
    async with screen(root) as pilot:
        await until(sees(pilot, "digits-a/3"))
        await pilot.press("r")
        await until(sees(pilot, NAME, "1 of 2 recipes", "2 of 20 steps done"))
        await pilot.press("right")
        await until(sees(pilot, "other", "2 of 2 recipes", "1 of 20 steps done"))
        await pilot.press("left")
        await until(sees(pilot, "1 of 2 recipes"))
        tell(root, [], third)
        await until(sees(pilot, "third", "1 of 3 recipes", "0 of 20 steps done"))


@pytest.mark.parametrize("size", [SMALL, pytest.param(MIDDLE, marks=pytest.mark.slow)])
async def test_without_a_recipe_one_is_offered(
    root: Root, runs: dict[str, RunName], until: Until, size: tuple[int, int]
) -> None:
    async with screen(root, size) as pilot:
        await until(sees(pilot, "digits-a/3"))
        await pilot.press("r")
        await until(
            sees(pilot, "No recipe has run here yet: n starts the reference study or one of your own.", "n new recipe")
        )
        assert "p go on" not in shown(pilot)
        await pilot.press("n")
        await until(sees(pilot, "New recipe", "The reference study (quick)"))
        await pilot.press("escape")
        await until(lambda: isinstance(pilot.app.screen, RecipeScreen))
        tell(root, [StepState.RUNNING])
        await until(sees(pilot, NAME, "0 of 20 steps done"))
        await pilot.press("escape")
        await until(lambda: pilot.app.screen is home(pilot))


async def test_what_says_nothing_sensible_is_left_out(root: Root, runs: dict[str, RunName], until: Until) -> None:
    (root.path / ".recipe-broken.json").write_text('{"name": "broken"')
    tell(root, [StepState.DONE])
    async with screen(root) as pilot:
        await until(sees(pilot, "digits-a/3"))
        await pilot.press("r")
        await until(sees(pilot, NAME, "1 of 20 steps done"))
        assert "recipes (" not in shown(pilot)


@pytest.mark.parametrize("variables", [{"LANG": "C"}, {"LANG": "C", "NO_COLOR": "1"}])
async def test_in_the_c_locale_it_is_ascii(
    root: Root,
    runs: dict[str, RunName],
    until: Until,
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    tell(root, [StepState.DONE, StepState.RUNNING, StepState.FAILED, StepState.SKIPPED])
    async with screen(root, SMALL) as pilot:
        await until(sees(pilot, "digits-a/3"))
        await pilot.press("r")
        await until(sees(pilot, "+ done", "> running", "! failed", "- skipped", "97.56%"))
        assert shown(pilot).isascii()


@pytest.mark.parametrize(
    ("state", "was_interrupted", "is_driven", "words"),
    [
        (StepState.RUNNING, False, True, "▶ driven now"),
        (StepState.RUNNING, False, False, "? not driven: p goes on"),
        (StepState.RUNNING, True, False, "‖ held back: p goes on"),
        (StepState.DONE, False, False, "✓ done"),
        (StepState.FAILED, False, False, "✗ over, 20 failed: p tries again"),
    ],
)
def test_how_a_recipe_stands(root: Root, state: StepState, was_interrupted: bool, is_driven: bool, words: str) -> None:
    root.path.mkdir(parents=True)
    tell(root, [state] * 20, was_interrupted=was_interrupted)
    with driver_lock(root, NAME if is_driven else "another"):
        (found,) = driving.driven(root)
    text = standing(found, Look()).plain
    assert words in text
    assert ("left" in text) is not state.is_over
