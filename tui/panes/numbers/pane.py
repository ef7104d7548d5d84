"""Settings, results and health of the run under the cursor; or what differs between the marked runs."""

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard

from rich.text import Text

from store.records import Run, RunState
from tui.bindings import key_of
from tui.look import Look, duration_text, number_text, path_text, printable
from tui.panes.loss.pane import no_run
from tui.panes.numbers.difference_table import table
from tui.panes.numbers.differences import notes_of
from tui.panes.numbers.health_lines import by_class_lines, confusion_lines, quality_lines, units_lines
from tui.panes.numbers.units import Units, alarm, units_of
from tui.panes.text_lines import cut, title, written
from tui.widgets.scrolled_lines import ScrolledLines
from tui.widgets.states import shown_state

if TYPE_CHECKING:  # it brings numpy, which the first paint does not wait for
    from tui.panes.numbers.health import Health

Compared = Sequence[tuple[Run, int | None]]
"""Runs, each with the number of its mark's colour; None: it is under the cursor and not marked."""
_TWO_COLUMNS = 96
_MARGIN = 2
_NOT_FIGURES = {"kind", "epoch", "time", "active_units"}


class NumbersPane(ScrolledLines):
    def __init__(self, look: Look, **options: Any) -> None:
        super().__init__(look, **options)
        self._run: Run | None = None
        self._epochs: Sequence[Mapping[str, Any]] = ()
        self._health: Health | None = None
        self._compared: Compared = ()
        self._is_difference = False
        self._first = 0
        self._last_first = 0
        self._drawn: object = None

    def show_run(
        self,
        run: Run | None,
        epochs: Sequence[Mapping[str, Any]],
        health: "Health | None",
        compared: Compared,
    ) -> None:
        """``epochs``: the lines of the run's metrics. ``compared``: the runs whose difference can be asked for."""
        if run is None or self._run is None or run.name != self._run.name:
            self.to_top()
        self._run, self._epochs, self._health, self._compared = run, epochs, health, compared
        self.draw()

    @property
    def is_difference(self) -> bool:
        return self._is_difference

    def toggle_difference(self, is_on: bool) -> None:
        self._is_difference, self._first = is_on, 0
        self.to_top()
        self.draw()

    @property
    def is_wide(self) -> bool:
        """Whether there are more runs than there is room for."""
        return self._is_difference and self._last_first > 0

    def shift(self, steps: int) -> None:
        """So many runs to the right."""
        self._first = max(0, min(self._first + steps, self._last_first))
        self.draw()

    @property
    def is_leftmost(self) -> bool:
        return self._first == 0

    def on_resize(self) -> None:
        self.draw()

    def on_show(self) -> None:
        self.draw()

    @property
    def has_alarm(self) -> bool:
        """Whether so many units are dead that it has to be said."""
        return self._run is not None and bool(alarm(self._run, self._units(self._run)))

    def _units(self, run: Run) -> Units | None:
        return units_of(run, self._last_epoch, self._health)

    @property
    def _last_epoch(self) -> Mapping[str, Any]:
        return self._epochs[-1] if self._epochs else {}

    def draw(self) -> None:
        if not self.display or not self.size.width:
            return
        state = (self._run, len(self._epochs), self._health, tuple(self._compared), self._is_difference, self._first)
        if (*state, self.size.width) == self._drawn:
            return
        self._drawn = (*state, self.size.width)
        self.show_lines(self._lines(self.size.width - _MARGIN))

    def _lines(self, width: int) -> list[Text]:
        look, run = self._look, self._run
        if self._is_difference:
            return self._difference_lines(width)
        if run is None:
            return [Text(), Text(), written(f"   {no_run()}", "dim")]
        units, last = self._units(run), self._last_epoch
        head = [written(f" {part} ", "bold reverse") for part in _wrapped(alarm(run, units), width - 3)]
        head += [Text()] if head else []
        half = width * 2 // 5
        left, right = (half, width - half - 3) if width >= _TWO_COLUMNS else (width, width)
        told = [_run_lines(run, left, look), _figures("test", run.test, left, look)]
        used = [units_lines(units, self._epochs, right, look)] if units else []
        tables = _tables(run, self._health, right, look)
        well = [*tables, *used] if run.kind == "classifier" else [*used, *tables]
        rest = [
            _figures(f"epoch {last.get('epoch', '')}", _plain(last), left, look),
            _figures("settings", run.params, left, look),
            _figures("notes", notes_of(run), left, look),
        ]
        if left == right:
            return [*head, *_spaced([*told, *well, *rest])]
        from tui.panes.search.lines import beside  # it brings plotext: not before there is something to draw

        return [*head, *beside(_spaced([*told, *rest]), _spaced(well), left)]

    def _difference_lines(self, width: int) -> list[Text]:
        if len(self._compared) < 2:
            self._last_first = 0
            return [Text(), Text(), *(written(f"   {part}", "dim") for part in _wrapped(mark_two(), width - 3))]
        made = table(self._compared, self._first, width, self._look)
        self._last_first = made.last_first
        self._first = min(self._first, made.last_first)
        return made.lines


