"""``queue`` lists what waits, in the order in which workers take it, and moves runs within it."""

from collections.abc import Sequence
from typing import cast, get_args

from store import control
from store.errors import RequestError
from store.names import RunName
from store.waiting import Place, move, waiting
from tui.commands.errors import DONE
from tui.commands.options import Options
from tui.commands.output import note, print_json, print_table


def place_of(runs: Sequence[str], to: str | None) -> Place | None:
    """Raises RequestError: there is no such place, or the place or the runs are missing."""
    if bool(runs) != (to is not None):
        raise RequestError("To move runs, name them and where to: `aetui queue RUN --to first` (last, up, down).")
    if to is not None and to not in get_args(Place):
        raise RequestError(f"There is no place {to!a} in a queue: it is one of {', '.join(get_args(Place))}.")
    return cast(Place | None, to)


def show_queue(options: Options, runs: Sequence[str], place: Place | None) -> int:
    """Move ``runs`` to ``place`` where both are given, then list the queue."""
    if runs and place is not None:
        database = options.open_database()
        names = list(dict.fromkeys(RunName.parse(text) for text in runs))
        for name in names:
            control.present(database, name)
        move(database, names, place)
    found = [] if options.is_fresh() else waiting(options.open_database())
    if options.json:
        print_json([each.as_json() for each in found])
        return DONE
    if not found:
        note("Nothing waits.")
        return DONE
    print_table(
        ("place", "run", "kind", "data set", "device", "epochs", ""),
        [
            (
                str(number),
                str(each.name),
                each.kind,
                each.dataset,
                each.device,
                f"{each.epoch}/{each.epochs}",
                {"hold": "held", "pause": "paused"}.get(str(each.request or ""), ""),
            )
            for number, each in enumerate(found, 1)
        ],
        right=("place", "epochs"),
    )
    return DONE
