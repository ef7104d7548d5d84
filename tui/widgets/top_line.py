"""The top line: root, workers, queue, load."""

from typing import TYPE_CHECKING, Any

from rich.text import Text

from store.paths import Root
from tui.look import Look, duration_text, path_text, printable
from tui.widgets.lines import Lines

if TYPE_CHECKING:
    from engine.recipes.driving import DrivenRecipe
    from tui.listing import Listing
    from tui.messages import FetchChanged, LoadChanged

_LEAST_ROOT = 26
"""Columns that the name and the root keep before a recipe is told of."""
_BAR = 10  # columns
_WIDE = 96  # columns from which there is room for the load beside the root


class TopLine(Lines):
    def __init__(self, root: Root, look: Look, **options: Any) -> None:
        super().__init__(**options)
        self._root = printable(path_text(root.path))
        self._look = look
        self._listing: Listing | None = None
        self._load: LoadChanged | None = None
        self._recipe: DrivenRecipe | None = None
        self._fetch: FetchChanged | None = None

    def show_listing(self, listing: "Listing") -> None:
        self._listing = listing
        self._draw()

    def show_load(self, load: "LoadChanged") -> None:
        self._load = load
        self._draw()

    def show_recipe(self, recipe: "DrivenRecipe | None") -> None:
        """The recipe that is driven now, if one is."""
        self._recipe = recipe
        self._draw()

    def show_fetch(self, fetch: "FetchChanged") -> None:
        """How far the files are that are being fetched, if any are, or that they could not be."""
        self._fetch = fetch if fetch.name is not None or fetch.has_failed else None
        self._draw()

    def on_resize(self) -> None:
        self._draw()

    def _draw(self) -> None:
        width = self.size.width
        right = self._facts()
        left = Text(no_wrap=True)
        left.append(" aetui ", style="bold")
        problem = printable(self._listing.problem) if self._listing is not None else ""
        # What is wrong comes before where, and before how many: it names the storage.
        if not problem or width - right.cell_len - left.cell_len - len(problem) - 4 >= len(str(self._root)):
            left.append(f" {self._root}", style="dim")
        if problem:
            left.append(f"  {problem}", style="bold")
            right = right if left.cell_len + right.cell_len + 2 <= width else Text()
        told = Text()
        says = self._fetched(self._fetch) if self._fetch else _told(self._recipe) if self._recipe else ""
        if says and not problem:
            told = Text(f"  {says}")
            if width - right.cell_len - told.cell_len - 2 < min(left.cell_len, _LEAST_ROOT):
                told = Text()
        room = width - right.cell_len - told.cell_len - 2
        if left.cell_len > room:
            left.truncate(max(room, 0), overflow="ellipsis" if self._look.is_unicode else "crop")
        left.append_text(told)
        left.append(" " * (width - left.cell_len - right.cell_len - 1))
        self.show_text(left.append_text(right))

    def _fetched(self, fetch: "FetchChanged") -> str:
        if fetch.has_failed:
            return "files not fetched"
        filled = _BAR * fetch.done // max(1, fetch.total)
        bar = self._look.pick("━", "#") * filled + self._look.pick("─", "-") * (_BAR - filled)
        return f"fetching {fetch.name} {bar} {fetch.done / 1e6:.1f}/{fetch.total / 1e6:.1f} MB"

    def _facts(self) -> Text:
        """The most telling ones first; those that do not fit in half a narrow line are left out."""
        listing = self._listing
        if listing is None:
            return Text("opening the storage", style="dim")
        num_busy = sum(1 for worker in listing.workers if worker.run)
        num = len(listing.workers)
        facts = [f"{num} worker{'' if num == 1 else 's'}" + (f" ({num_busy} busy)" if num else "")]
        facts.append(f"{listing.queue} waiting")
        if self._load is not None and num_busy and self.size.width >= _WIDE:
            load = self._load
            facts.append(f"cpu {load.cpu_percent}%")
            facts.append(f"mem {load.memory_used:.1f}/{load.memory_total:.0f} GB")
            if load.gpus:
                facts.append(load.gpus)
        return Text(self._look.pick(" · ", " | ").join(facts), no_wrap=True)


def _told(recipe: "DrivenRecipe") -> str:
    return f"{recipe.name} {recipe.num_steps_done}/{len(recipe.steps)}, {duration_text(recipe.left_s)} left"
