"""The differences of runs as lines of a pane: as many runs as there is room for."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.text import Text

from store.records import Run
from tui.bindings import key_of
from tui.look import Look, ink, run_colour
from tui.panes.numbers.differences import BEST, differences, shown, shown_change
from tui.panes.text_lines import written

_UNMARKED_COLOUR = "#b0b0b0"
_WIDEST_NAME, _WIDEST_CELL = 22, 14


@dataclass(frozen=True, kw_only=True)
class Table:
    """``lines`` from the run ``first`` on, as many runs as there is room for; ``last_first`` shows the last of them."""

    lines: list[Text]
    last_first: int


def table(runs: Sequence[tuple[Run, int | None]], first: int, width: int, look: Look) -> Table:
    """``runs``, each with the number of its colour (None: it is not marked)."""
    found = differences([run for run, _ in runs])
    rows = [row for section in found.sections.values() for row in section]
    is_one = len({run.name.experiment for run, _ in runs}) == 1
    heads = [f"run {run.name.number}" if is_one else str(run.name) for run, _ in runs]
    with_change = len(runs) == 2 and any(row.relative is not None for row in rows)
    widest = min(_WIDEST_NAME, max([len(row.name) for row in rows], default=8), max(8, width // 3))
    cells = {id(row): [shown(row, at) for at in range(len(runs))] for row in rows}
    widths = [
        min(_WIDEST_CELL, max(len(heads[at]) + 2, *(len(row[at]) for row in cells.values()), 6))
        for at in range(len(runs))
    ]
    room = width - widest - 3 - (9 if with_change else 0)
    last_first = _last_first(widths, room)
    first = max(0, min(first, last_first))
    in_sight = [at for at in range(first, len(runs)) if sum(each + 1 for each in widths[first : at + 1]) <= room]
    in_sight = in_sight or [first]

    lines = [_header(runs, heads, widths, in_sight, widest, with_change, look)]
    for title, section in found.sections.items():
        lines.append(written(f" {title}", "bold underline"))
        for row in section:
            line = written(f"   {_cut(row.name, widest, look).ljust(widest)}", "dim")
            for at in in_sight:
                text = _cut(cells[id(row)][at], widths[at], look).rjust(widths[at] + 1)
                line.append(text, style="bold" if at in row.best else "")
            if row.relative is not None:
                line.append(f"{shown_change(row.relative):>9}", style="dim")
            lines.append(line)
    if not rows:
        lines.append(Text("   Nothing differs."))
    same = f" {found.num_same} more are the same." if found.num_same else ""
    lines += [Text(), written(f" {BEST} best of its row.{same}", "dim")]
    if len(in_sight) < len(runs):
        side, left, right = map(key_of, ("go.side", "go.left", "go.right"))
        hint = f" {in_sight[0] + 1} to {in_sight[-1] + 1} of {len(runs)} runs: {side}, then {left} and {right}."
        lines.append(written(hint, "dim"))
    return Table(lines=lines, last_first=last_first)


def _header(
    runs: Sequence[tuple[Run, int | None]],
    heads: Sequence[str],
    widths: Sequence[int],
    in_sight: Sequence[int],
    widest: int,
    with_change: bool,
    look: Look,
) -> Text:
    header = Text(" " * (widest + 3), no_wrap=True)
    for at in in_sight:
        number = runs[at][1]
        dot = look.pick("●", "*") if number is not None else look.pick("▸", ">")
        head = f"{dot} {_cut(heads[at], widths[at] - 2, look)}"
        colour = ink(_UNMARKED_COLOUR, look) if number is None else run_colour(number, look)
        header.append(head.rjust(widths[at] + 1), style=f"bold {colour}" if look.has_colour else "bold")
    if with_change:
        header.append(f"{'change':>9}", style="dim")
    return header


def _last_first(widths: Sequence[int], room: int) -> int:
    first, taken = len(widths) - 1, widths[-1] + 1
    while first and taken + widths[first - 1] + 1 <= room:
        first -= 1
        taken += widths[first] + 1
    return first


def _cut(text: str, width: int, look: Look) -> str:
    """Beginning and end of a text that is too long: names of runs and settings differ at either."""
    if len(text) <= width or width < 5:
        return text[:width]
    half = width // 2
    return text[: width - half - 1] + look.pick("…", "~") + text[-half:]
