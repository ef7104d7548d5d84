"""Going on where it stopped: with runs trained in this process, then once with real workers and SIGKILL."""

import contextlib
import multiprocessing
import os
import random
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from engine import jobs
from engine.recipes import runner, table
from engine.recipes.paper import paper
from engine.recipes.progress import RecipeProgress, StepState
from engine.recipes.steps import Evaluate, Plan, Recipe, Step, Train
from store import control, listing, queue, workers
from store.database import Database, open_database
from store.errors import RequestError
from store.names import RunName
from store.paths import Root
from store.records import RunState
from tests.live import processes_of, small_spec, worked_on_database


def finish(database: Database, recipe: Recipe) -> RecipeProgress:
    """To its end, trained in this process."""
    return runner.run(
        database, recipe, lambda _: None, see_to_workers=lambda: jobs.run_inline(database) and None, poll_s=0.0
    )


def attempts(database: Database) -> dict[str, tuple[int, RunState, float | None]]:
    """Of every run how often it was begun, and how it ended."""
    return {str(run.name): (run.attempt, run.state, run.value) for run in listing.runs(database)}


def states(progress: RecipeProgress) -> dict[str, StepState]:
    return {step.step.id: step.state for step in progress.steps}


def only(name: str, *steps: Step) -> Recipe:
    return Recipe(name=name, title=name, steps=steps)


def train(id: str, *specs: object, needs: tuple[str, ...] = ()) -> Step:
    return Step(id=id, title=id, work=Train(plans=tuple(Plan(spec=spec) for spec in specs)), needs=needs)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Finished:
    """A root on which the small recipe came to its end, and what was told on the way."""

    database: Database
    told: list[RecipeProgress]
    done: RecipeProgress


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, small_recipe: Recipe) -> Iterator[Finished]:
    with worked_on_database(tmp_path_factory.mktemp("finished") / "runs") as database:
        told: list[RecipeProgress] = []
        done = runner.run(
            database, small_recipe, told.append, see_to_workers=lambda: jobs.run_inline(database) and None, poll_s=0.0
        )
        yield Finished(database, told, done)


def test_a_recipe_runs_to_its_end_and_running_it_again_repeats_nothing(
    finished: Finished, small_recipe: Recipe
) -> None:
    database, told, done = finished.database, finished.told, finished.done
    assert done.is_done
    assert done.left_s == 0
    assert states(told[0]) == {"search": "running", "final": "waiting", "folds": "waiting"}
    assert {step.step.id: (step.num_done, step.num_total) for step in done.steps} == {
        "search": (3, 3),
        "final": (2, 2),
        "folds": (3, 3),
    }
    before = attempts(database)
    assert {name.rpartition("/")[0] for name in before} == {"small-search", "small-final", "small-final-crossval"}
    rows = table.rows(database, small_recipe)
    assert finish(database, small_recipe).is_done
    assert attempts(database) == before
    assert table.rows(database, small_recipe) == rows


def test_what_was_asked_to_pause_and_had_not_yet_goes_on(database: Database, small_recipe: Recipe) -> None:
    """Held back and gone on with before its worker heard of the first: it would pause when nobody expects it."""
    requests = {}

    def look() -> bool:
        for run in listing.runs(database):
            requests[run.name] = run.request
        return True

    finals = next(step for step in small_recipe.steps if step.id == "final")
    assert isinstance(finals.work, Train)
    plain = tuple(replace(plan, chosen=None) for plan in finals.work.plans)
    recipe = replace(small_recipe, rows=(), steps=(replace(finals, work=Train(plans=plain), needs=()),))
    runner.run(database, recipe, lambda _: None, should_stop=lambda: True)
    held = [run.name for run in listing.runs(database)]
    control.resume(database, held[0])
    workers.register(database, "here@cpu", "cpu", None)
    assert queue.claim(database, "here@cpu", "cpu") is not None
    control.pause(database, held[0])
    assert listing.run(database, held[0]).state is RunState.RUNNING
    runner.run(database, recipe, lambda _: None, should_stop=look)
    assert requests == dict.fromkeys(held)


