"""The fields of a search's form and their meaning, and beginning or going on with the search that they ask for."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import engine.jobs
import engine.search
from engine import catalog
from engine.recipes.hand_picked import hand_picked
from engine.search import PRUNERS, SAMPLERS, SearchSpec
from engine.space import Space, reference_space
from engine.spec import RunSpec, convert
from store.database import Database
from store.errors import RequestError
from store.paths import find_data_dir
from store.searches import Search
from store.user_paths import user_path
from tui.requests.fields import Field, Values, count, pairs
from tui.requests.launching import dataset_field, epochs_field, general_fields, is_classifier, spec_of

DEFAULT_TRIALS = 40
GO_ON, BEGIN = "go on", "begin another"
YES, NO = "yes", "no"


@dataclass(frozen=True, kw_only=True)
class WantedSearch:
    """A search to begin: ``base`` is what its runs have in common; ``space`` None: the reference's."""

    experiment: str
    base: RunSpec
    space: Path | None
    with_hand_picked: bool
    sampler: str
    pruner: str
    num_trials: int
    at_least: Mapping[str, int]

    def spec(self) -> SearchSpec:
        """For `engine.search.check` and `start`. Reads the space.

        Raises:
            RequestError: it cannot be read.
        """
        space = Space.load(self.space) if self.space else reference_space()
        return SearchSpec(
            base=self.base,
            space=space,
            num_trials=self.num_trials,
            sampler=self.sampler,
            pruner=self.pruner,
            at_least=self.at_least,
            first=hand_picked(space) if self.with_hand_picked and not self.space else (),
        )


@dataclass(frozen=True, kw_only=True)
class WantedMore:
    """A search to go on with, ``before`` as it was begun; all but its course stays."""

    experiment: str
    before: Search
    sampler: str
    pruner: str
    num_trials: int
    at_least: Mapping[str, int]

    def spec(self) -> SearchSpec:
        """For `engine.search.check` and `start`.

        Raises:
            RequestError: its kind is not there any more.
        """
        return SearchSpec(
            base=catalog.read_spec(self.before.spec),
            space=Space.from_json(self.before.space),
            num_trials=self.num_trials,
            sampler=self.sampler,
            pruner=self.pruner,
            at_least=self.at_least,
            first=self.before.first,
        )


Wanted = WantedSearch | WantedMore


def resting(database: Database | None, experiment: str | None) -> Search | None:
    """The search of ``experiment``, where it has one that is not on."""
    found = engine.search.find(database, experiment) if database is not None and experiment is not None else None
    return found[0] if found is not None and not found[1] else None


def check(database: Database | None, wanted: Wanted, data_dir: Path | None) -> None:
    """Raises RequestError: see `engine.search.check`, or a search of that name began with other settings."""
    engine.search.check(database, wanted.experiment, wanted.spec(), data_dir=data_dir)
    if database is None or isinstance(wanted, WantedMore):
        return
    before = engine.search.find(database, wanted.experiment)
    base = engine.jobs.check(database, wanted.base, wanted.experiment, find_data_dir(data_dir))
    if before is not None and catalog.read_spec(before[0].spec) != base:
        raise RequestError(
            f"{wanted.experiment} began with other settings, and the runs of a search must compare: take another name."
        )


def start(database: Database, wanted: Wanted, data_dir: Path | None) -> None:
    """Raises RequestError: see `check`; nothing is begun then."""
    check(database, wanted, data_dir)
    engine.search.start(database, wanted.experiment, wanted.spec(), data_dir=data_dir)


def fields(before: Search | None) -> list[Field]:
    """In the order of the form; ``before`` is a search that can be gone on with."""
    kinds = tuple(kind for kind in catalog.kinds() if not is_classifier(kind))
    begin = [
        Field(key="kind", default="cae", choices=kinds),
        dataset_field(),
        Field(key="name", default="", help="empty: KIND-DATASET-search"),
        epochs_field("of every run"),
        Field(key="train_limit", default="0", help="training images; 0: all"),
        Field(key="space", default="", help="TOML file; empty: the reference's"),
        Field(key="hand_picked", default=YES, choices=(YES, NO)),
    ]
    course = [
        Field(key="trials", default=str(before.num_trials if before else DEFAULT_TRIALS), help="complete runs"),
        Field(key="sampler", default=before.sampler if before else "tpe", choices=SAMPLERS),
        Field(key="pruner", default=before.pruner if before else "percentile", choices=PRUNERS),
        Field(
            key="at_least",
            default=" ".join(f"{key}={least}" for key, least in before.at_least.items()) if before else "",
            help="of each choice: optimizer=8",
        ),
    ]
    how = [Field(key="search", default=GO_ON, choices=(GO_ON, BEGIN))] if before else []
    return [*how, *begin, *course, *general_fields()]


def is_asked_for(field: Field, choices: Values) -> bool:
    """What a search began with stays as it is."""
    if choices.get("search") == GO_ON:
        return field.key in ("search", "trials", "sampler", "pruner", "at_least")
    return True


def wanted_of(values: Values, experiment: str | None, before: Search | None) -> Wanted:
    """What the form's ``values`` ask for; ``before`` is the search of ``experiment`` that can be gone on with.

    Raises:
        RequestError: one of them does not fit.
    """
    course: dict[str, Any] = {
        "sampler": values["sampler"],
        "pruner": values["pruner"],
        "num_trials": count(values, "trials"),
        "at_least": {key: convert(f"at_least {key}", value, int) for key, value in pairs(values, "at_least").items()},
    }
    if values.get("search") == GO_ON:
        assert experiment is not None
        assert before is not None
        return WantedMore(experiment=experiment, before=before, **course)
    base = spec_of(values)
    name = values["name"].strip() or f"{engine.jobs.default_experiment(base.kind, base.dataset)}-search"
    file = values["space"].strip()
    if file and not file.endswith(".toml"):
        raise RequestError(f"space={file!r} is no TOML file: name one that ends in .toml, or none.")
    return WantedSearch(
        experiment=name,
        base=base,
        space=user_path(file) if file else None,
        with_hand_picked=values.get("hand_picked", NO) == YES,
        **course,
    )
