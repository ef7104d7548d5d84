"""Having the files of runs here that other hosts trained, before they are read."""

import sys
import time
from collections.abc import Callable, Sequence

from store.database import Database
from store.errors import SharingTrouble
from store.names import RunName
from store.records import Run
from store.sharing.download import Downloader
from tui.commands.output import console, is_terminal, note

_PERIOD_S = 2.0


class Fetching:
    """Fetches all but the weights; where the artifact store does not answer, it says so, and what is here is shown."""

    def __init__(self, database: Database) -> None:
        self._downloader = Downloader(database) if database.artifacts is not None else None
        self._at: dict[RunName, float] = {}
        self._told = ""

    def look(self, run: Run) -> None:
        """Bring the files here of a run that is followed: every few seconds, and once it has ended; shows nothing."""
        now = time.monotonic()
        if run.state.is_finished or now - self._at.get(run.name, -_PERIOD_S) >= _PERIOD_S:
            self._at[run.name] = now
            self._fetch([run], lambda _says: None)

    def fetch(self, runs: Sequence[Run]) -> None:
        """Bring the files of ``runs`` here, and show on a terminal how far they are."""
        if self._downloader is None or not is_terminal(sys.stderr):
            self._fetch(runs, lambda _says: None)
            return
        with console(sys.stderr).status("") as status:
            self._fetch(runs, status.update)

    def _fetch(self, runs: Sequence[Run], show: Callable[[str], None]) -> None:
        if self._downloader is None:
            return
        for run in runs:

            def tell(done: int, total: int, name: RunName = run.name) -> None:
                show(f"fetching {name}: {done / 1e6:.1f} of {total / 1e6:.1f} MB")

            try:
                self._downloader.fetch(run, tell, with_weights=False)
            except SharingTrouble as error:
                if str(error) != self._told:
                    self._told = str(error)
                    note(self._told)
                return
