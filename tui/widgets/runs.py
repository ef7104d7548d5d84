"""The runs of one experiment: state by glyph and word, epochs, value; more columns where there is room."""

from collections.abc import Hashable, Iterable, Sequence

from rich.style import Style

from store.names import RunName
from store.records import Run, RunState
from tui.look import Look, duration_text, number_text, run_colour
from tui.widgets.table import Column, RowTable

_TONES = {
    RunState.RUNNING: "table--busy",
    RunState.COMPLETE: "table--good",
    RunState.FAILED: "table--bad",
    RunState.LOST: "table--bad",
    RunState.STALLED: "table--warn",
    RunState.STOPPED: "table--warn",
    RunState.PAUSED: "table--warn",
    RunState.HELD: "table--warn",
}


def state_tone(state: RunState) -> str:
    return _TONES.get(state, "table--muted")


def shown_state(run: Run, look: Look) -> str:
    """Glyph and word; a request not yet obeyed stands behind it."""
    asked = {"stop": "stopping", "pause": "pausing"}.get(str(run.request or ""), "") if run.state.is_live else ""
    return f"{look.glyph(run.state)} {asked or run.state}"


def shown_value(run: Run) -> str:
    return number_text(run.value if run.value is not None else run.last_value, "")


def _setting(run: Run, name: str) -> tuple[str, str]:
    value = run.params.get(name, "")
    return (number_text(value) if isinstance(value, float) else str(value)), "table--muted"


class RunTable(RowTable[Run]):
    """``marks`` gives each marked run the number of a colour that it keeps as long as it is marked."""

    def __init__(self, look: Look, **options: object) -> None:
        super().__init__(look, **options)
        self.marks: dict[RunName, int] = {}

    def key(self, item: Run) -> Hashable:
        return item.name

    def columns(self) -> Sequence[Column[Run]]:
        look = self.look
        return (
            Column(title="run", width=4, cell=lambda r: (str(r.name.number), ""), is_right=True),
            Column(title="state", width=10, cell=lambda r: (shown_state(r, look), state_tone(r.state))),
            Column(title="epoch", width=7, cell=lambda r: (f"{r.epoch}/{r.epochs}", ""), is_right=True),
            Column(title="error", width=8, cell=lambda r: (shown_value(r), ""), is_right=True),
            Column(title="dim", width=4, cell=lambda r: _setting(r, "latent_dim"), is_right=True, from_width=40),
            Column(title="lr", width=7, cell=lambda r: _setting(r, "lr"), is_right=True, from_width=48),
            Column(title="optim", width=7, cell=lambda r: _setting(r, "optimizer"), from_width=56),
            Column(
                title="time",
                width=6,
                cell=lambda r: (duration_text(r.duration_s) if r.duration_s else "", "table--muted"),
                is_right=True,
                from_width=62,
            ),
        )

    def mark_cell(self, item: Run) -> tuple[str, Style | None]:
        if item.name not in self.marks:
            return " ", None
        colour = run_colour(self.marks[item.name], self.look)
        return self.look.pick("●", "*"), Style(color=colour) if self.look.has_colour else None

    def toggle_mark(self, name: RunName) -> None:
        if self.marks.pop(name, None) is None:
            taken = set(self.marks.values())
            self.marks[name] = next(number for number in range(len(taken) + 1) if number not in taken)
        self.repaint_rows()

    def unmark(self, names: Iterable[RunName] | None = None) -> None:
        for name in list(self.marks) if names is None else names:
            self.marks.pop(name, None)
        self.repaint_rows()
