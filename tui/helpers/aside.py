"""Work for which the watcher does not wait: one piece at a time, in a thread of its own."""

import threading
from collections.abc import Callable


class Aside:
    def __init__(self, name: str) -> None:
        self._name = name
        self._thread: threading.Thread | None = None

    @property
    def is_busy(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def start(self, work: Callable[[], None]) -> None:
        """Begin ``work``, which catches what it raises; not while it `is_busy`."""
        self._thread = threading.Thread(target=work, name=self._name, daemon=True)
        self._thread.start()