def mark_two() -> str:
    return f"Nothing to tell apart: mark two runs with {key_of('run.mark')}, or mark one and go to another."


def _run_lines(run: Run, width: int, look: Look) -> list[Text]:
    values = {
        "state": shown_state(run, look) + (f": {run.reason}" if run.reason else ""),
        "epochs": f"{run.epoch} of {run.epochs}",
        "validation error": number_text(run.value if run.value is not None else run.last_value),
        "time": duration_text(run.duration_s),
        "device": run.device + (f" on {run.host}" if run.host else ""),
        "attempt": run.attempt,
        "seed, threads": f"{run.seed}, {run.threads}",
        "folder": path_text(Path(run.directory)),
    }
    return _figures("run", values, width, look)


def _tables(run: Run, health: "Health | None", width: int, look: Look) -> list[list[Text]]:
    """What results.json and latent studies tell, or which key makes them tell it."""
    tables = health.tables if health else {}
    blocks = []
    confusion, classes = tables.get("confusion"), tables.get("classes")
    if _is_square(confusion) and isinstance(classes, list) and len(confusion) == len(classes) > 0:
        blocks.append(confusion_lines(confusion, [str(each) for each in classes], width, look))
    for name in ("mse", "error"):
        errors = tables.get(f"{name}_by_class")
        if isinstance(errors, dict) and errors and all(isinstance(value, int | float) for value in errors.values()):
            blocks.append(by_class_lines(errors, name, width, look))
    if health and not blocks and run.state is RunState.COMPLETE:
        also = ", and the KL of each unit" if "beta" in run.params and "kl_by_unit" not in tables else ""
        hint = Text(f"   {key_of('run.evaluate')} measures it{also}.")
        blocks.append([title("test by class", width, look), cut(hint, width, look)])
    if health and health.quality:
        blocks.append(quality_lines(health.quality, width, look))
    elif health and health.epoch:
        hint = Text(f"   {key_of('run.latent')} tells how the classes separate.")
        blocks.append([title("classes in the codes", width, look), cut(hint, width, look)])
    return blocks


def _is_square(table: Any) -> TypeGuard[list[list[int]]]:
    """Of whole numbers: results.json may be anybody's."""
    return isinstance(table, list) and all(
        isinstance(row, list) and len(row) == len(table) and all(isinstance(count, int) for count in row)
        for row in table
    )


def _plain(epoch: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in epoch.items() if key not in _NOT_FIGURES and not isinstance(value, list)}


def _figures(heading: str, values: Mapping[str, Any], width: int, look: Look) -> list[Text]:
    """Names and values; a value that is too long goes on in the next line."""
    if not values:
        return []
    lines = [title(heading, width, look)]
    widest = max(map(len, map(str, values)))
    for name, value in values.items():
        shown = printable(number_text(value) if isinstance(value, float) else str(value))
        room = max(8, width - widest - 5)
        parts = [shown[at : at + room] for at in range(0, len(shown), room)] or [""]
        for at, part in enumerate(parts):
            lines.append(written(f"   {'' if at else printable(str(name)):<{widest}}  ", "dim").append(part))
    return lines


def _spaced(blocks: Sequence[Sequence[Text]]) -> list[Text]:
    """One below the other, with an empty line between them."""
    lines: list[Text] = []
    for block in blocks:
        lines += [Text(), *block] if lines and block else block
    return lines


def _wrapped(sentence: str, width: int) -> list[str]:
    return textwrap.wrap(sentence, max(20, width))
