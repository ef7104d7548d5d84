"""What the watcher and the actions tell the screen. A newer message of a kind replaces one not yet handled."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

from store.names import RunName
from tui.listing import Listing

if TYPE_CHECKING:  # they bring numpy, which the first paint does not wait for
    from engine.notices import Notice
    from engine.recipes.driving import DrivenRecipe
    from store.news import Ended
    from tui.panes.decoding import Decoded, PictureQuestion, Pictures, Question
    from tui.panes.images.kept import Album
    from tui.panes.latent.embedding import Embedded
    from tui.panes.latent.frames import Frames
    from tui.panes.log.tails import Growth
    from tui.panes.loss.curves import Curves
    from tui.panes.numbers.health import Health
    from tui.panes.search.findings import Findings
    from tui.queue import Queue
    from tui.recipe_table import Row


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

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, FramesChanged) and message.name == self.name


@dataclass
class EmbeddedChanged(Message):
    embedded: "Embedded"


@dataclass
class HealthChanged(_Latest):
    name: RunName
    health: "Health"


@dataclass
class DecodedChanged(_Latest):
    question: "Question"
    decoded: "Decoded"


@dataclass
class ImagesChanged(_Latest):
    """Of every run that is looked at."""

    albums: "Mapping[RunName, Album]"


@dataclass
class PicturesCame(Message):
    question: "PictureQuestion"
    pictures: "Pictures"


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
class QueueChanged(_Latest):
    queue: "Queue"


@dataclass
class NewsCame(Message):
    """Runs have ended; ``away_s``: while no screen was open, for so long. ``notices`` are those to be told of.

    ``rings``: by the bell too; ``shows_outside``: and by the terminal's own notification.
    """

    ended: "tuple[Ended, ...]"
    away_s: float | None = None
    notices: "tuple[Notice, ...]" = ()
    rings: bool = False
    shows_outside: bool = False


@dataclass
class LogGrew(Message):
    name: RunName
    growth: "Growth"


@dataclass
class LoadChanged(_Latest):
    cpu_percent: int
    memory_used: float
    memory_total: float
    gpus: str = ""


@dataclass
class FetchChanged(_Latest):
    """``done`` of ``total`` bytes of a run are here; no ``name``: nothing is fetched now, or it ``has_failed``."""

    name: RunName | None = None
    done: int = 0
    total: int = 0
    has_failed: bool = False


@dataclass
class Done(Message):
    """An action succeeded; without a ``sentence`` it shows by itself.

    ``removed`` can be restored by undo; ``started`` is a run to go to.
    """

    sentence: str
    removed: tuple[RunName, ...] = ()
    started: RunName | None = None


@dataclass
class Refused(Message):
    sentence: str
