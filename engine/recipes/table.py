"""The table that a recipe ends with: the reference's numbers, ours, better or not; as text, Markdown or LaTeX."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.recipes import figures
from engine.recipes.steps import Recipe, RowSpec
from engine.recipes.work import Study
from store.database import Database
from store.names import RunName
from store.paths import Root
from store.printable import printable

HEADINGS = ("result", "reference", "ours", "spread", "better", "parameters", "epochs", "time", "runs")
_NUM_TEXT_COLUMNS = 1
_NOTHING = "-"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One number of ours beside the reference's, both in ``unit``; None where there is none (yet).

    ``spread`` is the sample standard deviation over the seeds, None of a single one. ``num_parameters``, ``epochs`` and
    ``time_s`` (training, mean over the runs) are those of the runs behind the number.
    """

    id: str
    title: str
    reference: float | None
    ours: float | None
    spread: float | None
    better: bool | None
    runs: tuple[RunName, ...]
    command: str
    unit: str = ""
    num_parameters: int | None = None
    epochs: int | None = None
    time_s: float | None = None
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "title": self.title,
            "reference": self.reference,
            "ours": self.ours,
            "spread": self.spread,
            "better": self.better,
            "runs": [str(name) for name in self.runs],
            "command": self.command,
            "unit": self.unit,
            "parameters": self.num_parameters,
            "epochs": self.epochs,
            "time_s": None if self.time_s is None else round(self.time_s, 3),
            "notes": list(self.notes),
        }


def rows(database: Database, recipe: Recipe) -> list[Row]:
    """Every row of the recipe, those whose runs are not there yet with ``ours`` None."""
    study = Study(database, recipe)
    return [_row(study, spec) for spec in recipe.rows]


def _row(study: Study, spec: RowSpec) -> Row:
    found = figures.find(study, spec)
    ours, spread = summarise(found.values, spec.scale)
    paths = study.database.root
    counts = [count for run in found.runs if (count := figures.num_parameters(paths.run(run.name).best)) is not None]
    return Row(
        id=spec.id,
        title=spec.title,
        reference=spec.reference,
        ours=ours,
        spread=spread,
        better=is_better(ours, spec.reference, spec.higher_is_better),
        runs=tuple(run.name for run in found.runs),
        command=found.command,
        unit=spec.unit,
        num_parameters=max(counts, default=None),
        epochs=max((run.epoch for run in found.runs), default=None),
        time_s=statistics.fmean(run.duration_s for run in found.runs) if found.runs else None,
        notes=(*([spec.note] if spec.note else []), *found.notes),
    )


def summarise(values: Sequence[float], scale: float = 1.0) -> tuple[float | None, float | None]:
    """Mean and sample standard deviation of ``values`` times ``scale``; None of none, no deviation of a single one."""
    scaled = [scale * value for value in values]
    mean = statistics.fmean(scaled) if scaled else None
    return mean, statistics.stdev(scaled) if len(scaled) > 1 else None


def is_better(ours: float | None, reference: float | None, higher_is_better: bool) -> bool | None:
    """Whether ours beats the reference; None where one of them is not known."""
    if ours is None or reference is None:
        return None
    return ours > reference if higher_is_better else ours < reference


