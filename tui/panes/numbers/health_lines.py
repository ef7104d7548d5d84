"""The blocks of the numbers pane that tell how well a run is: units, errors by class, confusion. Pure functions.

Every block is a list of lines no wider than it was given.
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

from rich.text import Text

from engine.colours import CLASS_COLOURS, TRAIN_COLOUR
from tui.look import Look, ink, number_text, printable
from tui.panes.numbers.units import Units
from tui.panes.text_lines import cut, title, written

_EIGHTHS = "▏▎▍▌▋▊▉█"
_LEVELS = "▁▂▃▄▅▆▇█"
_MOST_UNITS = 64
_FULL_BAR = 0.1  # nats: where all of the units are dead, none of them looks well
_MOST_PAIRS = 10
_BAD_COLOUR = CLASS_COLOURS[5]
_QUALITY = ("knn_accuracy", "linear_probe_accuracy", "silhouette", "trustworthiness")


def units_lines(units: Units, epochs: Sequence[Mapping[str, Any]], width: int, look: Look) -> list[Text]:
    """A bar for each unit: its KL in nats, or how far its codes spread; and how many were active in each epoch."""
    total = len(units.active)
    head = f"units: {total - units.num_dead} of {total} active"
    if units.kl:
        head += f", KL {number_text(sum(units.kl))} nats"
    lines = [title(head, width, look), written(f"   {units.source}"[:width], "dim")]
    counts = [line["active_units"] for line in epochs if isinstance(line.get("active_units"), int)]
    if len(counts) > 1:
        history = f"   active by epoch {history_text(counts, total, max(4, width - 24), look)} {counts[-1]}"
        lines.append(written(history, "dim"))
    values = units.kl or units.spreads
    if total > _MOST_UNITS:
        dead = [str(unit + 1) for unit, is_active in enumerate(units.active) if not is_active]
        return [*lines, *([cut(Text(f"   dead: {', '.join(dead)}", no_wrap=True), width, look)] if dead else [])]
    what = "KL in nats" if units.kl else "deviation over the codes"
    lines.append(cut(written(f"   {what}, by unit", "dim"), width, look))
    digits, longest = len(str(total)), max(*values, _FULL_BAR if units.kl else 0.0)
    for unit, (value, is_active) in enumerate(zip(values, units.active, strict=True), 1):
        line = Text(f"   z{str(unit).ljust(digits)} {number_text(value):>8} ", no_wrap=True)
        room = width - line.cell_len - 5
        line.append(bar(value, longest, room, look), style=ink(TRAIN_COLOUR, look) if look.has_colour else "")
        if not is_active:
            line.append(" dead", style=_bad(look))
        lines.append(cut(line, width, look))
    return lines


def by_class_lines(errors: Mapping[str, float], name: str, width: int, look: Look) -> list[Text]:
    """A bar for each class; the worst stands out."""
    lines = [title(f"test {name} by class", width, look)]
    widest = min(16, max(len(printable(each)) for each in errors))
    worst = max(errors.values())
    for each, value in errors.items():
        is_worst = value == worst
        line = Text(f"   {printable(each)[:widest].ljust(widest)} {number_text(value):>8} ", no_wrap=True)
        if is_worst:
            line.stylize("bold")
        room = width - line.cell_len - 6
        style = ink(TRAIN_COLOUR, look) if look.has_colour else ""
        line.append(bar(value, worst, room, look), style=_bad(look) if is_worst else style)
        line.append(" worst" if is_worst else "", style=_bad(look))
        lines.append(cut(line, width, look))
    return lines


def confusion_lines(confusion: Sequence[Sequence[int]], classes: Sequence[str], width: int, look: Look) -> list[Text]:
    """Counts of images by true class (row) and found class (column), and which are taken for another most often.

    Where the counts do not fit, thousands are rounded; where that does not help, the pairs are all.
    """
    names = [printable(name) for name in classes]
    lines = [title("confusion: rows are true, columns found", width, look)]
    pairs = sorted(
        ((count, row, at) for row, counts in enumerate(confusion) for at, count in enumerate(counts) if row != at),
        reverse=True,
    )
    widest = min(8, max(map(len, names)))
    largest = max(itertools.chain(*confusion))
    room = (width - 2 - widest) // max(1, len(names))
    size = next((size for size in (len(str(largest)) + 1, 4, 3) if size <= room), 0)
    if size:
        short = all(len(name) < size for name in names)
        heads = names if short else [str(at) for at in range(len(names))]
        head = "".join(name.rjust(size) for name in heads)
        lines.append(written(" " * (widest + 2) + head, "dim"))
        for row, counts in enumerate(confusion):
            line = Text(f"  {names[row][:widest].ljust(widest)}", no_wrap=True)
            for at, count in enumerate(counts):
                shown = _count(count, size - 1) if count else look.pick("·", ".")
                style = "dim" if row == at or not count else _bad(look)
                line.append(" " * (size - len(shown))).append(shown, style=style)
            lines.append(line)
    wrong = [pair for pair in pairs if pair[0]][: 3 if size else _MOST_PAIRS]
    for count, row, at in wrong:
        said = f"   {names[row]} taken for {names[at]}: {count} of {sum(confusion[row])}"
        lines.append(cut(Text(said, no_wrap=True), width, look))
    if not wrong:
        lines.append(Text("   No image was put into a wrong class.", no_wrap=True))
    return lines


def quality_lines(quality: Mapping[str, Mapping[str, Any]], width: int, look: Look) -> list[Text]:
    """How well classes separate in the codes, by latent study."""
    lines = []
    for study, figures in quality.items():
        known = {name: figures[name] for name in _QUALITY if isinstance(figures.get(name), int | float)}
        if known:
            lines.append(title(f"classes in the codes ({printable(study)})", width, look))
        widest = max(map(len, known), default=0)
        for name, value in known.items():
            line = written(f"   {name.replace('_', ' ').ljust(widest)} ", "dim")
            lines.append(cut(line.append(number_text(value)), width, look))
    return lines


def bar(value: float, longest: float, room: int, look: Look) -> str:
    """As long a bar as ``value`` is of ``longest``, in eighths of a cell."""
    share = value / longest if longest > 0 else 0.0
    share = share if math.isfinite(share) else 1.0
    eighths = max(0, round(8 * max(0, room) * min(1.0, share)))
    if not look.is_unicode:
        return "=" * (eighths // 8)
    return _EIGHTHS[-1] * (eighths // 8) + (_EIGHTHS[eighths % 8 - 1] if eighths % 8 else "")


def history_text(counts: Sequence[int], total: int, room: int, look: Look) -> str:
    """One character an epoch (where there are too many: of some of them, the last included)."""
    step = -(-len(counts) // room)
    kept = list(reversed(counts[::-1][::step]))
    if not look.is_unicode:
        return ",".join(str(count) for count in kept[-(room // 3) :])
    return "".join(_LEVELS[round(count / max(1, total) * (len(_LEVELS) - 1))] for count in kept)


def _count(count: int, room: int) -> str:
    text = str(count)
    return text if len(text) <= room else f"{round(count / 1000)}k"


def _bad(look: Look) -> str:
    return f"bold {_BAD_COLOUR}" if look.has_colour else "bold"
