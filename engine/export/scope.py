"""What an export is of: everything, a recipe, an experiment, or runs that were named."""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from engine.recipes.driving import driven
from engine.recipes.steps import Crossval, Recipe, Train
from engine.recipes.work import Study
from engine.search import SearchSpec, find
from store import control, listing, searches
from store.database import Database
from store.errors import RequestError
from store.names import RunName
from store.records import Experiment, Run

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
    experiments = {each.experiment: each for each in listing.experiments(database)}
    if not names:
        return _everything(database, [each for each in experiments.values() if each.num_runs])
    several = list(dict.fromkeys(names))
    return [_named(database, experiments, name, "" if len(several) == 1 else name) for name in several]


def _everything(database: Database, experiments: Sequence[Experiment]) -> list[Scope]:
    if not experiments:
        raise RequestError("There is nothing to export yet: `aetui demo` or `aetui run cae` begins it.")
    apart = [_of_experiment(database, each, each.experiment) for each in experiments]
    recipes = _recipes(database)
    if recipes:
        flat = _of_recipe(database, recipes[0], "")
    else:
        flat = Scope(
            title=f"all of {database.root.path.name}",
            folder="",
            runs=[run for scope in apart for run in scope.runs],
            searches=[name for scope in apart for name in scope.searches],
            is_whole=True,
        )
    return [flat, *(_of_recipe(database, recipe, recipe.name) for recipe in recipes[1:]), *apart]


def _recipes(database: Database) -> list[Recipe]:
    """Those that ran on this root, the newest first; not those whose file has gone: their experiments are there."""
    found = []
    for each in driven(database.root):
        with suppress(RequestError):
            found.append(each.asked.recipe())
    return found


def _named(database: Database, experiments: Mapping[str, Experiment], name: str, folder: str) -> Scope:
    if _RUN.fullmatch(name):
        return Scope(title=name, folder=folder, runs=[control.present(database, RunName.parse(name))])
    if name in experiments:
        return _of_experiment(database, experiments[name], folder)
    for each in driven(database.root):
        if each.name == name:
            return _of_recipe(database, each.asked.recipe(), folder)
    raise RequestError(f"There is no run, experiment or recipe {name!a}: `aetui ls` shows those there are.")


def _of_experiment(database: Database, experiment: Experiment, folder: str) -> Scope:
    name = experiment.experiment
    runs = listing.runs(database, name)
    if not runs:
        raise RequestError(f"{name} is empty: `aetui run` or `aetui search` with `--name {name}` adds runs to it.")
    has_search = searches.find(database, experiment.study_id) is not None
    return Scope(title=name, folder=folder, runs=_by_value(runs), searches=[name] if has_search else [])


def _of_recipe(database: Database, recipe: Recipe, folder: str) -> Scope:
    """Its runs in the order of its steps; those that only lead to others (a search, candidates) behind the rest."""
    study = Study(database, recipe)
    candidates = {step.work.of for step in recipe.steps if isinstance(step.work, Crossval)}
    finals: list[Run] = []
    others: list[Run] = []
    for step in recipe.steps:
        is_final = isinstance(step.work, Train) and step.id not in candidates
        (finals if is_final else others).extend(_by_value(study.runs_of(step)))
    searched = [recipe.experiment(step.id) for step in recipe.steps if isinstance(step.work, SearchSpec)]
    return Scope(
        title=recipe.title,
        folder=folder,
        runs=[*finals, *others],
        searches=[name for name in searched if find(database, name) is not None],
        is_whole=True,
        recipe=recipe,
    )


def _by_value(runs: Sequence[Run]) -> list[Run]:
    """Lowest error first; those without one last, by number."""
    return sorted(runs, key=lambda run: (run.value is None, run.value or 0.0, run.name.number))