def test_the_table_sums_up_what_the_runs_say(finished: Finished, small_recipe: Recipe) -> None:
    database = finished.database
    search, final, gap = table.rows(database, small_recipe)
    searched = listing.runs(database, "small-search")
    best = min(searched, key=lambda run: run.value or 9)
    assert (search.ours, search.runs) == (best.value, (best.name,))
    finals = listing.runs(database, "small-final")
    assert {run.params["lr"] for run in finals} == {best.params["lr"]}
    first, second = (run.test["mse"] for run in finals)
    assert final.ours == pytest.approx((first + second) / 2)
    assert final.spread == pytest.approx(abs(first - second) / 2**0.5)
    assert final.better is True
    assert (final.epochs, final.runs) == (2, tuple(run.name for run in finals))
    assert final.num_parameters is not None
    assert final.num_parameters > 1000
    assert final.command.startswith("aetui run cae --dataset digits --name small-final --epochs 2 --seed 0")
    folds = [run.value or 0 for run in listing.runs(database, "small-final-crossval")]
    mean = sum(folds[:2]) / 2
    assert gap.ours == pytest.approx(100 * abs(folds[2] - mean) / mean)


def test_killed_between_any_two_looks_it_goes_on(database: Database, small_recipe: Recipe) -> None:
    looks = 0

    class Killed(BaseException):
        pass

    def die(_: RecipeProgress) -> None:
        raise Killed

    while looks < 30:
        looks += 1
        with pytest.raises(Killed):
            runner.run(database, small_recipe, die)  # queues what is ready, and dies
        jobs.run_inline(database)
        if len(listing.runs(database, "small-final-crossval")) == 3:
            break
    assert finish(database, small_recipe).is_done
    found = listing.runs(database)
    assert len(found) == 3 + 2 + 3
    assert all((run.attempt, run.state) == (1, RunState.COMPLETE) for run in found)


def test_a_failed_step_stops_what_needs_it_and_nothing_else(database: Database) -> None:
    bad = small_spec(epochs=20, optimizer="sgd", lr="99", weight_decay="9")
    recipe = only(
        "mixed",
        train("bad", bad),
        train("after", small_spec(epochs=1), needs=("bad",)),
        train("good", small_spec(epochs=1)),
    )
    done = finish(database, recipe)
    assert states(done) == {"bad": "failed", "after": "skipped", "good": "done"}
    assert "lower lr" in done.failed[0].says
    assert not done.is_done
    assert listing.runs(database, "mixed-after") == []
    assert len(listing.runs(database, "mixed-bad")) == 1, "once an invocation"
    good = attempts(database)["mixed-good/0"]
    finish(database, recipe)
    assert attempts(database)["mixed-good/0"] == good
    assert len(listing.runs(database, "mixed-bad")) == 2, "a new invocation tries again"


def test_a_helper_that_fails_fails_its_step_with_what_it_said(database: Database) -> None:
    recipe = only(
        "helped",
        train("final", small_spec(epochs=1)),
        Step(id="test", title="", work=Evaluate(of=("final",), noise=("hum:1",)), needs=("final",)),
    )
    done = finish(database, recipe)
    assert states(done) == {"final": "done", "test": "failed"}
    assert "hum" in done.failed[0].says


def test_held_back_it_goes_on_when_it_is_run_again(database: Database) -> None:
    recipe = only("held", train("a", small_spec(epochs=1), small_spec(epochs=1, seed=1)))
    left = runner.run(database, recipe, lambda _: None, should_stop=lambda: True)
    assert left.was_interrupted
    runner.pause(database, recipe)
    assert {run.state for run in listing.runs(database)} == {RunState.HELD}
    assert jobs.run_inline(database) == []
    assert finish(database, recipe).is_done
    assert len(listing.runs(database)) == 2


