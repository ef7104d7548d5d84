"""The tables of an export: a recipe's, and the runs of any other scope; each as CSV, Markdown and LaTeX."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.export.scope import Scope
from engine.figures.files import save_numbers
from engine.recipes import table
from store.artifacts import written_aside
from store.database import Database
from store.printable import printable
from store.records import Run

_MOST_PRINTED = 50
"""Rows on paper; the CSV has all."""
_NOTHING = "-"


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Any table: ``rows`` of the cells under ``headings``, the first column to the left and all others to the right."""

    headings: Sequence[str]
    rows: Sequence[Sequence[str]]

    def markdown(self) -> str:
        def line(cells: Sequence[str]) -> str:
            return "| " + " | ".join(printable(cell).replace("|", "\\|") for cell in cells) + " |"

        alignment = ["---", *["---:"] * (len(self.headings) - 1)]
        return "\n".join([line(self.headings), line(alignment), *map(line, self.rows)]) + "\n"

    def latex(self) -> str:
        r"""A ``tabular`` for ``\usepackage{booktabs}``."""

        def line(cells: Sequence[str]) -> str:
            return " & ".join(map(table.escaped, cells)) + r" \\"

        body = [line(self.headings), r"\midrule", *map(line, self.rows)]
        columns = "l" + "r" * (len(self.headings) - 1)
        begin, end = rf"\begin{{tabular}}{{{columns}}}", r"\end{tabular}"
        return "\n".join([begin, r"\toprule", *body, r"\bottomrule", end]) + "\n"


def write_table(database: Database, scope: Scope, folder: Path) -> Grid:
    """``table.csv``, ``table.md`` and ``table.tex`` in ``folder``; returns what is in the second.

    Raises:
        OSError: it cannot be written.
    """
    if scope.recipe is not None:
        rows = table.rows(database, scope.recipe)
        described = [row.as_json() for row in rows]
        printed = Grid(headings=table.HEADINGS, rows=[table.cells(row) for row in rows])
        texts = {"md": table.markdown(scope.recipe, rows), "tex": table.latex(scope.recipe, rows)}
        joined = [{**each, "runs": " ".join(each["runs"]), "notes": "; ".join(each["notes"])} for each in described]
        _save_csv(folder, joined)
    else:
        printed = _of_runs(scope.runs[:_MOST_PRINTED])
        texts = {"md": printed.markdown(), "tex": printed.latex()}
        _save_csv(folder, [_facts(run) for run in scope.runs])
    for ending, text in texts.items():
        with written_aside(folder / f"table.{ending}") as aside:
            aside.write_text(text, encoding="utf-8")
    return printed


def _save_csv(folder: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    columns = list(dict.fromkeys(key for row in rows for key in row))
    cells = ([_cell(row.get(column)) for column in columns] for row in rows)
    save_numbers(folder / "table.csv", columns, cells)


def _cell(value: object) -> object:
    return "" if value is None else value


def _facts(run: Run) -> dict[str, Any]:
    return {
        "run": str(run.name),
        "kind": run.kind,
        "dataset": run.dataset,
        "state": str(run.state),
        "epochs": run.epoch,
        "seed": run.seed,
        "validation": run.value,
        **{f"test {key}": value for key, value in run.test.items()},
        **run.params,
    }


def _of_runs(runs: Sequence[Run]) -> Grid:
    """What differs between them, and what came out."""
    facts = [_facts(run) for run in runs]
    keys = list(dict.fromkeys(key for each in facts for key in each))
    results = [key for key in keys if key in ("validation", "epochs") or key.startswith("test ")]
    differing = [
        key for key in keys if key not in ("run", *results) and len({str(each.get(key)) for each in facts}) > 1
    ]
    headings = ["run", *differing, *results]
    return Grid(headings=headings, rows=[[_shown(each.get(key)) for key in headings] for each in facts])


def _shown(value: object) -> str:
    if value is None:
        return _NOTHING
    return f"{value:.4g}" if isinstance(value, float) else str(value)
