"""The keys that do something to runs: new, stop, pause, delete, undo, mark."""

from collections.abc import Callable
from pathlib import Path

from textual.screen import Screen

from store.errors import RequestError
from store.names import RunName
from store.records import Run, RunState
from tui import actions
from tui.look import Look
from tui.messages import Done, Refused
from tui.screens.question import Answer, Question
from tui.watcher import Watcher
from tui.widgets.runs import RunTable

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
        self._removed: list[tuple[RunName, ...]] = []
        self._known: dict[RunName, Run] = {}
        """The runs listed last, and marked ones of other experiments as they were last seen."""

    @property
    def runs(self) -> RunTable:
        return self.query_one("#runs", RunTable)

    def show_current(self) -> None:
        """Bring what is shown to the run under the cursor and the marks."""
        raise NotImplementedError

    def action_new(self) -> None:
        from tui.screens.launch import Launch, LaunchScreen  # the engine's catalog: not before it is asked for

        def start(launch: Launch | None) -> None:
            if launch is not None:
                self._act(actions.launch(launch.spec, launch.experiment, self._data_dir))

        self.app.push_screen(LaunchScreen(), start)

    def action_stop(self) -> None:
        names = self.targets("stop")
        live = [name for name in names if (run := self._known.get(name)) is None or run.state.is_live]
        if not live:
            self._act(actions.stop(names))
            return
        answers = [
            Answer("k", "kill", "kill: end at once; loses the unfinished epoch, counts as failed"),
            Answer("s", "stop", "stop: finish the epoch, keep the checkpoint and the value"),
        ]
        self._ask(f"End {_named(names)}?", answers, {"stop": actions.stop(names), "kill": actions.kill(live)})

    def action_pause(self) -> None:
        self._act(actions.pause(self.targets("pause")))

    def action_resume(self) -> None:
        self._act(actions.resume(self.targets("resume")))

    def action_delete(self) -> None:
        names = self.targets("delete")
        answers = [Answer("n", "no", "no: leave it"), Answer("y", "delete", "yes: to the trash; z takes it back")]
        self._ask(f"Delete {_named(names)}?", answers, {"delete": actions.delete(names)})

    def action_undo(self) -> None:
        if self._removed:
            self._act(actions.restore(self._removed.pop()))

    def action_workers(self) -> None:
        self._act(actions.start_workers())

    def action_mark(self) -> None:
        if run := self.runs.current:
            self.runs.toggle_mark(run.name)
            if self.focused is self.runs:
                self.runs.action_move(1)
            self.show_current()

    def action_unmark(self) -> None:
        self.runs.unmark()
        self.show_current()

    def targets(self, action: str) -> list[RunName]:
        """The marked runs, else the one under the cursor, as far as ``action`` makes sense for their state."""
        run = self.runs.current
        names = list(self.runs.marks) or ([run.name] if run else [])
        known = {name: self._known[name] for name in names if name in self._known}
        return [name for name in names if name not in known or _SENSIBLE[action](known[name])]

    def _ask(self, title: str, answers: list[Answer], choices: dict[str, actions.Action]) -> None:
        def act(value: str | None) -> None:
            if value in choices:
                self._act(choices[value])

        self.app.push_screen(Question(title, answers, self._look), act)

    def _act(self, action: actions.Action) -> None:
        """Do it in a thread: the storage may be busy, and the screen does not wait."""

        def work() -> None:
            try:
                message: Done | Refused = action(self._watcher.open(create=True))
            except RequestError as error:
                message = Refused(str(error))
            except Exception as error:  # the screen outlives a storage that fails; the log has the rest
                self.log.error(error)
                message = Refused(f"That failed: {str(error).strip().splitlines()[0] if str(error) else error!r}")
            self.post_message(message)

        self.run_worker(work, thread=True, exit_on_error=False)


def _named(names: list[RunName]) -> str:
    return str(names[0]) if len(names) == 1 else f"{len(names)} marked runs"
