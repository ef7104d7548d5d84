"""The keys that set runs beside each other, and the one that copies."""

import itertools
import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING

from store.names import RunName
from store.records import Run, RunState
from tui.bindings import key_of
from tui.messages import Done, Refused
from tui.screens.run_actions import MOST_BESIDE, RunActions

if TYPE_CHECKING:
    from tui.panes.all import AllPanes
    from tui.panes.numbers.pane import Compared

_RESUMABLE = (RunState.PAUSED, RunState.HELD, RunState.STOPPED, RunState.FAILED, RunState.PRUNED)


class Comparing(RunActions):
    """The part of the home screen that compares marked runs."""

    panes: "AllPanes"

    @property
    def pane(self) -> str:
        """The pane that is shown."""
        raise NotImplementedError

    def action_pane(self, pane: str) -> None:
        raise NotImplementedError

    def compared(self) -> "Compared":
        """The marked runs in the order of their marks; the one under the cursor beside a single mark."""
        marks: Mapping[RunName, int | None] = self.runs.marks
        run = self.runs.current
        if len(marks) == 1 and run is not None and run.name not in marks:
            marks = {**marks, run.name: None}
        some = itertools.islice(marks.items(), MOST_BESIDE)
        return [(self._known[name], number) for name, number in some if name in self._known]

    def action_compare(self) -> None:
        if len(self.compared()) < 2:
            says = f"Nothing to compare: mark two runs with {key_of('run.mark')}, or mark one and go to another."
            self.post_message(Refused(says))
            return
        self.action_pane("loss")

    def action_difference(self) -> None:
        is_on = self.pane == "numbers" and self.panes.numbers.is_difference
        if not is_on and len(self.compared()) < 2:
            from tui.panes.numbers.pane import mark_two

            self.post_message(Refused(mark_two()))
            return
        if self.pane != "numbers":
            self.action_pane("numbers")
        self.panes.numbers.toggle_difference(not is_on)
        self.refresh_bindings()

    def action_copy(self) -> None:
        run = self.runs.current
        if run is None:
            return
        if self.pane == "numbers":
            self.app.copy_to_clipboard(self.panes.numbers.plain())
            self.post_message(Done("Copied: what the pane shows, as text."))
        else:
            command = self._command(run)
            self.app.copy_to_clipboard(command)
            self.post_message(Done(f"Copied: {command}"))

    def _command(self, run: Run) -> str:
        """What a shell is told to go on with the run; of one that cannot go on, to show it."""
        does = "resume" if run.state in _RESUMABLE else "logs --follow" if run.state.is_live else "show"
        return f"aetui --root {shlex.quote(str(self._watcher.root.path))} {does} {shlex.quote(str(run.name))}"
