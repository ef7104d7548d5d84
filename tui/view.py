"""What the screen shows just now, for the watcher to follow."""

from dataclasses import dataclass

from store.names import RunName


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """The watcher reads this and no more.

    ``visit`` differs each time that another run came into focus: its panes are empty then, even if it is the run that
    the watcher saw last.
    """

    experiment: str | None = None
    focus: RunName | None = None
    visit: int = 0
    marked: tuple[RunName, ...] = ()
    wants_frames: bool = False
    pair: tuple[RunName, ...] = ()
    """Whose frames are wanted, where not those of ``focus``."""
    wants_images: bool = False
    image_epoch: int | None = None
    wants_log: bool = False
    wants_numbers: bool = False
    wants_findings: bool = False
