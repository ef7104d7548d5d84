"""What each kind of step has done and what it lacks, read off the storage and the run folders; and queueing that.

Nothing is remembered between two invocations: a step is done when its runs and answers are there. Within one, what was
queued is not queued again after it failed.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import engine.jobs
import engine.search
from engine import crossval, matching
from engine.recipes.helpers import Helper, Helpers, evaluation, latent
from engine.recipes.progress import StepProgress, StepState, left_s
from engine.recipes.selection import candidates, choose
from engine.recipes.steps import Crossval, Evaluate, Importance, Latent, Plan, Recipe, Step, Train
from engine.search import SearchSpec
from engine.spec import RunSpec
from store import listing
from store.database import Database
from store.errors import RequestError, StorageAway
from store.names import RunName
from store.records import Run, RunState
from store.sharing.ledger import has_file


@dataclass(frozen=True)
class Study:
    """A recipe in a storage, looked at and left alone."""

    database: Database
    recipe: Recipe

    def runs_of(self, step: Step) -> list[Run]:
        """The runs of a step that count, in the order of its plans; those that are not there yet are left out."""
        match step.work:
            case Train():
                return [run for _, run in self.trained(step) if run is not None]
            case SearchSpec():
                return listing.runs(self.database, self.recipe.experiment(step.id))
            case Crossval(of=of, top=top, folds=folds):
                return [run for summary in self.summaries(of, top, folds) for run in summary.runs]
            case _:
                return []

    def trained(self, step: Step) -> list[tuple[RunSpec, Run | None]]:
        """Each plan's whole configuration with its run; only plans that can be made already.

        Raises:
            RequestError: a chosen setting does not fit a plan's kind.
        """
        assert isinstance(step.work, Train)
        specs = [spec for plan in step.work.plans if (spec := self.resolve(plan)) is not None]
        there = listing.runs(self.database, self.recipe.experiment(step.id))
        by_configuration = matching.runs_by_configuration(self.database, there)
        return [(spec, by_configuration.get(matching.configuration(spec))) for spec in specs]

    def resolve(self, plan: Plan) -> RunSpec | None:
        """The configuration of a plan, None while what it builds on is not there (or is not there at all)."""
        spec = plan.spec
        if plan.chosen is not None:
            searched = listing.runs(self.database, self.recipe.experiment(plan.chosen.search))
            settings = choose(candidates(searched), plan.chosen)
            if settings is None:
                return None
            spec = spec.with_settings(settings)
        if plan.encoder_of is not None:
            encoders = [
                run for run in self.runs_of(self.recipe.step(plan.encoder_of)) if run.state is RunState.COMPLETE
            ]
            if not encoders:
                return None
            encoder = next((run for run in encoders if run.seed == spec.seed), encoders[0])
            spec = dataclasses.replace(spec, start_from=str(encoder.name))
        return spec

    def summaries(self, of: str, top: int, folds: int) -> list[crossval.Summary]:
        """Of a cross-validation; none before there is anything to validate."""
        try:
            return crossval.summaries(self.database, self.recipe.experiment(of), top=top, folds=folds)
        except StorageAway:
            raise
        except RequestError:
            return []

    def evaluations(self, work: Evaluate) -> list[Helper]:
        runs = [run for of in work.of for run in self.runs_of(self.recipe.step(of)) if run.state is RunState.COMPLETE]
        return [evaluation(self.database, run.name, work.noise) for run in runs]

    def latents(self, work: Latent) -> list[Helper]:
        runs = [run for run in self.runs_of(self.recipe.step(work.of)) if run.state is RunState.COMPLETE]
        return [latent(self.database, runs[0].name, method, work.limit) for method in work.methods if runs]

    def importance(self, work: Importance) -> dict[str, float] | None:
        """Parts of 1, None where too few runs are complete."""
        try:
            return engine.search.importance(self.database, self.recipe.experiment(work.of))
        except StorageAway:
            raise
        except RequestError:
            return None


@dataclass
class Labour:
    """One invocation's work on a study: queues what is missing, and remembers what it asked for."""

    study: Study
    data_dir: Path
    helpers: Helpers
    _queued: dict[tuple[str, str], RunName] = field(default_factory=dict)
    _crossval: dict[str, list[RunName]] = field(default_factory=dict)
    _searches: set[str] = field(default_factory=set)

    def advance(self, step: Step) -> StepProgress:
        """Queue what ``step``, whose needs are done, still lacks, and tell how far it is.

        Raises:
            RequestError: it cannot be queued (a data set has gone, a setting does not fit).
        """
        match step.work:
            case Train():
                return self._train(step)
            case SearchSpec() as work:
                return self._search(step, work)
            case Crossval() as work:
                return self._crossval_of(step, work)
            case Evaluate() as work:
                return self._ask(step, self.study.evaluations(work))
            case Latent() as work:
                return self._ask(step, self.study.latents(work))
            case Importance() as work:
                found = self.study.importance(work)
                says = ", ".join(f"{key} {share:.0%}" for key, share in found.items()) if found else "too few runs"
                return StepProgress(step=step, state=StepState.DONE, num_done=1, num_total=1, says=says)

    def _train(self, step: Step) -> StepProgress:
        database, experiment = self.study.database, self.study.recipe.experiment(step.id)
        names = []
        for spec, run in self.study.trained(step):
            key = (step.id, matching.configuration(spec))
            if run is None or (run.state in matching.ENDED_EARLY and key not in self._queued):
                if run is not None and has_file(database, run, database.root.run(run.name).last):
                    spec = dataclasses.replace(spec, start_from=str(run.name))
                checked = engine.jobs.check(database, spec, experiment, self.data_dir)
                self._queued[key] = engine.jobs.add(database, checked, experiment, self.data_dir)
                names.append(self._queued[key])
            else:
                self._queued.setdefault(key, run.name)
                names.append(run.name)
        if not names:
            return StepProgress(step=step, state=StepState.FAILED, says="nothing to build on: no run was complete")
        return self._follow(step, [listing.run(database, name) for name in names])

    def _search(self, step: Step, work: SearchSpec) -> StepProgress:
        database, experiment = self.study.database, self.study.recipe.experiment(step.id)
        if step.id not in self._searches and not self._is_search_over(experiment):
            engine.search.start(database, experiment, work, data_dir=self.data_dir)
        self._searches.add(step.id)
        found = engine.search.progress(database, experiment)
        runs = listing.runs(database, experiment)
        unfinished = [run for run in runs if not run.state.is_finished]
        state, says = StepState.RUNNING, ", ".join(_counts(found.num_pruned, found.num_failed))
        if found.is_over and not unfinished:
            state = StepState.DONE if found.best is not None else StepState.FAILED
        elif not found.is_on and not found.is_over and not unfinished:
            state, says = StepState.FAILED, "the search was stopped"
        num_done = min(found.num_complete, work.num_trials)
        left = _search_left_s(step, runs, num_done, work.num_trials)
        return StepProgress(
            step=step,
            state=state,
            num_done=num_done,
            num_total=work.num_trials,
            left_s=left,
            runs=tuple(run.name for run in runs),
            says=says,
        )

    def _is_search_over(self, experiment: str) -> bool:
        try:
            return engine.search.progress(self.study.database, experiment).is_over
        except StorageAway:
            raise
        except RequestError:  # not begun
            return False

    def _crossval_of(self, step: Step, work: Crossval) -> StepProgress:
        database = self.study.database
        if step.id not in self._crossval:
            self._crossval[step.id] = crossval.queue_missing(
                database, self.study.recipe.experiment(work.of), top=work.top, folds=work.folds
            )
        return self._follow(step, [listing.run(database, name) for name in self._crossval[step.id]])

    def _follow(self, step: Step, runs: Sequence[Run]) -> StepProgress:
        num_done = sum(run.state is RunState.COMPLETE for run in runs)
        ended = [run for run in runs if run.state in matching.ENDED_EARLY or run.deleted]
        return StepProgress(
            step=step,
            state=_state(num_done, len(ended), len(runs)),
            num_done=num_done,
            num_total=len(runs),
            left_s=left_s(step, runs, len(runs)),
            runs=tuple(run.name for run in runs),
            says="; ".join(_trouble(run) for run in [*ended, *(run for run in runs if run.request is not None)]),
        )

    def _ask(self, step: Step, asked: Sequence[Helper]) -> StepProgress:
        answers: list[Any] = [self.helpers.ask(helper) for helper in asked]
        reasons = [self.helpers.reasons[helper] for helper in asked if helper in self.helpers.reasons]
        num_done = sum(answer is not None for answer in answers)
        return StepProgress(
            step=step,
            state=_state(num_done, len(reasons), len(asked)),
            num_done=num_done,
            num_total=len(asked),
            left_s=step.budget_s * (1 - num_done / len(asked)) if asked else 0.0,
            runs=tuple(dict.fromkeys(helper.run for helper in asked)),
            says="; ".join(reasons),
        )


def _state(num_done: int, num_failed: int, num_total: int) -> StepState:
    """A step fails once nothing of it is under way any more."""
    if num_done == num_total:
        return StepState.DONE
    return StepState.FAILED if num_done + num_failed == num_total else StepState.RUNNING


def _search_left_s(step: Step, runs: Sequence[Run], num_complete: int, num_trials: int) -> float:
    """By completed runs: what is pruned on the way is part of what each of them costs."""
    begun = [run for run in runs if run.state is RunState.COMPLETE]
    return left_s(step, begun[:num_complete], num_trials) if begun else step.budget_s


def _counts(num_pruned: int, num_failed: int) -> list[str]:
    counted = {"pruned": num_pruned, "failed": num_failed}
    return [f"{count} {word}" for word, count in counted.items() if count]


def _trouble(run: Run) -> str:
    return f"{run.name} is {'deleted' if run.deleted else run.state}" + (f": {run.reason}" if run.reason else "")
