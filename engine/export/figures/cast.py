"""Which runs play which part in the figures of a scope."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from engine import catalog
from engine.crossval import FOLD_ATTRIBUTE, HOLDOUT, ORIGIN_ATTRIBUTE
from engine.export.scope import Scope
from engine.spec import RunSpec
from store import listing
from store.database import Database
from store.records import Run, RunState

_OURS = ("cae", "dae", "vae", "classifier")


@dataclass(frozen=True, kw_only=True)
class Validated:
    """One configuration's runs: of each fold, and of the hold-out (None: it is not there)."""

    origin: str
    folds: Sequence[Run]
    holdout: Run | None


class Cast:
    """Each part has the first run of the scope that fits it, and is None where none does."""

    def __init__(self, database: Database, scope: Scope) -> None:
        self.database = database
        self.scope = scope

    @cached_property
    def complete(self) -> list[Run]:
        """The complete runs but those of a fold, in the order of the scope."""
        return [run for run in self.scope.runs if run.state is RunState.COMPLETE and not self._is_fold(run)]

    def spec(self, run: Run) -> RunSpec:
        """The configuration that it was trained with."""
        return catalog.read_spec(listing.frozen(self.database, run.name).spec)

    @cached_property
    def topics(self) -> set[str]:
        """The kinds of its runs; those of folds count as ``crossval``, kinds of a user's own as ``cae``."""
        return {"crossval" if self._is_fold(run) else _like(run.kind) for run in self.scope.runs}

    @cached_property
    def searched(self) -> list[Run]:
        """The runs of the first search."""
        return listing.runs(self.database, self.scope.searches[0]) if self.scope.searches else []

    @property
    def autoencoder(self) -> Run | None:
        """Of a kind of a user's own where there is none of ours."""
        return self._first("cae") or next((run for run in self.complete if run.kind not in _OURS), None)

    @property
    def denoising(self) -> Run | None:
        return self._first("dae")

    @property
    def variational(self) -> Run | None:
        """Rather one of more than two dimensions: of those, what its units do is worth a figure."""
        return self._first("vae", lambda run: _dimensions(run) > 2) or self._first("vae")

    @property
    def plane(self) -> Run | None:
        """One whose latent space can be looked at as it is; rather a variational one."""
        found = (self._first(kind, lambda run: _dimensions(run) == 2) for kind in ("vae", "cae", "dae"))
        return next((run for run in found if run is not None), None)

    @property
    def imaging(self) -> Run | None:
        """One that makes images: a plain autoencoder, else any."""
        return self.autoencoder or self.variational or self.denoising

    @property
    def latent(self) -> Run | None:
        return self.plane or self.variational or self.autoencoder or self.denoising

    @property
    def classifiers(self) -> list[tuple[str, Run]]:
        """The first on a frozen encoder, the first gone on from one, the first from scratch; as far as there are."""
        parts: list[tuple[str, Callable[[Run], bool]]] = [
            ("frozen", lambda run: run.params["freeze"] != "none"),
            ("fine-tuned", lambda run: run.params["freeze"] == "none" and self.spec(run).start_from is not None),
            ("from scratch", lambda run: run.params["freeze"] == "none" and self.spec(run).start_from is None),
        ]
        return [(name, run) for name, fits in parts if (run := self._first("classifier", fits)) is not None]

    @property
    def best_classifier(self) -> Run | None:
        found = [run for _, run in self.classifiers]
        return max(found, key=lambda run: run.test.get("accuracy", 0.0), default=None)

    def of_kind(self, kind: str) -> Iterator[Run]:
        return (run for run in self.complete if run.kind == kind)

    @cached_property
    def validated(self) -> Validated | None:
        """The configuration with the best origin, of those with all folds complete."""
        by_origin: dict[str, list[Run]] = {}
        for run in self.scope.runs:
            if ORIGIN_ATTRIBUTE in run.user_attrs and run.state is RunState.COMPLETE:
                by_origin.setdefault(str(run.user_attrs[ORIGIN_ATTRIBUTE]), []).append(run)
        found = []
        for origin, runs in by_origin.items():
            folds = [run for run in runs if run.user_attrs.get(FOLD_ATTRIBUTE) != HOLDOUT]
            holdout = next((run for run in runs if run.user_attrs.get(FOLD_ATTRIBUTE) == HOLDOUT), None)
            if len(folds) > 1:
                folds.sort(key=lambda run: int(run.user_attrs[FOLD_ATTRIBUTE]))
                found.append(Validated(origin=origin, folds=folds, holdout=holdout))
        return min(found, key=lambda each: min(run.value or 0.0 for run in each.folds), default=None)

    def _is_fold(self, run: Run) -> bool:
        """One that was named by itself is looked at as any other run is."""
        return ORIGIN_ATTRIBUTE in run.user_attrs and len(self.scope.runs) > 1

    def _first(self, kind: str, fits: Callable[[Run], bool] = lambda run: True) -> Run | None:
        return next(filter(fits, self.of_kind(kind)), None)


def _like(kind: str) -> str:
    return kind if kind in _OURS else "cae"


def _dimensions(run: Run) -> int:
    return int(run.params.get("latent_dim", 0))
