"""The first look at the storage, in a process of its own: the screen is imported and painted beside it.

SQLAlchemy's import and the first count of 50,000 runs take as long as the whole frame; two threads would take turns.
"""

import os
import select
import signal
from contextlib import suppress
from typing import TYPE_CHECKING

from store.address import Addresses
from store.names import RunName
from store.paths import Root

if TYPE_CHECKING:
    from tui.listing import Listing

_MOST_S = 10.0  # the screen looks for itself then


class FirstLook:
    """Forks: to be made before anything starts a thread. ``focus`` is the run that the screen was asked for, if any."""

    def __init__(self, root: Root, addresses: Addresses, focus: RunName | None) -> None:
        self._reading, writing = os.pipe()
        self._pid = os.fork()
        if self._pid:
            os.close(writing)
            return
        try:
            os.close(self._reading)
            _look(root, addresses, focus, writing)
        finally:
            os._exit(0)

    def read(self) -> "Listing | None":
        """Wait for what it saw; None: nothing, or not in time. The screen's own look says why."""
        import pickle

        with open(self._reading, "rb", buffering=0) as file:
            try:
                is_there = select.select([file], [], [], _MOST_S)[0]
                found: Listing | None = pickle.loads(file.readall()) if is_there else None
            except (EOFError, pickle.UnpicklingError):
                found = None
        with suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        return found


def _look(root: Root, addresses: Addresses, focus: RunName | None, writing: int) -> None:
    silence = os.open(os.devnull, os.O_RDWR)
    for terminal in (0, 1, 2):  # nothing of this process belongs on the screen
        os.dup2(silence, terminal)
    import pickle

    from store.database import open_database
    from store.listing_reader import ListingReader
    from tui.listing import read_listing
    from tui.remembered import Remembered

    database = open_database(root, addresses.storage, artifacts=addresses.artifacts)
    listing = read_listing(database, ListingReader(database), Remembered.read(root).opens_at(focus))
    with open(writing, "wb") as file:
        pickle.dump(listing, file, pickle.HIGHEST_PROTOCOL)
