"""What the watcher and the actions tell the screen. A newer message of a kind replaces one not yet handled."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

from store.names import RunName
from store.records import Experiment, Run, Worker

if TYPE_CHECKING:  # they bring numpy, which the first paint does not wait for
    from engine.recipes.driving import DrivenRecipe
    from tui.curves import Curves
    from tui.decoding import Decoded, Question
    from tui.findings import Findings
    from tui.latents import Frames
    from tui.recipe_table import Row


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """All that the storage says: ``runs`` are those of ``chosen``. ``problem``: why nothing could be read."""

    experiments: tuple[Experiment, ...] = ()
    chosen: str | None = None
    runs: tuple[Run, ...] = ()
    workers: tuple[Worker, ...] = ()
    queue: int = 0
    problem: str = ""


class _Latest(Message):
    def can_replace(self, message: Message) -> bool:
        return type(message) is type(self)


@dataclass
class ListingChanged(_Latest):
    listing: Listing


@dataclass
class CurvesChanged(Message):
    curves: "dict[RunName, Curves]"


@dataclass
class FramesChanged(_Latest):
    name: RunName
    frames: "Frames"


@dataclass
class DecodedChanged(_Latest):
    question: "Question"
    decoded: "Decoded"


@dataclass
class FindingsChanged(_Latest):
    """``findings`` None: ``experiment`` has no search."""

    experiment: str
    findings: "Findings | None"


@dataclass
class RecipesChanged(_Latest):
    """Every recipe that ever ran on this root, the one that was told of last first."""

    recipes: "tuple[DrivenRecipe, ...]"


@dataclass
class RowsChanged(_Latest):
    """The table of the recipe ``name``; ``says`` why there is none."""

    name: str
    rows: "tuple[Row, ...]"
    says: str = ""


@dataclass
class LogGrew(Message):
    """``is_new``: the lines begin the log, those shown so far are dropped."""

    name: RunName
    lines: list[str]
    is_new: bool


@dataclass
class LoadChanged(_Latest):
    cpu_percent: int
    memory_used: float
    memory_total: float


@dataclass
class Done(Message):
    """An action succeeded. ``removed`` can be restored by undo; ``started`` is a run to go to."""

    sentence: str
    removed: tuple[RunName, ...] = ()
    started: RunName | None = None


@dataclass
class Refused(Message):
    sentence: str
