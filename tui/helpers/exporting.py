"""An export that a helper process makes while the screen is used."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tui.helpers.background import Tell, outcome
from tui.messages import Done

if TYPE_CHECKING:
    from store.database import Database
    from tui.requests.exporting import Export


@dataclass(frozen=True, kw_only=True)
class Progress:
    """``done`` figures of ``total``; ``says`` which one is being worked on. Of none before the first is."""

    done: int = 0
    total: int = 0
    says: str = ""


class Exporting:
    """Begins at once, in a thread that nobody waits for; ``tell`` gets what became of it.

    The process ends with the screen: it is asked to, and where the screen is killed it has nobody to write to any more.
    """

    def __init__(
        self, wanted: "Export", open_database: Callable[[], "Database"], data_dir: Path | None, tell: Tell
    ) -> None:
        self.wanted = wanted
        self.began = time.monotonic()
        self.progress = Progress()
        self.is_ending = self.is_over = False
        self._open, self._data_dir, self._tell = open_database, data_dir, tell
        self._ending = threading.Lock()
        self._terminate: Callable[[], None] | None = None
        threading.Thread(target=self._work, name="export", daemon=True).start()

    def end(self) -> None:
        """Ask it to end, and return at once: it takes away what is half done, and what was there before stays."""
        with self._ending:
            self.is_ending = True
            if self._terminate is not None:
                self._terminate()

    def _begun(self, terminate: Callable[[], None]) -> None:
        with self._ending:
            self._terminate = terminate
            if self.is_ending:
                terminate()

    def _work(self) -> None:
        said = outcome(self._export, self._open)
        if self.is_ending and not isinstance(said, Done):
            said = Done(f"The export is ended; {self.wanted.where} is as it was before.")
        self.is_over = True
        self._tell(said)

    def _export(self, database: "Database") -> Done:
        from tui.helpers.process import lines_of
        from tui.requests.exporting import MODULE, told

        sentence = ""
        for line in lines_of(database, MODULE, self.wanted.arguments(), self._data_dir, self._begun):
            if "manifest" in line:
                sentence = told(line["manifest"], self.wanted.where)
            else:
                self.progress = Progress(done=line["done"], total=line["total"], says=line["says"])
        return Done(sentence)
