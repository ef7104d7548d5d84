"""What a recipe is: steps in order, each with the steps that it needs and the work that it is. Plain frozen data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.search import SearchSpec
from engine.spec import RunSpec
from store.errors import RequestError
from store.names import check_name


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """Settings that a search found: of its ``rank``-th best configuration (0: the best), by validation error alone.

    ``where`` restricts the choice to runs with these settings; where no run has them, all are looked at. ``take`` names
    the settings that are taken over.
    """

    search: str
    take: tuple[str, ...]
    where: Mapping[str, Any] = field(default_factory=dict)
    rank: int = 0


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One run to train: ``spec``, with the settings ``chosen`` by a search put in.

    ``encoder_of`` names a step whose run of the same seed (or first run) this one starts from.
    """

    spec: RunSpec
    chosen: Chosen | None = None
    encoder_of: str | None = None


@dataclass(frozen=True, kw_only=True)
class Train:
    """Runs that are trained once each."""

    plans: tuple[Plan, ...]


@dataclass(frozen=True, kw_only=True)
class Importance:
    """How much each setting mattered in the search ``of``."""

    of: str


@dataclass(frozen=True, kw_only=True)
class Crossval:
    """The ``top`` best configurations of the step ``of``, each on ``folds`` folds and on a hold-out."""

    of: str
    top: int
    folds: int


@dataclass(frozen=True, kw_only=True)
class Evaluate:
    """Test figures of all runs of the steps ``of``; ``noise`` as ``aetui evaluate --noise`` takes it."""

    of: tuple[str, ...]
    noise: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Latent:
    """Codes and projections of the first run of the step ``of``, one a method."""

    of: str
    methods: tuple[str, ...]
    limit: int


Work = Train | SearchSpec | Importance | Crossval | Evaluate | Latent


def sources(work: Work) -> set[str]:
    """The steps that ``work`` reads."""
    match work:
        case Train(plans=plans):
            chosen = {plan.chosen.search for plan in plans if plan.chosen}
            return chosen | {plan.encoder_of for plan in plans if plan.encoder_of}
        case SearchSpec():
            return set()
        case Evaluate(of=of):
            return set(of)
        case Importance(of=of) | Crossval(of=of) | Latent(of=of):
            return {of}


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step. ``budget_s`` is its expected share of the wall-clock of two one-thread workers, in seconds."""

    id: str
    title: str
    work: Work
    needs: tuple[str, ...] = ()
    budget_s: float = 0.0


@dataclass(frozen=True, kw_only=True)
class RowSpec:
    """One row of the table: the ``figure`` of the step ``step``, beside what the ``reference`` got (None: no number).

    ``figure`` is a test figure (``mse``, ``accuracy``, ``mse@gaussian:0.1``), or one of ``value`` (lowest validation
    error), ``gap`` (hold-out against folds, percent), ``importance:KEY+KEY`` (share of all), ``speedup:STEP`` (time of
    STEP to the same validation error, over ours) and ``gain:STEP`` (how much higher than the test accuracy of STEP),
    or a figure of a latent study (``knn_accuracy``). ``scale`` is 100 where the row is in percent.
    """

    id: str
    title: str
    step: str
    figure: str
    reference: float | None = None
    higher_is_better: bool = False
    scale: float = 1.0
    unit: str = ""
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Steps in order; each may need only steps before it. ``name`` begins the name of every experiment.

    Raises:
        RequestError: a name is no name, comes twice, or a step reads another that it does not need.
    """

    name: str
    title: str
    steps: tuple[Step, ...]
    rows: tuple[RowSpec, ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_name(self.name)
        before: list[str] = []
        for step in self.steps:
            check_name(step.id)
            if step.id in before:
                raise RequestError(f"The recipe {self.name!r} has two steps named {step.id!r}.")
            for needed in step.needs:
                if needed not in before:
                    raise RequestError(
                        f"The step {step.id!r} needs {needed!r}, which must be a step that stands before it."
                    )
            if lacking := sources(step.work) - set(step.needs):
                raise RequestError(f"The step {step.id!r} uses {', '.join(sorted(lacking))}: name it under needs.")
            before.append(step.id)
        for row in self.rows:
            self.step(row.step)

    def step(self, id: str) -> Step:
        """Raises RequestError: there is no such step."""
        for step in self.steps:
            if step.id == id:
                return step
        raise RequestError(f"The recipe {self.name!r} has no step {id!r}.")

    def experiment(self, id: str) -> str:
        """The experiment that the runs of a step are in: RECIPE-STEP."""
        return check_name(f"{self.name}-{id}")
