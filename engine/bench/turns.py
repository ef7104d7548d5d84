"""A contender's side of the race: it waits for its turn, trains one pass over the images, and tells what that took."""

import json
import sys
import time
from collections.abc import Callable


class Over(Exception):
    """There will be no other turn."""


class Turns:
    """A line on standard input is a turn; a line of JSON on standard output is the answer."""

    def __init__(self) -> None:
        self._answers = sys.stdout
        sys.stdout = sys.stderr  # what libraries print is no answer

    def ready(self) -> None:
        """Call when all is built that is built only once."""
        self._say({"ready": True})

    def wait(self) -> None:
        """Raises Over: nobody asks any more."""
        if not sys.stdin.readline():
            raise Over

    def tell(self, seconds: float, loss: float) -> None:
        """Of the pass: how long it took, and the mean of its batches' losses, a pixel."""
        self._say({"seconds": seconds, "loss": loss})

    def passes(self, one_pass: Callable[[], float]) -> None:
        """Run ``one_pass`` (which returns the loss) at each turn; raises Over."""
        self.ready()
        while True:
            self.wait()
            began = time.perf_counter()
            loss = one_pass()
            self.tell(time.perf_counter() - began, loss)

    def _say(self, answer: dict[str, object]) -> None:
        print(json.dumps(answer), file=self._answers, flush=True)
