"""How far an export is. It is ended here, or goes on in the background; there is one at a time."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen, Screen
from textual.widgets import Static

from tui import bindings
from tui.bindings import key_of
from tui.helpers.exporting import Exporting
from tui.look import Look, duration_text, printable
from tui.watcher import Watcher
from tui.widgets.key_line import KeyLine
from tui.widgets.lines import Lines

if TYPE_CHECKING:
    from tui.requests.exporting import Export

PERIOD_S = 0.5


class Exports:
    """What the key does on ``screen``, which is told what becomes of an export."""

    def __init__(self, screen: Screen[None], watcher: Watcher, look: Look, data_dir: Path | None) -> None:
        self._screen, self._watcher, self._look, self._data_dir = screen, watcher, look, data_dir
        self._last: Exporting | None = None

    def open(self, choices: Mapping[str, Sequence[str]]) -> None:
        """Show the export that goes on; where none does, ask for one of ``choices`` (see `ExportForm`)."""
        if self._last is not None and not self._last.is_over:
            self._show(self._last)
            return
        from tui.screens.forms.export import ExportForm

        self._screen.app.push_screen(ExportForm(choices, self._watcher.root.figures), self._begin)

    def end(self) -> None:
        if self._last is not None:
            self._last.end()

    def _begin(self, wanted: "Export | None") -> None:
        if wanted is not None:
            self._last = Exporting(wanted, self._watcher.open, self._data_dir, self._screen.post_message)
            self._show(self._last)

    def _show(self, exporting: Exporting) -> None:
        self._screen.app.push_screen(ExportingScreen(exporting, self._look))


class ExportingScreen(ModalScreen[None]):
    BINDINGS = bindings.EXPORTING

    def __init__(self, exporting: Exporting, look: Look) -> None:
        super().__init__()
        self._exporting, self._look = exporting, look

    def compose(self) -> ComposeResult:
        wanted = self._exporting.wanted
        with Vertical(classes="dialog", id="exporting"):
            yield Static(Text(f"Export of {wanted.of}", style="bold"), classes="dialog-title")
            yield Lines(id="exporting-lines")
            yield Static(
                f"Into {wanted.where}, which stays as it is until the export is whole, and if it is ended.",
                classes="dialog-details",
                markup=False,
            )
            yield KeyLine(id="form-keys")

    def on_mount(self) -> None:
        self.set_interval(PERIOD_S, self._look_again)

    def on_resize(self) -> None:
        self.call_after_refresh(self._draw)

    def _look_again(self) -> None:
        if not self._exporting.is_over:
            self._draw()
        elif self.is_current:
            self.dismiss(None)

    def _draw(self) -> None:
        lines = self.query_one("#exporting-lines", Lines)
        lines.show_text(exporting_lines(self._exporting, self._look, lines.size.width))

    def action_end(self) -> None:
        """Stays until it is ended: figures that are being drawn are waited for. Who does not wait presses again."""
        if self._exporting.is_ending:
            self.dismiss(None)
            return
        self._exporting.end()
        self._draw()

    def action_leave(self) -> None:
        self.dismiss(None)
        if not (self._exporting.is_ending or self._exporting.is_over):
            keys = f"{key_of('run.export')} shows it again, {key_of('app.quit')} ends it with the screen"
            self.notify(f"The export goes on in the background; {keys}.", markup=False)


def exporting_lines(exporting: Exporting, look: Look, width: int) -> Text:
    """A bar of ``width`` with its figures, and below it what is being worked on."""
    progress = exporting.progress
    took = duration_text(time.monotonic() - exporting.began)
    figures = f"  {progress.done}/{progress.total}  {took}" if progress.total else f"  {took}"
    room = max(width - len(figures), 0)
    full = round(room * progress.done / progress.total) if progress.total else 0
    line = Text(no_wrap=True).append(look.pick("━", "=") * full)
    line.append(look.pick("┄", ".") * (room - full), style="dim").append(f"{figures}\n")
    says = "being ended" if exporting.is_ending else printable(progress.says) or "looking at the runs"
    line.append(says)
    return line
