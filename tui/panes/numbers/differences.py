"""What differs between runs: a row for each setting and result that is not the same in all of them. Pure functions."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.text import Text

from store.records import Run
from tui.bindings import key_of
from tui.look import Look, duration_text, ink, number_text, printable, run_colour
from tui.panes.text_lines import written

_LOWER_IS_BETTER = {"error", "mse", "loss"}
_HIGHER_IS_BETTER = {
    *("psnr", "ssim", "accuracy", "elbo", "iwae"),
    *("knn_accuracy", "linear_probe_accuracy", "silhouette", "trustworthiness"),
}
_LATENT = "latent_"
"""What the names of figures of the codes begin with (``store.results.add_latent``)."""
_UNMARKED_COLOUR = "#b0b0b0"
_WIDEST_NAME, _WIDEST_CELL = 22, 14
_BEST = "*"


@dataclass(frozen=True, kw_only=True)
class Difference:
    """``values``: one for each run, None where it has none. ``best``: which of them are the best, where one can tell.

    ``relative``: how far the second of two runs lies from the first, as a share of that.
    """

    name: str
    values: tuple[Any, ...]
    best: frozenset[int] = frozenset()
    relative: float | None = None


@dataclass(frozen=True, kw_only=True)
class Differences:
    """By section, those with rows alone. ``num_same``: how many rows were left out."""

    sections: Mapping[str, tuple[Difference, ...]]
    num_same: int


def differences(runs: Sequence[Run]) -> Differences:
    """Of two or more ``runs``."""
    sections: dict[str, tuple[Difference, ...]] = {}
    num_same = 0
    for title, rows_of in (("settings", _settings), ("results", _results), ("notes", notes_of)):
        rows = [rows_of(run) for run in runs]
        found = []
        for name in dict.fromkeys(name for row in rows for name in row):
            values = tuple(row.get(name) for row in rows)
            if all(value == values[0] for value in values):
                num_same += 1
            else:
                found.append(_difference(name, values, is_result=title == "results"))
        if found:
            sections[title] = tuple(found)
    return Differences(sections=sections, num_same=num_same)


def _settings(run: Run) -> Mapping[str, Any]:
    head = {"kind": run.kind, "dataset": run.dataset, "epochs": run.epochs, "seed": run.seed, "threads": run.threads}
    return {**head, **run.params}


def _results(run: Run) -> Mapping[str, Any]:
    return {
        "state": str(run.state),
        "error": run.value if run.value is not None else run.last_value,
        "epochs done": run.epoch,
        **{f"test {name}": value for name, value in run.test.items()},
        **{name: value for name, value in run.user_attrs.items() if _is_quality(name)},
        "seconds": round(run.duration_s),
        "device": run.device,
    }


def notes_of(run: Run) -> Mapping[str, Any]:
    """The user attributes that say more than settings and results do (which stand there for other tools)."""
    known = {"seed", *run.params, *(f"test_{name}" for name in run.test)}
    return {name: value for name, value in run.user_attrs.items() if name not in known and not _is_quality(name)}


def _is_quality(name: str) -> bool:
    return name.startswith(_LATENT) and name.removeprefix(_LATENT) in _HIGHER_IS_BETTER


def _difference(name: str, values: tuple[Any, ...], *, is_result: bool) -> Difference:
    numbers = [(at, float(value)) for at, value in enumerate(values) if _is_number(value)]
    best: frozenset[int] = frozenset()
    pick = _better(name) if is_result else None
    if pick is not None and len(numbers) > 1:
        top = pick(value for _, value in numbers)
        best = frozenset(at for at, value in numbers if value == top)
    relative = None
    if len(values) == len(numbers) == 2 and numbers[0][1]:
        relative = (numbers[1][1] - numbers[0][1]) / abs(numbers[0][1])
    return Difference(name=name, values=values, best=best, relative=relative)


def _better(name: str) -> Callable[[Iterator[float]], float] | None:
    figure = name.removeprefix("test ").removeprefix(_LATENT).partition("@")[0]
    if figure in _LOWER_IS_BETTER:
        return min
    return max if figure in _HIGHER_IS_BETTER else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


# As lines


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
    cells = {id(row): [_shown(row, at) for at in range(len(runs))] for row in rows}
    widths = [
        min(_WIDEST_CELL, max(len(heads[at]) + 2, *(len(shown[at]) for shown in cells.values()), 6))
        for at in range(len(runs))
    ]
    room = width - widest - 3 - (9 if with_change else 0)
    last_first = _last_first(widths, room)
    first = max(0, min(first, last_first))
    shown = [at for at in range(first, len(runs)) if sum(each + 1 for each in widths[first : at + 1]) <= room]
    shown = shown or [first]

    lines = [_header(runs, heads, widths, shown, widest, with_change, look)]
    for title, section in found.sections.items():
        lines.append(written(f" {title}", "bold underline"))
        for row in section:
            line = written(f"   {_cut(row.name, widest, look).ljust(widest)}", "dim")
            for at in shown:
                text = _cut(cells[id(row)][at], widths[at], look).rjust(widths[at] + 1)
                line.append(text, style="bold" if at in row.best else "")
            if row.relative is not None:
                line.append(f"{_percent(row.relative):>9}", style="dim")
            lines.append(line)
    if not rows:
        lines.append(Text("   Nothing differs."))
    same = f" {found.num_same} more are the same." if found.num_same else ""
    lines += [Text(), written(f" {_BEST} best of its row.{same}", "dim")]
    if len(shown) < len(runs):
        side, left, right = map(key_of, ("go.side", "go.left", "go.right"))
        hint = f" {shown[0] + 1} to {shown[-1] + 1} of {len(runs)} runs: {side}, then {left} and {right}."
        lines.append(written(hint, "dim"))
    return Table(lines=lines, last_first=last_first)


def _header(
    runs: Sequence[tuple[Run, int | None]],
    heads: Sequence[str],
    widths: Sequence[int],
    shown: Sequence[int],
    widest: int,
    with_change: bool,
    look: Look,
) -> Text:
    header = Text(" " * (widest + 3), no_wrap=True)
    for at in shown:
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


def _shown(row: Difference, at: int) -> str:
    value = row.values[at]
    if value is None:
        return "-"
    if row.name == "seconds":
        return duration_text(value)
    text = number_text(value) if isinstance(value, float) else printable(str(value))
    return text + _BEST if at in row.best else text


def _percent(share: float) -> str:
    percent = 100 * share
    return f"{percent:+.0f} %" if abs(percent) >= 100 else f"{percent:+.1f} %"


def _cut(text: str, width: int, look: Look) -> str:
    """Beginning and end of a text that is too long: names of runs and settings differ at either."""
    if len(text) <= width or width < 5:
        return text[:width]
    half = width // 2
    return text[: width - half - 1] + look.pick("…", "~") + text[-half:]
