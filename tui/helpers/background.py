"""Actions that take long: one at a time, in a thread that nobody waits for when the screen is left."""

import queue
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from store.errors import RequestError
from tui.messages import Done, Refused

if TYPE_CHECKING:
    from store.database import Database
    from tui.actions import Action

Tell = Callable[[Done | Refused], object]


class Background:
    """``tell`` gets what each action says. What stands in line is forgotten when the screen is left."""

    def __init__(self, open_database: Callable[[], "Database"], tell: Tell) -> None:
        self._open, self._tell = open_database, tell
        self._line: queue.SimpleQueue[Action] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def add(self, action: "Action") -> None:
        self._line.put(action)
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="background", daemon=True)
            self._thread.start()

    def _work(self) -> None:
        while True:
            self._tell(outcome(self._line.get(), self._open))


def outcome(action: "Action", open_database: Callable[[], "Database"]) -> Done | Refused:
    """What comes of ``action``; the screen outlives a storage, or a process, that fails."""
    try:
        return action(open_database())
    except RequestError as error:
        return Refused(str(error))
    except Exception as error:
        return failure(error)


def failure(error: Exception) -> Refused:
    return Refused(f"That failed: {str(error).strip().splitlines()[0] if str(error).strip() else repr(error)}")
