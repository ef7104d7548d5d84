"""Running a recipe: queue what is ready, wait, go on; killed at any point and run again, it repeats nothing.

Nothing of its own is stored: experiments named RECIPE-STEP, their runs, and the answers of helpers in the run folders
are all its state (what ``engine.recipes.driving`` keeps is for looking at).
"""

import time
from collections.abc import Callable
from pathlib import Path

from engine import crossval, jobs, search
from engine.patience import Patience
from engine.recipes.driver_lock import driver, driver_lock
from engine.recipes.driving import Record, already_driven
from engine.recipes.helpers import Helpers
from engine.recipes.progress import RecipeProgress, StepProgress, StepState
from engine.recipes.steps import Crossval, Recipe, Step, Train
from engine.recipes.work import Labour, Study
from engine.search import SearchSpec
from store import listing
from store.database import Database
from store.errors import RequestError, StorageAway
from store.paths import find_data_dir

POLL_S = 1.0  # a look costs up to 80 ms of the cores that train
_LOOK_AFTER_WORKERS_S = 2.0


def check(database: Database | None, recipe: Recipe, data_dir: Path | None = None) -> None:
    """Look whether all that the recipe names is there; ``database`` is None where the root is still to be made.

    Raises:
        RequestError: a data set, a device, a kind or a setting is absent or does not fit.
    """
    data_dir = find_data_dir(data_dir)
    for step in recipe.steps:
        experiment = recipe.experiment(step.id)
        match step.work:
            case Train(plans=plans):
                for spec in {plan.spec for plan in plans if plan.encoder_of is None}:
                    jobs.check(database, spec, experiment, data_dir)
            case SearchSpec(base=base, space=space):
                space.check(jobs.check(database, base, experiment, data_dir))
            case _:
                pass


def run(
    database: Database,
    recipe: Recipe,
    report: Callable[[RecipeProgress], None],
    *,
    data_dir: Path | None = None,
    see_to_workers: Callable[[], None] | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    record: Record | None = None,
    poll_s: float = POLL_S,
) -> RecipeProgress:
    """Run ``recipe`` to its end, or until ``should_stop``; ``report`` is told of every look.

    Steps run side by side as soon as what they need is done. A step that failed stops those that need it, and no
    others. ``see_to_workers`` is called every two seconds while anything is to be trained (default: a supervisor with
    its usual slots). What is under way when it is told to stop is held back (see `pause`). ``record`` is kept for
    others to look at.

    Raises:
        RequestError: see `check`; or another process runs this recipe on this root.
    """
    data_dir = find_data_dir(data_dir)
    check(database, recipe, data_dir)
    with driver_lock(database.root, recipe.name) as locked:
        if not locked:
            raise RequestError(already_driven(recipe.name, driver(database.root, recipe.name)))
        _let_go_on(database, recipe)
        helpers = Helpers(database, data_dir)
        labour = Labour(Study(database, recipe), data_dir, helpers)

        def tell(progress: RecipeProgress) -> None:
            report(progress)
            if record is not None:
                record.tell(progress)

        try:
            progress = _work(
                labour, tell, see_to_workers or (lambda: jobs.ensure_workers(database)), should_stop, poll_s
            )
        finally:
            helpers.end()
        if progress.was_interrupted:
            pause(database, recipe)
            if record is not None:
                record.tell(progress)
        return progress


def _work(
    labour: Labour,
    report: Callable[[RecipeProgress], None],
    see_to_workers: Callable[[], None],
    should_stop: Callable[[], bool],
    poll_s: float,
) -> RecipeProgress:
    def wait(seconds: float) -> bool:
        time.sleep(seconds)
        return should_stop()

    over: dict[str, StepProgress] = {}
    looked_after = -_LOOK_AFTER_WORKERS_S
    patience = Patience(wait)
    while True:
        with patience.outlast():
            progress = _look(labour, over)
            report(progress)
            if progress.is_over:
                return progress
            if should_stop():
                return RecipeProgress(recipe=progress.recipe, steps=progress.steps, was_interrupted=True)
            is_training = any(
                step.state is StepState.RUNNING and isinstance(step.step.work, Train | SearchSpec | Crossval)
                for step in progress.steps
            )
            if is_training and time.monotonic() - looked_after >= _LOOK_AFTER_WORKERS_S:
                see_to_workers()
                looked_after = time.monotonic()
        time.sleep(poll_s)


def _look(labour: Labour, over: dict[str, StepProgress]) -> RecipeProgress:
    """One pass over all steps; those that are ``over`` are not looked at again."""
    recipe, found = labour.study.recipe, []
    for step in recipe.steps:
        if step.id not in over:
            state = _needs(step, over)
            if state is None:
                progress = _advance(labour, step)
            else:
                progress = StepProgress(step=step, state=state, left_s=step.budget_s)
            if progress.state.is_over:
                over[step.id] = progress
        else:
            progress = over[step.id]
        found.append(progress)
    return RecipeProgress(recipe=recipe, steps=tuple(found))


def _advance(labour: Labour, step: Step) -> StepProgress:
    try:
        return labour.advance(step)
    except StorageAway:
        raise
    except RequestError as error:  # of this step; the others can go on
        return StepProgress(step=step, state=StepState.FAILED, says=str(error))


def _needs(step: Step, over: dict[str, StepProgress]) -> StepState | None:
    """What keeps a step from being worked on: None where all that it needs is done."""
    states = [over[needed].state if needed in over else StepState.RUNNING for needed in step.needs]
    if any(state in (StepState.FAILED, StepState.SKIPPED) for state in states):
        return StepState.SKIPPED
    return None if all(state is StepState.DONE for state in states) else StepState.WAITING


def pause(database: Database, recipe: Recipe) -> None:
    """Hold everything of the recipe back that waits or runs; running it again lets it go on where it was."""
    for experiment, is_search in _experiments(database, recipe):
        if is_search:
            search.stop(database, experiment)
        else:
            jobs.pause_all(database, experiment)


def _let_go_on(database: Database, recipe: Recipe) -> None:
    for experiment, _ in _experiments(database, recipe):
        jobs.let_go_on(database, experiment)


def _experiments(database: Database, recipe: Recipe) -> list[tuple[str, bool]]:
    """The experiments of the recipe that are there, and whether they are searches."""
    names = {}
    for step in recipe.steps:
        if isinstance(step.work, Crossval):
            names[crossval.target_experiment(recipe.experiment(step.work.of))] = False
        else:
            names[recipe.experiment(step.id)] = isinstance(step.work, SearchSpec)
    there = {experiment.experiment for experiment in listing.experiments(database)}
    return [(name, is_search) for name, is_search in names.items() if name in there]
