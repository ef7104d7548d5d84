"""Commands under way: what they were asked, what they said, and whether they may say that."""

import json
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import IO, Any

from store.paths import Root
from tests.chaos.ledger import Ledger
from tests.chaos.place import Place

Answered = Callable[[Any], None]
"""Takes what a command printed as JSON, once it ended with status 0."""
REFUSED = 2
_LONGEST_S = 120.0
"""For a command that follows nothing, on a machine that is busy with everything else here."""


def _never(_moment: float) -> bool:
    return False


@dataclass
class Call:
    """One command. ``follows``: it stays for as long as what it follows, and may be interrupted."""

    words: tuple[str, ...]
    process: subprocess.Popen[bytes]
    out: IO[bytes]
    errors: IO[bytes]
    accepted: frozenset[int]
    answered: Answered | None
    follows: bool
    began: float = field(default_factory=time.monotonic)
    signals: list[signal.Signals] = field(default_factory=list)

    def send(self, number: signal.Signals) -> None:
        self.signals.append(number)
        self.process.send_signal(number)

    def __str__(self) -> str:
        return "aetui " + " ".join(self.words)


class Calls:
    """Begins commands, and writes into the ledger what came of them."""

    def __init__(self, place: Place, ledger: Ledger, was_troubled_since: Callable[[float], bool] = _never) -> None:
        """``was_troubled_since``: whether the disk or the storage was away, or of no use, at any time since then."""
        self._place, self._ledger, self._was_troubled_since = place, ledger, was_troubled_since
        self.running: list[Call] = []

    def begin(
        self,
        *words: str,
        accepted: Sequence[int] = (0, REFUSED),
        answered: Answered | None = None,
        follows: bool = False,
        root: Root | None = None,
    ) -> Call:
        """Start ``aetui WORDS``; ``accepted`` are the statuses that it may end with where nobody interferes."""
        out, errors = tempfile.TemporaryFile(), tempfile.TemporaryFile()  # noqa: SIM115  # closed when it has ended
        process = subprocess.Popen(
            self._place.command(*words, root=root),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=errors,
            env=self._place.environment(root),
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        call = Call(words, process, out, errors, frozenset(accepted), answered, follows)
        self.running.append(call)
        self._ledger.commands[words[0]] += 1
        return call

    def collect(self) -> None:
        """Take note of all that have ended since the last call."""
        for call in list(self.running):
            status = call.process.poll()
            if status is not None:
                self.running.remove(call)
                with call.out, call.errors:
                    self._note(call, status)
            elif not call.follows and time.monotonic() - call.began > _LONGEST_S:
                self._ledger.complain("commands broken", f"{call} still runs after {_LONGEST_S:.0f} s")
                call.send(signal.SIGKILL)

    def wait(self, call: Call, most_s: float) -> int | None:
        """Its status; None, and it is killed, where it does not end within ``most_s`` seconds."""
        try:
            status = call.process.wait(timeout=most_s)
        except subprocess.TimeoutExpired:
            call.send(signal.SIGKILL)
            call.process.wait()
            status = None
        self.collect()
        return status

    def _note(self, call: Call, status: int) -> None:
        text, errors = _text(call.out), _text(call.errors)
        if "Traceback (most recent call last)" in errors and not call.signals:
            self._ledger.complain("commands broken", f"{call} raised:\n{errors}")
        elif not call.signals and status not in call.accepted and not self._is_refusal(call, status):
            self._ledger.complain("commands broken", f"{call} ended with status {status}:\n{errors}")
        if status or call.answered is None:
            return
        try:
            call.answered(json.loads(text))
        except ValueError:
            self._ledger.complain("commands broken", f"{call} ended with status 0 and printed no JSON:\n{text}")

    def _is_refusal(self, call: Call, status: int) -> bool:
        return status == REFUSED and self._was_troubled_since(call.began)


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")
