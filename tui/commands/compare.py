"""``compare``: what differs between runs, and their validation curves over each other."""

from collections.abc import Sequence

from store.errors import RequestError
from store.records import Run
from tui.commands.errors import DONE
from tui.commands.look import find_run
from tui.commands.options import Options
from tui.commands.output import print_json, print_table, say
from tui.panes.numbers.differences import BEST, Differences, differences, shown, shown_change


def compare_runs(options: Options, names: Sequence[str]) -> int:
    """Raises RequestError: these are not two or more runs that are there."""
    database = options.open_database()
    runs = list({run.name: run for run in (find_run(database, name) for name in names)}.values())
    if len(runs) < 2:
        raise RequestError("To compare takes two runs or more: `aetui compare RUN RUN`, named as `aetui ls EXP` does.")
    found = differences(runs)
    if options.json:
        print_json(_as_document(runs, found))
        return DONE
    from tui.commands.pictures import print_overlay  # numpy, plotext: not for JSON

    _print_differences(runs, found)
    print_overlay(runs, database.root)
    return DONE


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
