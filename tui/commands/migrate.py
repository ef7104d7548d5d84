"""``aetui migrate``: copy the storage to another one."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from store import migration
from store.migration import Migrated, Tell
from store.migration_target import Target
from tui.commands.errors import DONE
from tui.commands.options import Options
from tui.commands.output import is_terminal, note, print_json, print_table, printable, say
from tui.commands.progress import progress


def migrate(options: Options, to: str) -> int:
    """Raises RequestError: ``to`` cannot be copied to, or the storage cannot be copied now."""
    source = options.open_database()
    target = Target.read(source, to)
    try:
        with _shown(str(target)) as tell:
            done = migration.migrate(source, target, tell)
    except KeyboardInterrupt:
        note(f"Interrupted: {printable(str(target))} holds no experiments; the same command begins again.")
        raise
    if options.json:
        print_json(done.as_json())
    else:
        _say(done, target, options.artifacts)
    return DONE


class _Beginning:
    """Says once that it has begun, where nothing can be drawn over."""

    def __init__(self, target: str) -> None:
        self._says = f"Copying to {printable(target)}."

    def __call__(self, done: int, total: int, says: str) -> None:
        if self._says:
            note(self._says)
            self._says = ""


@contextmanager
def _shown(target: str) -> Iterator[Tell]:
    if is_terminal(sys.stderr):
        with progress(is_many=True) as bars:
            yield lambda done, total, says: bars.overall(done, total, printable(says))
    else:
        yield _Beginning(target)


def _say(done: Migrated, target: Target, artifacts: str | None) -> None:
    print_table(("table", "rows"), [(table.name, f"{table.num_rows:,}") for table in done.tables], right=("rows",))
    say(f"{done.num_rows:,} rows are in {printable(done.target)}, read back and equal.")
    if done.has_whole_seconds:
        say("MySQL keeps when runs began and ended in whole seconds: these times were rounded.")
    root = printable(str(target.root.path))
    if done.num_folders is None:
        say(f"The runs' folders stay in {root}.")
    else:
        there = f", {done.num_folders_there} were there already" if done.num_folders_there else ""
        say(f"The runs' folders are in {root}: {done.num_folders} copied{there}.")
    if artifacts is not None:
        runs = "run" if done.num_shared == 1 else "runs"
        say(f"The files of {done.num_shared} {runs} are in {printable(artifacts)}, for other hosts.")
    if target.storage is None:
        say(f"`aetui --root {root}` opens it, without --storage.")
    else:
        say("`aetui --storage` opens it, or AETUI_STORAGE, or the file that AETUI_STORAGE_FILE names.")
