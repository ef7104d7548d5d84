"""The cloud of the run under the cursor and, where two runs are side by side, that of the other."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from store.names import RunName
from store.records import Run
from tui.panes.latent.cloud import Cloud

if TYPE_CHECKING:  # numpy: not before there is something to draw
    from tui.panes.latent.embedding import Wish
    from tui.panes.latent.frames import Frame
    from tui.panes.latent.view import LatentView


@dataclass(frozen=True)
class Clouds:
    first: Cloud
    other: Cloud | None = None

    def __iter__(self) -> Iterator[Cloud]:
        yield self.first
        if self.other is not None:
            yield self.other

    def of(self, run: Run | None, beside: Run | None) -> "Clouds":
        """Those of ``run`` and ``beside``; what is known of either stays."""
        known = {cloud.name: cloud for cloud in self}

        def cloud_of(run: Run | None) -> Cloud:
            cloud = known.get(run.name if run else None) or Cloud(run)
            cloud.run = run
            return cloud

        return Clouds(cloud_of(run), cloud_of(beside) if beside else None)

    def named(self, run: RunName) -> list[Cloud]:
        return [cloud for cloud in self if cloud.name == run]

    def title(self, cloud: Cloud) -> str:
        """The run's name, as much of it as tells the two apart."""
        experiments = {each.name.experiment for each in self if each.name}
        return f"run {cloud.name.number}" if cloud.name and len(experiments) == 1 else str(cloud.name)

    def epochs(self) -> list[int]:
        """Those that either run kept."""
        return sorted({frame.epoch for cloud in self for frame in cloud.all})

    def shown(self, cloud: Cloud, epoch: int | None, view: "LatentView") -> "Frame | None":
        """As `Cloud.shown`; the other one turned to lie as the first does where both are of the same images."""
        found = cloud.shown(epoch, view)
        if found is None or cloud is self.first:
            return found
        first = self.first.shown(epoch, view)
        if first is None or not (found.is_turnable and first.is_turnable):
            return found
        return found.turned_onto(first) if found.is_of_the_images_of(first) else found

    def lacking(self, epoch: int | None) -> "tuple[Wish, ...]":
        """The t-SNE pictures that are to be made for ``epoch`` to be shown."""
        return tuple(wish for cloud in self if (wish := cloud.lacks(epoch)) is not None)
