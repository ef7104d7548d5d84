"""The runs of one experiment: state by glyph and word, epochs, value; more columns where there is room."""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import replace

from rich.style import Style

from store.names import RunName
from store.records import Run, RunState
from tui.filtering import RunRow, field_name
from tui.look import Look, duration_text, number_text, run_colour
from tui.sorting import BY_NUMBER, Order
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


def _setting_column(name: str, title: str, width: int, from_width: int, *, is_right: bool = True) -> Column[Run]:
    def cell(run: Run) -> tuple[str, str]:
        value = RunRow(run).field(name)
        shown = "" if value is None else number_text(value) if isinstance(value, float) else str(value)
        return shown, "table--muted"

    return Column(title=title, width=width, cell=cell, is_right=is_right, from_width=from_width)


class RunTable(RowTable[Run]):
    """``marks`` gives each marked run the number of a colour that it keeps as long as it is marked."""

    def __init__(self, look: Look, **options: object) -> None:
        super().__init__(look, **options)
        self.marks: dict[RunName, int] = {}
        self.order = Order()

    def key(self, item: Run) -> Hashable:
        return item.name

    def columns(self) -> Sequence[Column[Run]]:
        look, by = self.look, field_name(self.order.by)
        columns = {
            "number": Column(title="run", width=4, cell=lambda r: (str(r.name.number), ""), is_right=True),
            "state": Column(title="state", width=10, cell=lambda r: (shown_state(r, look), state_tone(r.state))),
            "epoch": Column(title="epoch", width=7, cell=lambda r: (f"{r.epoch}/{r.epochs}", ""), is_right=True),
            "value": Column(title="error", width=8, cell=lambda r: (shown_value(r), ""), is_right=True),
            "latent_dim": _setting_column("latent_dim", "dim", 4, 40),
            "lr": _setting_column("lr", "lr", 7, 48),
            "optimizer": _setting_column("optimizer", "optim", 7, 56, is_right=False),
            "time": Column(
                title="time",
                width=6,
                cell=lambda r: (duration_text(r.duration_s) if r.duration_s else "", "table--muted"),
                is_right=True,
                from_width=62,
            ),
        }
        # What the runs are sorted by is there, whatever it is and however little room there is.
        chosen = columns.get(by) or _setting_column(by, by, max(8, min(12, len(by) + 1)), 0)
        if by != BY_NUMBER:
            arrow = look.pick("▼" if self.order.is_down else "▲", "v" if self.order.is_down else "^")
            chosen = replace(chosen, title=f"{chosen.title}{arrow}", width=max(chosen.width, 6), from_width=0)
        order = [*columns, *([by] if by not in columns else [])]
        if by in ("latent_dim", "lr", "optimizer", "time") or by not in columns:
            order.remove(by)
            order.insert(4, by)
        return tuple(chosen if name == by else columns[name] for name in order)

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
