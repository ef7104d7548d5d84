"""``compare``: what differs between runs, and their validation curves over each other."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from engine.figures.formats import FORMATS
from store.errors import RequestError
from store.paths import Root
from store.records import Run
from tui.commands.errors import DONE
from tui.commands.fetching import Fetching
from tui.commands.look import find_run
from tui.commands.options import Options
from tui.commands.output import note, print_json, print_table, say
from tui.panes.numbers.differences import BEST, Differences, differences, shown, shown_change

if TYPE_CHECKING:
    from engine.figures.overlay import Overlay


def compare_runs(options: Options, names: Sequence[str], out: Path | None) -> int:
    """``out``: where a figure of the curves goes, and beside it the numbers behind it.

    Raises:
        RequestError: these are not two or more runs that are there, or ``out`` cannot be written.
    """
    if out is not None:
        _check_format(out)
    database = options.open_database()
    runs = list({run.name: run for run in (find_run(database, name) for name in names)}.values())
    if len(runs) < 2:
        raise RequestError("To compare takes two runs or more: `aetui compare RUN RUN`, named as `aetui ls EXP` does.")
    found = differences(runs)
    Fetching(database).fetch(runs)
    overlay = None if options.json and out is None else _overlay(runs, database.root)
    if out is not None and overlay is not None:
        _save(overlay, out)
    if options.json:
        print_json(_as_document(runs, found))
    elif overlay is not None:
        from tui.commands.pictures import print_overlay  # numpy, plotext

        _print_differences(runs, found)
        print_overlay(overlay)
    return DONE


def _overlay(runs: Sequence[Run], root: Root) -> "Overlay":
    """Losses of different kinds are different things: where all have it, their squared error is what is drawn."""
    from engine.figures.overlay import Overlay
    from tui.commands.pictures import read_curves  # numpy, plotext

    curves = {str(run.name): read_curves(root.run(run.name)) for run in runs}
    curves = {name: each for name, each in curves.items() if each.epochs}
    measure = "mse" if all("mse" in each.measures() for each in curves.values()) else "loss"
    return Overlay(
        measure=measure,
        curves={
            name: (x.tolist(), y.tolist())
            for name, each in curves.items()
            for x, y in [each.along("epoch", f"val_{measure}")]
        },
    )


def _check_format(out: Path) -> None:
    if out.suffix.removeprefix(".") not in FORMATS:
        raise RequestError(f"--out {str(out)!a} is no figure: let its name end with .{', .'.join(FORMATS)}.")


def _save(overlay: "Overlay", out: Path) -> None:
    from engine.figures.files import save_figure, save_numbers
    from engine.figures.style import Style

    if not overlay.curves:
        raise RequestError("None of these runs has ended an epoch yet: there is nothing to draw.")
    style, numbers = Style(), out.with_suffix(".csv")
    try:
        save_figure(overlay.draw(style), out, style)
        save_numbers(numbers, overlay.COLUMNS, overlay.rows())
    except OSError as error:
        raise RequestError(f"{str(out)!a} cannot be written: {error.strerror or error}.") from error
    note(f"{out} and {numbers} are written.")


def _as_document(runs: Sequence[Run], found: Differences) -> dict[str, object]:
    """Per section and row one value a run, in the order of ``runs``."""
    sections = {title: {row.name: row.values for row in rows} for title, rows in found.sections.items()}
    return {"runs": [str(run.name) for run in runs], "differences": sections, "same": found.num_same}


def _print_differences(runs: Sequence[Run], found: Differences) -> None:
    names = [str(run.name) for run in runs]
    rows: list[Sequence[str]] = []
    for title, section in found.sections.items():
        rows.append((title, *("" for _ in names), ""))
        for row in section:
            change = "" if row.relative is None else shown_change(row.relative)
            rows.append((f"  {row.name}", *(shown(row, at) for at in range(len(runs))), change))
    if rows:
        print_table(("", *names, "change" if len(runs) == 2 else ""), rows, right=(*names, "change"))
    else:
        say("Nothing differs.")
    say(f"{BEST} best of its row; {found.num_same} more are the same.")
