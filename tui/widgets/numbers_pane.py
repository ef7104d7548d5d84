"""Settings and results of the run under the cursor, as two columns of names and values."""

from collections.abc import Iterable, Mapping
from typing import Any

from rich.text import Text
from textual.containers import VerticalScroll
from textual.widgets import Static

from store.records import Run
from tui import bindings
from tui.look import Look, duration_text, number_text, printable
from tui.widgets.loss_pane import NO_RUN
from tui.widgets.runs import shown_state


class NumbersPane(VerticalScroll, can_focus=True):
    BINDINGS = bindings.SCROLL

    def __init__(self, look: Look, **options: Any) -> None:
        super().__init__(**options)
        self._look = look
        self._shown: tuple[Any, ...] = ()

    def compose(self) -> Iterable[Static]:
        yield Static(id="numbers")

    def show_run(self, run: Run | None, last_epoch: Mapping[str, Any]) -> None:
        """``last_epoch``: the newest line of the run's metrics, empty where there is none."""
        if (run, last_epoch, self.size.width) != self._shown:
            self._shown = (run, last_epoch, self.size.width)
            self.query_one("#numbers", Static).update(numbers_text(run, last_epoch, self._look))


def numbers_text(run: Run | None, last_epoch: Mapping[str, Any], look: Look) -> Text:
    if run is None:
        return Text(f"\n\n   {NO_RUN}", style="dim")
    text = Text()
    _section(
        text,
        "run",
        {
            "state": shown_state(run, look) + (f": {run.reason}" if run.reason else ""),
            "epochs": f"{run.epoch} of {run.epochs}",
            "validation error": number_text(run.value if run.value is not None else run.last_value),
            "time": duration_text(run.duration_s),
            "device": run.device + (f" on {run.host}" if run.host else ""),
            "attempt": run.attempt,
            "seed, threads": f"{run.seed}, {run.threads}",
            "folder": run.directory,
        },
    )
    _section(text, "test", run.test)
    skipped = {"kind", "epoch", "time"}
    _section(text, f"epoch {last_epoch.get('epoch', '')}", {k: v for k, v in last_epoch.items() if k not in skipped})
    _section(text, "settings", run.params)
    _section(text, "notes", run.user_attrs)
    return text


def _section(text: Text, title: str, values: Mapping[str, Any]) -> None:
    if not values:
        return
    text.append("\n" if text else "").append(f" {title}\n", style="bold underline")
    widest = max(map(len, map(str, values)))
    for name, value in values.items():
        shown = number_text(value) if isinstance(value, float) else str(value)
        text.append(f"   {str(name).ljust(widest)}  ", style="dim").append(f"{printable(shown)}\n")
