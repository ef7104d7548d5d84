"""The panes of the home screen, by name."""

from dataclasses import dataclass
from typing import Self

from textual.widget import Widget

from tui.look import Look
from tui.panes.images.pane import ImagePane
from tui.panes.latent.pane import LatentPane
from tui.panes.log.pane import LogPane
from tui.panes.loss.pane import LossPane
from tui.panes.numbers.pane import NumbersPane
from tui.panes.search.pane import SearchPane
from tui.pictures.graphics import Graphics


@dataclass(frozen=True)
class AllPanes:
    loss: LossPane
    latent: LatentPane
    images: ImagePane
    search: SearchPane
    numbers: NumbersPane
    log: LogPane

    @classmethod
    def made(cls, look: Look, graphics: Graphics) -> Self:
        return cls(
            loss=LossPane(look, id="loss"),
            latent=LatentPane(look, id="latent"),
            images=ImagePane(look, graphics, id="images"),
            search=SearchPane(look, id="search"),
            numbers=NumbersPane(look, id="numbers-pane"),
            log=LogPane(look, id="log"),
        )

    def all(self) -> tuple[Widget, ...]:
        return self.loss, self.latent, self.images, self.search, self.numbers, self.log
