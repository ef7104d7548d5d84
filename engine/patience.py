"""Waiting for a storage whose server is away: restarted, failing over, or behind a network that is gone."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from store.errors import StorageAway

_LONGEST_S = 3600.0
_AGAIN_S = 2.0

log = logging.getLogger("aetui")


def _sleep(seconds: float) -> bool:
    time.sleep(seconds)
    return False


class Patience:
    """Of one loop.

    Args:
        wait: waits for so many seconds, or less; True ends all patience.
        tell: is told once for each time that the server is away.
    """

    def __init__(self, wait: Callable[[float], bool] = _sleep, tell: Callable[[str], object] = log.warning) -> None:
        self._wait, self._tell = wait, tell
        self._since: float | None = None

    @contextmanager
    def outlast(self) -> Iterator[None]:
        """Ends what is done in it where the server is away, and waits a little: for a loop that does it again then.

        Raises:
            StorageAway: it has been away for an hour, or ``wait`` said that nobody waits any more.
        """
        try:
            yield
        except StorageAway as error:
            now = time.monotonic()
            if self._since is None:
                self._since = now
                self._tell(f"{error} It is asked again until it answers.")
            if now - self._since > _LONGEST_S or self._wait(_AGAIN_S):
                raise
        else:
            self._since = None