def text(recipe: Recipe, rows: Sequence[Row]) -> str:
    """For a terminal: columns, then notes, then the command behind each number."""
    lines = [HEADINGS, *(cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADINGS))]
    table = [
        "  ".join(
            cell.ljust(width) if column < _NUM_TEXT_COLUMNS else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]
    table.insert(1, "  ".join("-" * width for width in widths))
    notes = [f"{row.title}: {'; '.join(row.notes)}" for row in rows if row.notes]
    commands = [f"{row.id}: {row.command}" for row in rows if row.command]
    return "\n".join([recipe.title, "", *table, "", *recipe.notes, *notes, "", "commands", *commands]) + "\n"


def markdown(recipe: Recipe, rows: Sequence[Row]) -> str:
    """A table of GitHub's Markdown, with the notes and commands as lists below it."""

    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(printable(cell).replace("|", "\\|") for cell in cells) + " |"

    alignment = ["---"] * _NUM_TEXT_COLUMNS + ["---:"] * (len(HEADINGS) - _NUM_TEXT_COLUMNS)
    table = [line(HEADINGS), line(alignment), *(line(cells(row)) for row in rows)]
    notes = [printable(f"- {row.title}: {'; '.join(row.notes)}") for row in rows if row.notes]
    commands = [printable(f"- {row.id}: `{row.command}`") for row in rows if row.command]
    general = [f"- {note}" for note in recipe.notes]
    return (
        "\n".join([f"## {printable(recipe.title)}", "", *table, "", *general, *notes, "", "Commands:", "", *commands])
        + "\n"
    )


def latex(recipe: Recipe, rows: Sequence[Row]) -> str:
    r"""A ``tabular`` for ``\usepackage{booktabs}``; notes and commands as comments above it."""
    comments = [recipe.title, *recipe.notes]
    comments += [f"{row.id}: {'; '.join(row.notes)}" for row in rows if row.notes]
    comments += [f"{row.id}: {row.command}" for row in rows if row.command]

    def line(cells: Sequence[str]) -> str:
        return " & ".join(map(escaped, cells)) + r" \\"

    columns = "l" * _NUM_TEXT_COLUMNS + "r" * (len(HEADINGS) - _NUM_TEXT_COLUMNS)
    return (
        "\n".join(
            [
                *(f"% {printable(comment)}" for comment in comments),  # a line break would end the comment
                rf"\begin{{tabular}}{{{columns}}}",
                r"\toprule",
                line(HEADINGS),
                r"\midrule",
                *(line(cells(row)) for row in rows),
                r"\bottomrule",
                r"\end{tabular}",
            ]
        )
        + "\n"
    )


RENDERERS: dict[str, Callable[[Recipe, Sequence[Row]], str]] = {"text": text, "markdown": markdown, "latex": latex}


def write(root: Root, recipe: Recipe, rows: Sequence[Row]) -> list[Path]:
    """Leave the table as Markdown and LaTeX under the root's figures; returns the files."""
    folder = root.figures / recipe.name
    folder.mkdir(parents=True, exist_ok=True)
    files = {folder / "table.md": markdown, folder / "table.tex": latex}
    for file, render in files.items():
        file.write_text(render(recipe, rows), encoding="utf-8")
    return list(files)


def number(value: float | None, unit: str) -> str:
    """A figure of the table with its unit: four decimals of an error, two of percent, one of a ratio."""
    if value is None:
        return _NOTHING
    match unit:
        case "%":
            return f"{value:.2f}%"
        case "x":
            return f"{value:.1f}x"
        case "":
            return f"{value:.4f}"
        case _:
            return f"{value:.2f} {unit}"


def cells(row: Row) -> tuple[str, ...]:
    """What a reader is shown of it, under `HEADINGS`."""
    return (
        row.title,
        number(row.reference, row.unit),
        number(row.ours, row.unit),
        number(row.spread, row.unit),
        {True: "yes", False: "no", None: _NOTHING}[row.better],
        f"{row.num_parameters:,}" if row.num_parameters is not None else _NOTHING,
        str(row.epochs) if row.epochs is not None else _NOTHING,
        f"{row.time_s:.0f} s" if row.time_s is not None else _NOTHING,
        _run_names(row.runs),
    )


def _run_names(names: Sequence[RunName]) -> str:
    """``EXPERIMENT/0,1,2`` where they are of one experiment."""
    by_experiment: dict[str, list[str]] = {}
    for name in names:
        by_experiment.setdefault(name.experiment, []).append(str(name.number))
    return " ".join(f"{experiment}/{','.join(numbers)}" for experiment, numbers in by_experiment.items()) or _NOTHING


def escaped(cell: str) -> str:
    """As LaTeX takes it for text."""
    special = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    return "".join(special.get(letter, rf"\{letter}" if letter in "%&_#${}" else letter) for letter in printable(cell))
