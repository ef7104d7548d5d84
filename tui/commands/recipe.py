"""``aetui recipe``: run a recipe to its end, or go on with it, and print its table."""

import shlex
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import engine.jobs
from engine import catalog
from engine.recipes import driving, runner, table
from engine.recipes.asked import AskedRecipe
from engine.recipes.budget import NUM_WORKERS
from engine.recipes.progress import RecipeProgress, StepProgress, StepState
from engine.recipes.steps import Recipe, Train
from engine.search import SearchSpec
from engine.slots import said_or_usual
from store.database import Database
from store.paths import find_data_dir
from tui.commands.caution import warn
from tui.commands.data import fetch
from tui.commands.errors import DONE, FAILED, INTERRUPTED
from tui.commands.follow import Interrupts
from tui.commands.options import Options
from tui.commands.output import console, is_terminal, note, print_json, printable, say
from tui.look import duration_text


def run_recipe(options: Options, asked: AskedRecipe, *, slots: int | None = None, detach: bool = False) -> int:
    data_dir = find_data_dir(options.data_dir)
    recipe = asked.recipe()
    there = None if options.is_fresh() else options.open_database(create=True)
    driving.check_is_free(options.find_root(), recipe.name)
    for dataset in sorted(_datasets(recipe)):
        fetch(catalog.dataset(dataset), data_dir)
    runner.check(there, recipe, data_dir)
    database = there or options.open_database(create=True)
    warn(database)
    note(_budget(recipe))
    if detach:
        return _detach(options, database, asked, data_dir, slots)
    interrupts = Interrupts()
    with interrupts.counted(), _shown(recipe) as shown:
        progress = runner.run(
            database,
            recipe,
            shown.update,
            data_dir=data_dir,
            see_to_workers=lambda: engine.jobs.ensure_workers(
                database, said_or_usual(database.root, slots, NUM_WORKERS)
            ),
            should_stop=lambda: interrupts.count > 0,
            record=driving.Record(database.root, asked, slots),
        )
    rows = table.rows(database, recipe)
    files = list(map(str, table.write(database.root, recipe, rows)))
    if options.json:
        print_json(
            {
                "recipe": recipe.name,
                "title": recipe.title,
                "is_done": progress.is_done,
                "rows": [row.as_json() for row in rows],
                "steps": [step.as_json() for step in progress.steps],
                "notes": list(recipe.notes),
                "files": files,
            }
        )
    else:
        say(table.text(recipe, rows).rstrip("\n"))
        note(f"The same as Markdown and LaTeX: {printable(', '.join(files))}")
    return _told_end(progress)


def _detach(options: Options, database: Database, asked: AskedRecipe, data_dir: Path, slots: int | None) -> int:
    name = driving.drive(database, asked, data_dir=data_dir, slots=slots)
    log = printable(str(driving.log_file(database.root, name)))
    if options.json:
        print_json({"recipe": name, "log": log})
    else:
        say(f"{name} goes on in the background: `aetui`, then r, shows its steps; `tail -f {shlex.quote(log)}` too.")
    return DONE


def _told_end(progress: RecipeProgress) -> int:
    for step in progress.failed:
        note(f"aetui: {step.step.id} failed: {printable(step.says)}")
    if progress.was_interrupted:
        note("What it trained is held back; the same command goes on where it was.")
        return INTERRUPTED
    return DONE if progress.is_done else FAILED


def _datasets(recipe: Recipe) -> set[str]:
    found = set()
    for step in recipe.steps:
        match step.work:
            case Train(plans=plans):
                found |= {plan.spec.dataset for plan in plans}
            case SearchSpec(base=base):
                found.add(base.dataset)
    return found


def _budget(recipe: Recipe) -> str:
    width = max(len(step.title) for step in recipe.steps)
    lines = [f"{recipe.title}: what each step should take on {NUM_WORKERS} workers"]
    lines += [f"  {step.title:<{width}}  {duration_text(step.budget_s):>7}" for step in recipe.steps]
    return "\n".join([*lines, f"  {'all':<{width}}  {duration_text(sum(step.budget_s for step in recipe.steps)):>7}"])


class _Display(Protocol):
    def update(self, progress: RecipeProgress) -> None: ...


@contextmanager
def _shown(recipe: Recipe) -> Iterator[_Display]:
    if is_terminal(sys.stderr):
        with _Bars(recipe).drawn() as bars:
            yield bars
    else:
        yield _Lines()


class _Lines:
    """One line for every step that moved."""

    def __init__(self) -> None:
        self._told: Mapping[str, tuple[StepState, int]] = {}

    def update(self, progress: RecipeProgress) -> None:
        now = {step.step.id: (step.state, step.num_done) for step in progress.steps}
        for step in progress.steps:
            if step.state is not StepState.WAITING and self._told.get(step.step.id) != now[step.step.id]:
                note(f"{step.step.title}  {_says(step)}")
        self._told = now


class _Bars:
    """A bar for every step that is under way, one line above them for every one that is over, and the time left."""

    def __init__(self, recipe: Recipe) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn
        from rich.progress import Progress as RichProgress

        self._bars = RichProgress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TextColumn("{task.fields[says]}", markup=False),
            console=console(sys.stderr),
            refresh_per_second=2,  # over SSH every frame costs
        )
        self._all = self._bars.add_task("all steps", total=len(recipe.steps), says="")
        self._tasks: dict[str, TaskID] = {}
        self._over: set[str] = set()

    @contextmanager
    def drawn(self) -> Iterator["_Bars"]:
        with self._bars:
            yield self

    def update(self, progress: RecipeProgress) -> None:
        for step in progress.steps:
            if step.state.is_over and step.step.id not in self._over:
                self._over.add(step.step.id)
                if step.step.id in self._tasks:
                    self._bars.remove_task(self._tasks.pop(step.step.id))
                self._bars.console.print(printable(f"{step.step.title}  {_says(step)}"))
            elif step.state is StepState.RUNNING:
                if step.step.id not in self._tasks:
                    self._tasks[step.step.id] = self._bars.add_task(step.step.title, total=None, says="")
                task = self._tasks[step.step.id]
                left = f"{duration_text(step.left_s)} left"
                self._bars.update(task, completed=step.num_done, total=step.num_total or None, says=left)
        left = "" if progress.is_over else f"{duration_text(progress.left_s)} left"
        self._bars.update(self._all, completed=len(self._over), says=left)


def _says(step: StepProgress) -> str:
    counted = f"{step.num_done}/{step.num_total}" if step.num_total else ""
    left = f"{duration_text(step.left_s)} left" if step.state is StepState.RUNNING else ""
    return "  ".join(part for part in (str(step.state), counted, left, step.says) if part)