def test_a_stopped_run_goes_on_from_its_checkpoint(database: Database) -> None:
    spec = small_spec(epochs=3)
    recipe = only("stopped", train("a", spec))
    shorter = replace(spec, epochs=1)  # leaves the checkpoint that a stop would
    jobs.enqueue(database, shorter, "stopped-b")
    jobs.run_inline(database)
    name = jobs.enqueue(database, spec, "stopped-a")
    control.stop(database, name)
    folder = database.root.run(name).folder
    folder.parent.mkdir(exist_ok=True)
    database.root.run(RunName("stopped-b", 0)).folder.rename(folder)
    assert finish(database, recipe).is_done
    again = listing.run(database, RunName("stopped-a", 1))
    assert listing.frozen(database, again.name).spec["start_from"] == str(name)
    before = attempts(database)
    assert finish(database, recipe).is_done
    assert attempts(database) == before


def test_two_at_once_are_refused(database: Database, small_recipe: Recipe) -> None:
    def again(_: RecipeProgress) -> None:
        runner.run(database, small_recipe, lambda _: None)

    with pytest.raises(RequestError, match="is being run already"):
        runner.run(database, small_recipe, again)


def run_recipe(path: str, recipe: Recipe) -> None:
    database = open_database(Root(Path(path)))
    runner.run(database, recipe, lambda _: None, see_to_workers=lambda: jobs.ensure_workers(database, 1))


def killed_and_run_again(database: Database, recipe: Recipe, num_kills: int, wait_s: tuple[float, float]) -> None:
    """Kill the recipe's process, its workers and helpers at random moments; then let it come to its end."""
    dice, spawn = random.Random(7), multiprocessing.get_context("spawn")
    complete: dict[str, tuple[int, float | None, object]] = {}

    def check() -> None:
        runs = [run for run in listing.runs(database) if run.state is RunState.COMPLETE]
        now = {str(run.name): (run.attempt, run.value, run.params) for run in runs}
        assert {name: now[name] for name in complete} == complete, "a finished run was repeated"
        complete.update(now)

    for _ in range(num_kills):
        process = spawn.Process(target=run_recipe, args=(str(database.root.path), recipe))
        process.start()
        time.sleep(dice.uniform(*wait_s))
        for victim in [process.pid, *(live.pid for live in processes_of(database.root))]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(victim or 0, signal.SIGKILL)
        process.join()
        assert process.exitcode == -signal.SIGKILL, "it was over before it could be killed"
        check()
    done = runner.run(database, recipe, lambda _: None, see_to_workers=lambda: jobs.ensure_workers(database, 1))
    check()
    assert done.is_done, done.failed
    counted = {str(name) for step in done.steps for name in step.runs}
    assert {str(run.name) for run in listing.runs(database)} == counted, "no run is there twice"


def numbers(database: Database, recipe: Recipe) -> dict[str, object]:
    """The table without what a clock measured."""
    found = table.rows(database, recipe)
    return {row.id: replace(row, time_s=None) for row in found if "speedup" not in row.id}


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_killed_with_its_worker_a_recipe_ends_as_if_undisturbed(
    database: Database, small_recipe: Recipe, tmp_path: Path
) -> None:
    killed_and_run_again(database, small_recipe, num_kills=2, wait_s=(3.0, 5.0))
    undisturbed = open_database(Root(tmp_path / "undisturbed"), create=True)
    finish(undisturbed, small_recipe)
    assert numbers(database, small_recipe) == numbers(undisturbed, small_recipe)
    undisturbed.close()


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_the_quick_study_killed_with_its_worker_has_the_undisturbed_table_to_the_last_digit(
    database: Database, tmp_path: Path
) -> None:
    recipe = paper("quick", dataset="digits")
    killed_and_run_again(database, recipe, num_kills=3, wait_s=(10.0, 35.0))
    rows = table.rows(database, recipe)
    assert [row.id for row in rows if row.ours is None] == []
    assert all(row.command for row in rows)
    assert all(row.runs for row in rows if row.id != "importance")
    undisturbed = open_database(Root(tmp_path / "undisturbed"), create=True)
    assert finish(undisturbed, recipe).is_done
    assert numbers(database, recipe) == numbers(undisturbed, recipe)
    undisturbed.close()
