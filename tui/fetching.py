"""Fetching the files of the runs that are shown, where others trained them, beside the watcher: networks are slow."""

import threading
import time
from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING

from store.names import RunName
from tui.messages import FetchChanged, Refused

if TYPE_CHECKING:
    from store.database import Database

PERIOD_S = 2.0  # at most so often: a run's worker uploads more seldom
RETRY_S = 30.0


class Fetching:
    """One fetch at a time, in a thread of its own; what is no longer shown is given up after the file it is at."""

    def __init__(
        self, database: "Database", post: Callable[[FetchChanged | Refused], object], wake: Callable[[], object]
    ) -> None:
        from store.sharing.download import Downloader

        self._database = database
        self._downloader = Downloader(database)
        self._post = post
        self._wake = wake
        self._wish: tuple[RunName, ...] = ()
        self._done: Hashable = None
        self._next_at = 0.0
        self._thread: threading.Thread | None = None
        self._told = ""

    def look(self, names: Sequence[RunName], changes: Hashable) -> None:
        """Have the files of ``names`` here as they are after ``changes`` of the storage; call it at every look."""
        self._wish = tuple(dict.fromkeys(names))
        is_at_it = self._thread is not None and self._thread.is_alive()
        is_other = not isinstance(self._done, tuple) or self._done[0] != self._wish
        if is_at_it or self._done == (self._wish, changes) or (not is_other and time.monotonic() < self._next_at):
            return
        self._done = self._wish, changes
        self._next_at = time.monotonic() + PERIOD_S
        self._thread = threading.Thread(target=self._fetch, args=(self._wish,), name="fetching", daemon=True)
        self._thread.start()

    def _fetch(self, names: tuple[RunName, ...]) -> None:
        from store.listing import run

        try:
            for name in names:
                if self._downloader.fetch(run(self._database, name), self._teller(name), with_weights=False):
                    self._wake()
            self._told = ""
            self._post(FetchChanged())
        except _NotShown:
            self._done = None
            self._post(FetchChanged())
        except Exception as error:  # of the artifact store, or of a storage that hiccups: told, and tried again
            self._next_at = time.monotonic() + RETRY_S
            self._done = names, None
            says = str(error).partition("\n")[0]
            if says != self._told:
                self._told = says
                self._post(Refused(self._told))
            self._post(FetchChanged(has_failed=True))

    def _teller(self, name: RunName) -> Callable[[int, int], None]:
        def tell(done: int, total: int) -> None:
            if name not in self._wish:
                raise _NotShown
            self._post(FetchChanged(name, done, total))

        return tell


class _NotShown(Exception):
    """Another run is looked at now."""
