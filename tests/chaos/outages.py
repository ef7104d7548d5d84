"""The database server that the root's storage is on, where it is on one: it can be away for a while."""

import time

from tests.postgres import Server


class Outages:
    def __init__(self, server: Server | None) -> None:
        self._server = server
        self._ended = float("-inf")

    def begin(self) -> bool:
        """As a crash; False where there is no server, or it is away already."""
        if self._server is None or not self._server.is_up:
            return False
        self._server.stop()
        return True

    def mend(self) -> None:
        if self._server is not None and not self._server.is_up:
            self._server.start()
            self._ended = time.monotonic()

    def was_troubled_since(self, moment: float) -> bool:
        return self._server is not None and (not self._server.is_up or self._ended >= moment)
