"""The lines of the search pane, block by block: pure functions of what was found.

Every block is a list of lines no wider than it was given.
"""

import re
import textwrap
from collections.abc import Sequence

from rich.text import Text

from engine.colours import TRAIN_COLOUR, VALIDATION_COLOUR
from store.records import Run
from tui.bindings import key_of
from tui.look import UNLABELLED_COLOUR, Look, ink, number_text, printable
from tui.panes.search.findings import Findings, value_of
from tui.plots import Series, curves_text

_PLACE = re.compile(r"place \d+ of \d+")
_GAP = "   "


def head(findings: Findings, width: int, look: Look) -> list[Text]:
    """How far it is, by what it searches, and the best so far: on one line where there is room."""
    found = findings.progress
    counts = {"pruned": found.num_pruned, "failed": found.num_failed, "running": found.num_running}
    said = [f"{count} {word}" for word, count in counts.items() if count]
    how_far = Text(f"{found.num_complete} of {found.num_trials} complete", style="bold", no_wrap=True)
    how_far.append("".join(f", {each}" for each in said), style="not bold")
    if found.is_over:
        how_far.append("  over", style="not bold dim")
    elif not found.is_on:
        how_far.append(f"  stopped: {key_of('run.search')} goes on", style="not bold dim")
    best = Text(no_wrap=True)
    if found.best is not None:
        best.append(f"best {number_text(found.best.value)}", style="bold").append(f" (run {found.best.name.number})  ")
    best.append(f"{findings.sampler}, {findings.pruner}", style="dim")
    if how_far.cell_len + len(_GAP) + best.cell_len <= width:
        return [how_far.append(_GAP).append_text(best)]
    return [_cut(line, width, look) for line in (how_far, best)]


def history(findings: Findings, width: int, height: int, look: Look, *, log_y: bool) -> list[Text]:
    """Complete runs by number, the lowest value up to each of them as a stair, and pruned runs apart."""
    pruned = [run for run in findings.progress.pruned if run.value is not None]
    numbers = [run.name.number for run in (*findings.complete, *pruned)]
    stair: list[tuple[int, float]] = []
    for number, value in findings.best_so_far():
        stair += [(number, stair[-1][1]), (number, value)] if stair else [(number, value)]
    if stair:
        stair.append((max(numbers), stair[-1][1]))
    series = [_series("best", stair, VALIDATION_COLOUR)]
    series.append(
        _series(
            f"{len(findings.complete)} complete",
            [(run.name.number, value_of(run)) for run in findings.complete],
            TRAIN_COLOUR,
            ("•", "o"),
        )
    )
    if pruned:
        points = [(run.name.number, value_of(run)) for run in pruned]
        series.append(_series(f"{len(pruned)} pruned", points, UNLABELLED_COLOUR, ("×", "x")))
    drawn = curves_text(series, width, height, look=look, log_y=log_y, title="error", x_label="run")
    return list(drawn.split("\n", allow_blank=True))


def importance(findings: Findings, width: int, look: Look) -> list[Text]:
    """A bar for each setting, or the sentence that says why there is none."""
    lines = [_title("what mattered (PED-ANOVA)", width, look)]
    shares = findings.importance.shares
    if not shares:
        return lines + [Text(f" {line}", style="dim") for line in textwrap.wrap(findings.importance.says, width - 2)]
    widest = max(map(len, shares))
    room = max(4, width - widest - 9)
    longest = max(shares.values()) or 1.0
    for name, share in shares.items():
        line = Text(f" {name.ljust(widest)} ", no_wrap=True)
        bar = look.pick("━", "=") * max(round(room * share / longest), 1 if share else 0)
        line.append(bar, style=ink(TRAIN_COLOUR, look) if look.has_colour else "").append(f" {share:.0%}")
        lines.append(_cut(line, width, look))
    return lines


def bests(findings: Findings, width: int, look: Look) -> list[Text]:
    """For each setting with few values the best run of each of them."""
    lines: list[Text] = []
    for name, by_value in findings.progress.best_by.items():
        if not by_value:
            continue
        lines += [Text()] if lines else []
        lines.append(_title(f"best per {name}", width, look))
        widest = max(len(str(value)) for value in by_value)
        for value, run in by_value.items():
            is_best = findings.progress.best is not None and run.name == findings.progress.best.name
            line = Text(f" {str(value).rjust(widest)}  ", no_wrap=True)
            line.append(number_text(run.value).ljust(8), style="bold" if is_best else "")
            line.append(f" run {run.name.number:<4}", style="dim").append(_settings(findings, run, but=name))
            lines.append(_cut(line, width, look))
    return lines


def pruned(findings: Findings, width: int, look: Look) -> list[Text]:
    """The pruned runs, the newest first: when, at which error, and how that stood among the others' at that epoch."""
    runs = sorted(findings.progress.pruned, key=lambda run: run.name.number, reverse=True)
    if not runs:
        return []
    lines = [_title("pruned", width, look)]
    numbers = [str(run.name.number) for run in runs]
    values = [number_text(run.last_value) for run in runs]
    for run, number, value in zip(runs, numbers, values, strict=True):
        line = Text(f" run {number.ljust(max(map(len, numbers)))}", no_wrap=True)
        line.append(f"  epoch {run.epoch}/{run.epochs}  {value.ljust(max(map(len, values)))}")
        if stood := _PLACE.search(run.reason or ""):
            line.append(f"  {stood.group()}")
        line.append(f"  {_settings(findings, run)}", style="dim")
        lines.append(_cut(line, width, look))
    return lines


def beside(left: Sequence[Text], right: Sequence[Text], width: int, gap: int = 3) -> list[Text]:
    """Two blocks next to each other, the left one ``width`` wide."""
    lines = []
    for index in range(max(len(left), len(right))):
        line = left[index].copy() if index < len(left) else Text(no_wrap=True)
        if index < len(right):
            line.append(" " * (width + gap - line.cell_len)).append_text(right[index])
        lines.append(line)
    return lines


def _series(
    name: str, points: Sequence[tuple[int, float]], colour: str, glyphs: tuple[str, str] | None = None
) -> Series:
    return Series(name=name, x=[x for x, _ in points], y=[y for _, y in points], colour=colour, points=glyphs)


def _settings(findings: Findings, run: Run, but: str = "") -> str:
    shown = []
    for name, value in findings.settings_of(run):
        if name != but:
            text = f"{value:.2g}" if isinstance(value, float) else printable(str(value))
            shown.append(text if isinstance(value, str) else f"{name} {text}")  # a word tells what it is
    return ", ".join(shown)


def _title(title: str, width: int, look: Look) -> Text:
    return _cut(Text(title, style="bold underline", no_wrap=True), width, look)


def _cut(line: Text, width: int, look: Look) -> Text:
    line.truncate(width, overflow="ellipsis" if look.is_unicode else "crop")
    return line
