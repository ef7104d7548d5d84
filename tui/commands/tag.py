"""``tag``: what users call runs, and the line that they write beside them."""

from collections.abc import Sequence

from store import control
from store.errors import RequestError
from store.names import RunName
from store.records import Run
from tui.commands.errors import DONE
from tui.commands.options import Options
from tui.commands.output import print_json, printable, say


def tag(options: Options, runs: Sequence[str], *, add: Sequence[str], remove: Sequence[str], note: str | None) -> int:
    """Without anything to change, what there is is told."""
    database = options.open_database()
    names = list(dict.fromkeys(RunName.parse(text) for text in runs))
    if both := [tag for tag in add if tag in remove]:
        raise RequestError(f"The tag {both[0]!a} cannot be added and removed at once.")
    if add or remove or note is not None:
        control.annotate(database, names, add=add, remove=remove, note=note)
    found = [control.present(database, name) for name in names]
    if options.json:
        print_json([run.as_json() for run in found])
    else:
        for run in found:
            say(f"{run.name}  {written(run)}")
    return DONE


def written(run: Run) -> str:
    """``good, baseline; a note``."""
    return printable("; ".join(part for part in (", ".join(run.tags), run.note) if part) or "no tag, no note")
