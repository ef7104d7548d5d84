"""An NVIDIA driver for tests: cards with memory, and processes that hold some of it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from types import SimpleNamespace

import pynvml
import pytest

GB = 10**9


@dataclass
class Card:
    """``held`` maps processes to bytes; the driver itself holds none."""

    total: int = 80 * GB
    held: dict[int, int] = field(default_factory=dict)


class Driver:
    """What `engine.devices` asks of NVML, answered for ``cards``, which a test may change."""

    def __init__(self, cards: Iterable[Card]) -> None:
        self.cards = list(cards)

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Put it in the place of this machine's own driver."""
        for name in dir(self):
            if name.startswith("nvml"):
                monkeypatch.setattr(pynvml, name, getattr(self, name))

    def nvmlInit(self) -> None:
        pass

    def nvmlShutdown(self) -> None:
        pass

    def nvmlDeviceGetCount(self) -> int:
        return len(self.cards)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> Card:
        return self.cards[index]

    def nvmlDeviceGetName(self, card: Card) -> str:
        return "Card"

    def nvmlDeviceGetMemoryInfo(self, card: Card) -> object:
        return SimpleNamespace(used=sum(card.held.values()), total=card.total)

    def nvmlDeviceGetUtilizationRates(self, card: Card) -> object:
        return SimpleNamespace(gpu=0)

    def nvmlDeviceGetTemperature(self, card: Card, sensor: int) -> int:
        return 40

    def nvmlDeviceGetComputeRunningProcesses(self, card: Card) -> list[object]:
        return [SimpleNamespace(pid=pid, usedGpuMemory=size) for pid, size in card.held.items()]
