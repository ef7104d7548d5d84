"""Having the files of runs here that other hosts trained, before they are read."""

import sys
import time
from collections.abc import Sequence
from contextlib import nullcontext

from store.database import Database
from store.errors import SharingTrouble
from store.names import RunName
from store.records import Run
from tui.commands.output import console, is_terminal, note

_PERIOD_S = 2.0


def fetch(database: Database, runs: Sequence[Run]) -> None:
    """Fetch all but the weights; where the artifact store does not answer, say so: what is here is shown."""
    if database.artifacts is None:
        return
    from store.sharing.download import Downloader

    downloader = Downloader(database)
    with console(sys.stderr).status("") if is_terminal(sys.stderr) else nullcontext() as status:
        for run in runs:

            def tell(done: int, total: int, name: RunName = run.name) -> None:
                if status is not None:
                    status.update(f"fetching {name}: {done / 1e6:.1f} of {total / 1e6:.1f} MB")

            try:
                downloader.fetch(run, tell, with_weights=False)
            except SharingTrouble as error:
                note(str(error))
                return


class Following:
    """Keeps the files of runs current that are followed, every few seconds."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._at: dict[RunName, float] = {}

    def look(self, run: Run) -> None:
        """Fetch where it is time, or the run has ended."""
        now = time.monotonic()
        if run.state.is_finished or now - self._at.get(run.name, -_PERIOD_S) >= _PERIOD_S:
            self._at[run.name] = now
            fetch(self._database, [run])
