"""Running out of memory: how a process sees that the kernel ended another for it, and what to try then."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_COUNTERS = Path("/proc/vmstat")
_RECENT_S = 10.0


class OomWatch:
    """Follows how many processes the kernel has ended for lack of memory, on the whole machine, cgroups included."""

    def __init__(self, counters: Path = _COUNTERS) -> None:
        self._counters = counters
        self._count: int | None = None
        self._rose_at: float | None = None

    def look(self) -> None:
        """Call it often: what happened between two calls is taken to have happened at the later one."""
        count = self._read()
        if count is not None and self._count is not None and count > self._count:
            self._rose_at = time.monotonic()
        self._count = count

    def has_killed(self) -> bool:
        """Whether it did so a moment ago."""
        return self._rose_at is not None and time.monotonic() - self._rose_at < _RECENT_S

    def _read(self) -> int | None:
        try:
            lines = self._counters.read_text(encoding="ascii").splitlines()
        except OSError:  # not Linux
            return None
        return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), None)


def try_smaller(spec: Mapping[str, Any]) -> str:
    """What to try with less memory, by the configuration that had too little."""
    size = int(spec.get("optim", {}).get("batch_size", 0))
    if size < 2:
        return "try a smaller model"
    return f"its batch_size is {size}: try --set batch_size={size // 2}, or a smaller model"
