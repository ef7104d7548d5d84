"""What is placed, as whoever attends it sees it: the same of Ray's actors and of Slurm's jobs."""

from dataclasses import dataclass
from typing import Protocol

from engine.placing.slot import Standing


@dataclass(frozen=True, kw_only=True)
class Placed:
    """A slot: ``id`` is what Ray or Slurm calls it, ``name`` what its workers' names begin with."""

    id: str
    name: str
    standing: Standing | None = None
    """None: it waits for room, or is on its way to another machine."""
    is_over: bool = False
    says: str | None = None
    """Why it is over or waits, where it was not its worker that said so."""

    @property
    def has_failed(self) -> bool:
        return self.is_over and (self.standing is None or self.standing.exit_status != 0)


class Placement(Protocol):
    """Slots that were placed together."""

    def look(self) -> list[Placed]:
        """As they stand now; takes half a second where nothing has changed."""

    def settle(self) -> list[Placed]:
        """As they stand once those have begun that find room at once, where that can be known."""

    def leave(self) -> None:
        """Ask all workers to give their runs back and go; what is not placed yet never is."""

    def kill(self) -> None:
        """End all at once."""

    def close(self) -> None:
        """Look no more; detached ones stay."""
