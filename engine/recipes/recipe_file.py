"""A user's own recipe from a TOML file.

    name = "widths"
    dataset = "mnist-5k"

    [search]
    kind = "search"
    model = "cae"
    trials = 20
    epochs = 5
    at_least = { optimizer = 4 }

    [final]
    kind = "run"
    model = "vae"
    needs = ["search"]
    best_of = "search"
    epochs = 30
    seeds = 3
    set = { beta = 1e-3 }
    reference = 0.0205

    [folds]
    kind = "crossval"
    needs = ["search"]
    of = "search"
    top = 3

    [test]
    kind = "evaluate"
    needs = ["final"]
    of = ["final"]
    noise = ["gaussian:0.1,0.2"]

Every table is a step, in order; ``title`` and ``needs`` may stand in each. A ``run`` may start ``from`` another. A
data set may be files beside the recipe; so are a search's ``space`` and the configurations that it tries ``first``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar, cast

from engine import catalog, crossval
from engine.noise import Noise
from engine.recipes.asked import MOST_SEEDS
from engine.recipes.budget import step_s
from engine.recipes.hand_picked import hand_picked
from engine.recipes.hand_picked import load as hand_picked_from
from engine.recipes.steps import Chosen, Crossval, Evaluate, Plan, Recipe, RowSpec, Step, Train, Work
from engine.search import PRUNERS, SAMPLERS, SearchSpec
from engine.space import Space, reference_space
from engine.spec import ClassifierSpec, RunSpec
from store.errors import RequestError
from store.settings_file import load_toml
from store.user_paths import user_path

T = TypeVar("T")

_ANYWHERE = {"kind", "title", "needs"}
_TAKES = {
    "run": {"model", "dataset", "epochs", "seed", "seeds", "set", "best_of", "from", "reference"},
    "search": {
        "model",
        "dataset",
        "epochs",
        "seed",
        "set",
        "space",
        "first",
        "trials",
        "sampler",
        "pruner",
        "at_least",
    },
    "crossval": {"of", "top", "folds", "reference"},
    "evaluate": {"of", "noise"},
}
_DEFAULT_EPOCHS = 10
_DEFAULT_TRIALS = 40
_MOST = 10**9


def load(path: Path) -> Recipe:
    """Read a recipe; a search space that it names lies beside it.

    Raises:
        RequestError: the file cannot be read, or is no recipe.
    """
    table = load_toml(path, f"The recipe {str(path)!a}")
    return read(table, folder=path.parent, default_name=path.stem)


def read(table: Mapping[str, Any], *, folder: Path, default_name: str) -> Recipe:
    """Raises RequestError: ``table`` is no recipe."""
    general = {key: value for key, value in table.items() if not isinstance(value, Mapping)}
    described = {key: value for key, value in table.items() if isinstance(value, Mapping)}
    own = _Fields("The recipe", general)
    own.require_known({"name", "title", "dataset"}, "name, title, dataset and a table for every step")
    if not described:
        raise RequestError("The recipe has no step: write a table for each, as [final] with kind = 'run'.")
    name = own.get("name", str, default_name)
    reader = _Reader(dataset=own.get("dataset", str, catalog.DEFAULT_DATASET), folder=folder, searches={}, runs={})
    steps: list[Step] = []
    rows: list[RowSpec] = []
    for id, step in described.items():
        fields = _Fields(f"The step {id!r}", step)
        work, of_step = reader.work(id, fields)
        of = reader.base(work.of, fields) if isinstance(work, Crossval) else None
        title = fields.get("title", str, id)
        steps.append(
            Step(id=id, title=title, work=work, needs=fields.texts("needs"), budget_s=step_s(work, of)),
        )
        rows.extend(replace(row, title=f"{title}, {row.title}") for row in of_step)
    return Recipe(name=name, title=own.get("title", str, name), steps=tuple(steps), rows=tuple(rows))


@dataclass(frozen=True)
class _Fields:
    """One table of the file; ``what`` names it in messages."""

    what: str
    table: Mapping[str, Any]

    def require_known(self, known: set[str], takes: str) -> None:
        if unknown := set(self.table) - known:
            raise RequestError(f"{self.what} has {', '.join(sorted(unknown))}, which is not known: it takes {takes}.")

    def get(self, key: str, wanted: type[T], default: T) -> T:
        value = self.table.get(key, default)
        if wanted is float and type(value) is int and abs(value) <= _MOST:
            return cast(T, float(value))
        if type(value) is not wanted and value is not default:
            raise RequestError(f"{self.what} has {key}={value!r}, which does not fit.")
        return value

    def count(self, key: str, default: int, most: int = _MOST) -> int:
        value = self.get(key, int, default)
        if not 1 <= value <= most:
            raise RequestError(f"{self.what} has {key}={value}: it must be a number from 1 to {most}.")
        return value

    def needed(self, key: str) -> str:
        value = self.get(key, str, "")
        if not value:
            raise RequestError(f"{self.what} lacks {key}.")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        value = self.table.get(key, [])
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise RequestError(f"{self.what} has {key}={value!r}: it must be a list of texts.")
        return tuple(value)

    def settings(self, key: str) -> dict[str, Any]:
        value = self.table.get(key, {})
        if not isinstance(value, Mapping):
            raise RequestError(f"{self.what} has {key}={value!r}: it must be a table of settings.")
        return dict(value)


@dataclass(frozen=True)
class _Reader:
    """Reads steps one by one; remembers the configurations that later steps refer to."""

    dataset: str
    folder: Path
    searches: dict[str, SearchSpec]
    runs: dict[str, RunSpec]

    def work(self, id: str, fields: _Fields) -> tuple[Work, list[RowSpec]]:
        kind = fields.needed("kind")
        if kind not in _TAKES:
            raise RequestError(f"{fields.what} is of kind {kind!r}: take one of {', '.join(_TAKES)}.")
        known = _ANYWHERE | _TAKES[kind]
        fields.require_known(known, ", ".join(sorted(known)))
        match kind:
            case "run":
                return self._run(id, fields)
            case "search":
                return self._search(id, fields)
            case "crossval":
                return self._crossval(id, fields)
            case _:
                return self._evaluate(id, fields)

    def base(self, id: str, fields: _Fields) -> RunSpec:
        """The configuration behind an earlier step.

        Raises:
            RequestError: it is none that trains.
        """
        if id in self.runs:
            return self.runs[id]
        if id in self.searches:
            return self.searches[id].base
        raise RequestError(f"{fields.what} is about {id!r}, which is no run or search that stands before it.")

    def _spec(self, fields: _Fields) -> RunSpec:
        kind = catalog.kind(fields.get("model", str, "cae"))
        dataset = self._dataset(fields.get("dataset", str, self.dataset))
        spec = RunSpec(
            kind=kind.name,
            dataset=dataset,
            epochs=fields.count("epochs", _DEFAULT_EPOCHS),
            seed=fields.get("seed", int, 0),
            model=kind.spec(),
        )
        return spec.with_settings(fields.settings("set"))

    def _dataset(self, name: str) -> str:
        """A name of the catalog, or a path: beside the recipe, else as it stands.

        Raises:
            RequestError: there is no such data set.
        """
        beside = user_path(self.folder / name)
        if beside.exists() and all(known.name != name for known in catalog.datasets()):
            return str(beside.absolute())
        catalog.dataset(name)
        return name

    def _run(self, id: str, fields: _Fields) -> tuple[Work, list[RowSpec]]:
        spec = self._spec(fields)
        chosen = None
        if best_of := fields.get("best_of", str, ""):
            if best_of not in self.searches:
                raise RequestError(f"{fields.what} is the best of {best_of!r}, which is no search that stands before.")
            searched = {parameter.name for parameter in self.searches[best_of].space.parameters}
            # What the step sets itself stays so.
            taken = sorted(searched & set(spec.settings()) - set(fields.settings("set")))
            chosen = Chosen(search=best_of, take=tuple(taken))
        encoder_of = fields.get("from", str, "") or None
        if encoder_of is not None:
            self.base(encoder_of, fields)
        plans = tuple(
            Plan(spec=replace(spec, seed=spec.seed + number), chosen=chosen, encoder_of=encoder_of)
            for number in range(fields.count("seeds", 1, most=MOST_SEEDS))
        )
        self.runs[id] = spec
        is_classifier = issubclass(catalog.kind(spec.kind).spec, ClassifierSpec)
        row = RowSpec(
            id=id,
            title="test accuracy" if is_classifier else "test MSE",
            step=id,
            figure="accuracy" if is_classifier else "mse",
            reference=fields.get("reference", float, 0.0) if "reference" in fields.table else None,
            higher_is_better=is_classifier,
            scale=100 if is_classifier else 1,
            unit="%" if is_classifier else "",
        )
        return Train(plans=plans), [row]

    def _search(self, id: str, fields: _Fields) -> tuple[Work, list[RowSpec]]:
        base = self._spec(fields)
        base = replace(base, optim=replace(base.optim, patience=0))  # curves of one length compare
        own_space = fields.get("space", str, "")
        space = Space.load(self.folder / own_space) if own_space else reference_space()
        space.check(base)
        first: tuple[dict[str, Any], ...] = () if own_space else hand_picked(space)
        if own_first := fields.get("first", str, ""):
            first = hand_picked_from(self.folder / own_first, space)
        search = SearchSpec(
            base=base,
            space=space,
            num_trials=fields.count("trials", _DEFAULT_TRIALS),
            sampler=fields.get("sampler", str, "tpe"),
            pruner=fields.get("pruner", str, "percentile"),
            at_least=fields.settings("at_least"),
            first=first,
        )
        for key, value, choices in (("sampler", search.sampler, SAMPLERS), ("pruner", search.pruner, PRUNERS)):
            if value not in choices:
                raise RequestError(f"{fields.what} has {key}={value!r}: take one of {', '.join(choices)}.")
        self.searches[id] = search
        return search, [RowSpec(id=id, title="lowest validation error", step=id, figure="value")]

    def _crossval(self, id: str, fields: _Fields) -> tuple[Work, list[RowSpec]]:
        work = Crossval(
            of=fields.needed("of"),
            top=fields.count("top", crossval.DEFAULT_TOP),
            folds=fields.count("folds", crossval.DEFAULT_FOLDS),
        )
        replace(self.base(work.of, fields), folds=work.folds)  # checks the number
        reference = fields.get("reference", float, 0.0) if "reference" in fields.table else None
        title = "hold-out against folds, apart"
        return work, [RowSpec(id=id, title=title, step=id, figure="gap", unit="%", reference=reference)]

    def _evaluate(self, id: str, fields: _Fields) -> tuple[Work, list[RowSpec]]:
        work = Evaluate(of=fields.texts("of"), noise=fields.texts("noise"))
        if not work.of:
            raise RequestError(f"{fields.what} lacks of.")
        for of in work.of:
            if of not in self.runs:
                raise RequestError(f"{fields.what} is about {of!r}, which is no run that stands before it.")
        noises = [noise for text in work.noise for noise in Noise.parse(text)]
        return work, [
            RowSpec(
                id=f"{id}_{of}_{noise.kind}_{noise.factor:g}",
                title=f"{of}, test MSE under {noise}",
                step=of,
                figure=f"mse@{noise}",
            )
            for of in work.of
            for noise in noises
        ]
