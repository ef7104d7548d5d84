"""Whether a GPU has room for one more worker beside what others hold on it.

What our own workers hold does not count: how many of them a GPU gets is said by its slots. Where the driver does not
tell whose memory it is (in a container, say), all of it counts as that of others.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from engine.devices import Gpu

NO_WORKER = "no worker is placed on it"
_GB = 10**9


@dataclass(frozen=True, kw_only=True)
class Crowded:
    """A GPU that gets no worker; memory in bytes, ``held`` being that of others."""

    device: str
    held: int
    total: int

    @property
    def says(self) -> str:
        return f"{self.device}: {self.held / _GB:.0f} of {self.total / _GB:.0f} GB used by others"


def crowded(cards: Iterable[Gpu], ours: Collection[int], free_gb: float) -> list[Crowded]:
    """Those of ``cards`` of which others leave less than ``free_gb``; ``ours`` are the processes of our workers."""
    found = []
    for card in cards:
        held = max(0, card.memory_used - sum(size for pid, size in card.processes.items() if pid in ours))
        if card.memory_total - held < free_gb * _GB:
            found.append(Crowded(device=card.name, held=held, total=card.memory_total))
    return found
