"""The process that drives a recipe without a terminal: ``python -P -m engine.recipes.drive --root DIR --asked JSON``.

It prints what each step did, and the table at the end. SIGTERM and SIGINT let it hold everything back and leave;
killed, it is begun again by whoever drives the recipe next. The storage's address comes from the environment.
"""

import argparse
import json
import logging
import signal
import sys
import threading
from pathlib import Path
from types import FrameType

import engine.jobs
from engine import notices
from engine.recipes import runner, table
from engine.recipes.asked import AskedRecipe
from engine.recipes.budget import NUM_WORKERS
from engine.recipes.driving import Record
from engine.recipes.progress import RecipeProgress, StepState
from engine.slots import said_or_usual
from store.database import open_inherited
from store.errors import RequestError
from store.paths import Root

log = logging.getLogger("aetui.recipe")


class _Told:
    """Logs a line for every step that moved."""

    def __init__(self) -> None:
        self._before: dict[str, tuple[StepState, int]] = {}

    def update(self, progress: RecipeProgress) -> None:
        for step in progress.steps:
            now = (step.state, step.num_done)
            if step.state is not StepState.WAITING and self._before.get(step.step.id) != now:
                counted = f" {step.num_done}/{step.num_total}" if step.num_total else ""
                log.info("%s %s%s%s", step.step.id, step.state, counted, f": {step.says}" if step.says else "")
            self._before[step.step.id] = now


def main() -> int:
    parser = argparse.ArgumentParser(prog="engine.recipes.drive", description=__doc__)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--asked", type=json.loads, required=True)
    parser.add_argument("--slots", type=int)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stdout)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    leaving = threading.Event()

    def leave(_signal: int, _frame: FrameType | None) -> None:
        leaving.set()

    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, leave)
    try:
        return _drive(Root(arguments.root), AskedRecipe.from_json(arguments.asked), arguments.slots, leaving)
    except RequestError as error:
        log.error("%s", error)
        return 2


def _drive(root: Root, asked: AskedRecipe, slots: int | None, leaving: threading.Event) -> int:
    database = open_inherited(root)
    recipe = asked.recipe()
    log.info("%s: %s", recipe.name, recipe.title)
    progress = runner.run(
        database,
        recipe,
        _Told().update,
        see_to_workers=lambda: engine.jobs.ensure_workers(database, said_or_usual(root, slots, NUM_WORKERS)),
        # A root that was removed is nobody's any more.
        should_stop=lambda: leaving.is_set() or database.is_gone(),
        record=Record(root, asked, slots),
    )
    rows = table.rows(database, recipe)
    table.write(database.root, recipe, rows)
    log.info("%s\n%s", "held back" if progress.was_interrupted else "over", table.text(recipe, rows))
    if progress.is_over:
        num_done = sum(step.state is StepState.DONE for step in progress.steps)
        notices.send(root, notices.of_recipe(recipe.name, num_done, len(progress.steps)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
