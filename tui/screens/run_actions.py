"""The keys that do something to runs: new, stop, pause, delete, undo, mark; and those that open forms."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from textual.screen import Screen

from store.errors import RequestError
from store.names import RunName
from store.paths import find_data_dir
from store.records import Run, RunState
from tui import actions
from tui.bindings import key_of
from tui.helpers.background import Background, failure, outcome
from tui.look import Look
from tui.messages import Refused
from tui.screens.exporting import Exports
from tui.screens.question import Answer, Question
from tui.watcher import Watcher
from tui.widgets.runs import RunTable

if TYPE_CHECKING:
    from store.database import Database
    from tui.requests.launching import Launch
    from tui.requests.measuring import Evaluation, LatentStudy
    from tui.screens.forms.form import Form

R = TypeVar("R")
MOST_BESIDE = 20
"""Marked runs that are drawn over each other and compared; more cannot be told apart."""
_MANY = 5
_LISTED = 4
_RESUMABLE = (RunState.PAUSED, RunState.HELD, RunState.STOPPED, RunState.FAILED, RunState.PRUNED)
_SENSIBLE: dict[str, Callable[[Run], bool]] = {
    "stop": lambda run: not run.state.is_finished,
    "pause": lambda run: (run.state.is_live or run.state is RunState.WAITING) and run.request is None,
    "resume": lambda run: run.state in _RESUMABLE or run.request is not None,
    "delete": lambda run: not run.state.is_live and not run.locked,
}
"""For which runs a key does something."""


class RunActions(Screen[None]):
    """The part of the home screen that asks something of the store; what comes of it is posted to the screen."""

    def __init__(self, watcher: Watcher, look: Look, data_dir: Path | None) -> None:
        super().__init__()
        self._watcher, self._look, self._data_dir = watcher, look, data_dir
        self._background = Background(watcher.open, self.post_message)
        self._exports = Exports(self, watcher, look, data_dir)
        self._removed: list[tuple[RunName, ...]] = []
        self._known: dict[RunName, Run] = {}
        """The runs listed last, and marked ones of other experiments as they were last seen."""
        self._asked_of: tuple[int, dict[RunName, Run]] = (-1, {})
        self._cases: list[Run | None] = []
        """One marked run of each kind that the keys tell apart."""

    @property
    def runs(self) -> RunTable:
        return self.query_one("#runs", RunTable)

    def show_current(self) -> None:
        """Bring what is shown to the run under the cursor and the marks."""
        raise NotImplementedError

    # Forms. Their modules bring the engine's catalog: not before one is asked for

    def action_new(self) -> None:
        from tui.requests.launching import is_classifier
        from tui.screens.forms.run import RunForm

        run = self.runs.current
        origin = run if run and not is_classifier(run.kind) else None
        self._open(RunForm(origin, self._examine_launch), lambda launch: actions.launch(launch, self._data_dir))

    def action_again(self) -> None:
        run = self.runs.current
        if run is None:
            return
        name = run.name

        def find(database: "Database | None") -> Callable[[], None]:
            from engine import catalog
            from store import listing
            from tui.requests.launching import again
            from tui.screens.forms.run import RunForm

            assert database is not None
            values = again(catalog.read_spec(listing.frozen(database, name).spec), name.experiment)
            form = RunForm(examine=self._examine_launch, heading=f"{name} again, with changes", values=values)
            return lambda: self._open(form, lambda launch: actions.launch(launch, self._data_dir))

        self._look_up(find)

    def _examine_launch(self, launch: "Launch") -> None:
        from engine import jobs
        from tui.requests.launching import fitted

        database = self._there()
        spec = fitted(database, launch)
        name = launch.experiment or jobs.default_experiment(spec.kind, spec.dataset)
        jobs.check(database, spec, name, find_data_dir(self._data_dir))

    def action_new_recipe(self) -> None:
        from tui.screens.forms.recipe import NewRecipe, RecipeForm

        def examine(new: NewRecipe) -> None:
            from engine.recipes import driving, runner

            recipe = new.asked.recipe()
            runner.check(self._there(), recipe, self._data_dir)
            driving.check_is_free(self._watcher.root, recipe.name)

        self._open(RecipeForm(examine), lambda new: actions.drive(new.asked, new.num_workers, self._data_dir))

    def action_search(self) -> None:
        run = self.runs.current
        experiment = run.name.experiment if run else None

        def find(database: "Database | None") -> Callable[[], None]:
            from tui.requests import searching
            from tui.screens.forms.search import SearchForm

            before = searching.resting(database, experiment)

            def examine(wanted: searching.Wanted) -> None:
                searching.check(self._there(), wanted, self._data_dir)

            return lambda: self._open(
                SearchForm(experiment, before, examine), lambda wanted: actions.search(wanted, self._data_dir)
            )

        self._look_up(find)

    def action_cross_validate(self) -> None:
        run = self.runs.current
        if run is None:
            self.post_message(Refused("There is no experiment whose settings could be cross-validated."))
            return
        experiment = run.name.experiment

        def find(database: "Database | None") -> Callable[[], None]:
            from engine import crossval
            from tui.screens.forms.crossval import CrossvalForm

            if database is not None:
                crossval.best_runs(database, experiment, 1)  # else there is nothing to ask for
            return lambda: self._open(
                CrossvalForm(experiment), lambda wanted: actions.cross_validate(experiment, wanted.top, wanted.folds)
            )

        self._look_up(find)

    def action_evaluate(self) -> None:
        from tui.screens.forms.evaluate import EvaluateForm

        runs = [self._known[name] for name in self.chosen() if name in self._known]
        complete = [run for run in runs if run.state is RunState.COMPLETE]
        if not complete:
            self.post_message(Refused("Only a complete run has test figures."))
            return

        def ask(wanted: "Evaluation | None") -> None:
            if wanted is not None:
                self._measure(complete, wanted)

        self.app.push_screen(EvaluateForm(complete), ask)

    def action_latent_study(self) -> None:
        from tui.screens.forms.latent import LatentForm

        chosen = [self._known[name] for name in self.chosen() if name in self._known]
        runs = [run for run in chosen if run.epoch] or chosen[:1]  # one without an epoch is told why not
        if not runs:
            self.post_message(Refused("There is no run whose codes could be looked at."))
            return

        def examine(wanted: "LatentStudy") -> None:
            for run in runs:
                wanted.check(self._watcher.open(), run)

        def ask(wanted: "LatentStudy | None") -> None:
            if wanted is not None:
                self._measure(runs, wanted)

        self.app.push_screen(LatentForm(runs, examine), ask)

    def action_export(self) -> None:
        choices: dict[str, Sequence[str]] = {}
        if names := self.chosen():
            label = "marked runs" if self.runs.marks else "grouped runs" if self.runs.group else "run"
            choices[label] = [str(name) for name in names]
        if run := self.runs.current:
            choices["experiment"] = [run.name.experiment]
        self._exports.open(choices | {"everything": ()})

    def on_unmount(self) -> None:
        self._exports.end()

    def _measure(self, runs: Sequence[Run], wanted: "Evaluation | LatentStudy") -> None:
        for run in runs:
            self._background.add(actions.measure(run, wanted, self._data_dir, self.post_message))

    def _open(self, form: "Form[R]", act: Callable[[R], actions.Action]) -> None:
        def start(wanted: R | None) -> None:
            if wanted is not None:
                self._act(act(wanted))

        self.app.push_screen(form, start)

    def _look_up(self, find: Callable[["Database | None"], Callable[[], None]]) -> None:
        """Call ``find`` in a thread, and what it gives on the screen, unless something else was opened meanwhile."""
        screen = self.app.screen

        def show(then: Callable[[], None]) -> None:
            if self.app.screen is screen:
                then()

        def work() -> None:
            try:
                then = find(self._there())
            except RequestError as error:
                self.post_message(Refused(str(error)))
            except Exception as error:
                self.log.error(error)
                self.post_message(failure(error))
            else:
                self.app.call_from_thread(show, then)

        self.run_worker(work, thread=True, exit_on_error=False)

    def _there(self) -> "Database | None":
        """The storage, None where there is nothing yet."""
        try:
            return self._watcher.open()
        except RequestError:  # what is more than absent is told of by the watcher
            return None

    # Keys

    def action_stop(self) -> None:
        names = self.targets("stop")
        title = f"End {self._named(names)}?"
        live = [name for name in names if (run := self._known.get(name)) is None or run.state.is_live]
        if not live:
            self._act(actions.stop(names))
            return
        answers = [
            Answer("k", "kill", "kill: end at once; loses the unfinished epoch, counts as failed"),
            Answer("s", "stop", "stop: finish the epoch, keep the checkpoint and the value"),
        ]
        self._ask(title, answers, {"stop": actions.stop(names), "kill": actions.kill(live)}, names)

    def action_pause(self) -> None:
        names = self.targets("pause")
        self._ask_if_many("Pause", names, actions.pause(names))

    def action_resume(self) -> None:
        names = self.targets("resume")
        self._ask_if_many("Go on with", names, actions.resume(names))

    def action_delete(self) -> None:
        names = self.targets("delete")
        yes = f"yes: to the trash; {key_of('run.undo')} takes it back"
        answers = [Answer("n", "no", "no: leave it"), Answer("y", "delete", yes)]
        self._ask(f"Delete {self._named(names)}?", answers, {"delete": actions.delete(names)}, names)

    def action_lock(self) -> None:
        names = self.chosen()
        # One that is not locked yet: all are to be.
        is_locking = not all(self._known[name].locked for name in names if name in self._known)
        self._ask_if_many("Lock" if is_locking else "Unlock", names, actions.lock(names, is_locking))

    def action_undo(self) -> None:
        if self._removed:
            self._act(actions.restore(self._removed.pop()))

    def action_workers(self) -> None:
        self._act(actions.start_workers())

    def action_mark(self) -> None:
        self.runs.toggle_marks([run.name for run in self.runs.chosen_runs])
        if self.focused is self.runs:
            self.runs.action_move(1)
        self.show_current()

    def action_mark_all(self) -> None:
        self.runs.toggle_marks([run.name for run in self.runs.listed])
        self.show_current()

    def action_unmark(self) -> None:
        self.runs.unmark()
        self.show_current()

    def targets(self, action: str) -> list[RunName]:
        """The marked runs, else the one under the cursor, as far as ``action`` makes sense for their state."""
        return [name for name in self.chosen() if self._is_sensible(action, name)]

    def has_targets(self, action: str) -> bool:
        """Whether there are any. It is asked at every key, and thousands may be marked: their cases are remembered."""
        if not self.runs.marks:
            return any(self._is_sensible(action, run.name) for run in self.runs.chosen_runs)
        if self._asked_of[0] != self.runs.num_markings or self._asked_of[1] is not self._known:
            self._asked_of = self.runs.num_markings, self._known
            runs = [self._known.get(name) for name in self.runs.marks]
            self._cases = list({(run.state, run.request, run.locked) if run else None: run for run in runs}.values())
        return any(run is None or _SENSIBLE[action](run) for run in self._cases)

    def _is_sensible(self, action: str, name: RunName) -> bool:
        run = self._known.get(name)
        return run is None or _SENSIBLE[action](run)

    def chosen(self) -> list[RunName]:
        """The runs that are marked, else the one under the cursor, else all of the group under it."""
        return list(self.runs.marks) or [run.name for run in self.runs.chosen_runs]

    def _named(self, names: Sequence[RunName]) -> str:
        if len(names) == 1:
            return str(names[0])
        group = None if self.runs.marks else self.runs.group
        return f"{len(names)} runs of {group.title}" if group else f"{len(names)} marked runs"

    def _ask_if_many(self, verb: str, names: Sequence[RunName], action: actions.Action) -> None:
        """What can be taken back is not asked about, as long as one sees to what it is done."""
        if len(names) <= _MANY:
            self._act(action)
            return
        answers = [Answer("n", "no", "no: leave them"), Answer("y", "yes", "yes: all of them")]
        self._ask(f"{verb} {self._named(names)}?", answers, {"yes": action}, names)

    def _ask(
        self, title: str, answers: list[Answer], choices: dict[str, actions.Action], names: Sequence[RunName]
    ) -> None:
        def act(value: str | None) -> None:
            if value in choices:
                self._act(choices[value])

        self.app.push_screen(Question(title, answers, self._look, _listed(names)), act)

    def _act(self, action: actions.Action) -> None:
        """Do it in a thread: the storage may be busy, and the screen does not wait."""

        def work() -> None:
            self.post_message(outcome(action, lambda: self._watcher.open(create=True)))

        self.run_worker(work, thread=True, exit_on_error=False)


def _listed(names: Sequence[RunName]) -> str:
    """The first few of several."""
    if len(names) == 1:
        return ""
    more = len(names) - _LISTED
    return ", ".join(map(str, names[:_LISTED])) + (f" and {more} more" if more > 0 else "")
