"""What an export is of: everything, a recipe, an experiment, or runs that were named."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from engine.recipes.driving import driven
from engine.recipes.steps import Crossval, Recipe, Train
from engine.recipes.work import Study
from engine.search import SearchSpec
from store import control, listing
from store.database import Database
from store.errors import RequestError
from store.names import RunName
from store.records import Run

_RUN = re.compile(r".*/[0-9]+")


@dataclass(frozen=True, kw_only=True)
class Scope:
    """``runs`` in the order in which they are looked at: of equals for a figure, the first is taken.

    ``folder`` is where its figures lie below the export's own, "" for those that lie flat in it. ``searches`` are
    experiments. ``is_whole``: of a study, so that what it lacks of one is worth a word.
    """

    title: str
    folder: str
    runs: Sequence[Run]
    searches: Sequence[str] = ()
    is_whole: bool = False
    recipe: Recipe | None = None


def scopes(database: Database, names: Sequence[str]) -> list[Scope]:
    """The scopes of an export of ``names`` (experiments, runs, recipes); of none: of all that there is.

    Raises:
        RequestError: one of them is not there, or there is nothing to export at all.
    """
    if not names:
        return _everything(database)
    found = []
    for name in dict.fromkeys(names):
        folder = "" if len(set(names)) == 1 else name
        found.append(_named(database, name, folder))
    return found


def _everything(database: Database) -> list[Scope]:
    experiments = [each.experiment for each in listing.experiments(database) if each.num_runs]
    if not experiments:
        raise RequestError("There is nothing to export yet: `aetui demo` or `aetui run cae` begins it.")
    recipes = [each.asked.recipe() for each in driven(database.root)]
    runs = {name: listing.runs(database, name) for name in experiments}
    if recipes:
        flat = _of_recipe(database, recipes[0], "")
    else:
        searches = [name for name in experiments if _has_search(database, name)]
        everything = [run for name in experiments for run in _by_value(runs[name])]
        title = f"all of {database.root.path.name}"
        flat = Scope(title=title, folder="", runs=everything, searches=searches, is_whole=True)
    others = [_of_recipe(database, recipe, recipe.name) for recipe in recipes[1:] if recipe.name not in experiments]
    return [flat, *others, *(_of_experiment(database, name, name) for name in experiments)]


def _named(database: Database, name: str, folder: str) -> Scope:
    if _RUN.fullmatch(name):
        run = listing.run(database, RunName.parse(name))
        control.present(database, run.name)
        return Scope(title=str(run.name), folder=folder, runs=[run])
    if any(each.experiment == name for each in listing.experiments(database)):
        return _of_experiment(database, name, folder)
    for each in driven(database.root):
        if each.name == name:
            return _of_recipe(database, each.asked.recipe(), folder)
    raise RequestError(f"There is no run, experiment or recipe {name!a}: `aetui ls` shows those there are.")


def _of_experiment(database: Database, name: str, folder: str) -> Scope:
    runs = listing.runs(database, name)
    if not runs:
        raise RequestError(f"{name} is empty: `aetui run` or `aetui search` with `--name {name}` adds runs to it.")
    searches = [name] if _has_search(database, name) else []
    return Scope(title=name, folder=folder, runs=_by_value(runs), searches=searches)


def _of_recipe(database: Database, recipe: Recipe, folder: str) -> Scope:
    """Its runs in the order of its steps; those that only lead to others (a search, candidates) behind the rest."""
    study = Study(database, recipe)
    candidates = {step.work.of for step in recipe.steps if isinstance(step.work, Crossval)}
    finals: list[Run] = []
    others: list[Run] = []
    for step in recipe.steps:
        is_final = isinstance(step.work, Train) and step.id not in candidates
        (finals if is_final else others).extend(_by_value(study.runs_of(step)))
    searches = [recipe.experiment(step.id) for step in recipe.steps if isinstance(step.work, SearchSpec)]
    return Scope(
        title=recipe.title,
        folder=folder,
        runs=[*finals, *others],
        searches=[name for name in searches if _has_search(database, name)],
        is_whole=True,
        recipe=recipe,
    )


def _has_search(database: Database, experiment: str) -> bool:
    from engine.search import find

    return find(database, experiment) is not None


def _by_value(runs: Sequence[Run]) -> list[Run]:
    """Lowest error first; those without one last, by number."""
    return sorted(runs, key=lambda run: (run.value is None, run.value or 0.0, run.name.number))
