"""Pictures of a run, or of all that are marked: reconstructions, the worst and best, class means, samples, noise."""

import textwrap
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from rich.text import Text
from textual.message import Message
from textual.strip import Strip

from store.names import RunName
from store.records import Run, RunState
from tui import bindings
from tui.look import Look
from tui.panes.loss.pane import no_run
from tui.pictures.graphics import Graphics
from tui.pictures.painter import Painter
from tui.widgets.lines import Lines

if TYPE_CHECKING:
    from tui.panes.decoding import PictureQuestion, Pictures, Show
    from tui.panes.images.kept import Album
    from tui.panes.images.lines import ImageView, Layout, Page

_MOST_RUNS = 12
_MOST_ANSWERS = 64
_ASKED_AGAIN_S = 10.0
"""A live run's weights change with every epoch; the processor is its training's."""

Key = tuple[RunName, int | None, "Show | None", tuple[int, ...]]


class ImagePane(Lines, can_focus=True):
    """Follows the newest epoch until one is chosen with ``,``; going past the last follows again."""

    BINDINGS = bindings.IMAGE_KEYS

    @dataclass
    class Asked(Message):
        question: "PictureQuestion"

    @dataclass
    class Scrubbed(Message):
        """Another epoch is to be read."""

    def __init__(self, look: Look, graphics: Graphics, **options: Any) -> None:
        super().__init__(**options)
        self._look = look
        self._hint = graphics.hint
        self._painter = Painter(self, look, graphics)
        self._run: Run | None = None
        self._marks: Mapping[RunName, int] = {}
        self._epochs_of: Mapping[RunName, int] = {}
        """How many each run has finished, as far as it is known."""
        self._albums: Mapping[RunName, Album] | None = None
        self._view: ImageView | None = None
        """Made with the first pictures: it brings numpy."""
        self._laid: tuple[Page, Layout] | None = None
        self._answers: dict[Key, tuple[int, float, Pictures]] = {}
        """To each question the epochs finished when it was asked, when, and the answer."""
        self._asking: PictureQuestion | None = None
        self.epoch: int | None = None
        """The epoch held on to; None follows the newest."""

    # What is shown

    def show_run(self, run: Run | None, marks: Mapping[RunName, int], known: Mapping[RunName, Run]) -> None:
        """``run`` and those that are marked, with the numbers of their colours."""
        is_other = (run and run.name) != (self._run and self._run.name)
        is_changed = (run, dict(marks)) != (self._run, self._marks)
        self._run, self._marks = run, dict(marks)
        self._epochs_of = {name: known[name].epoch for name in marks if name in known}
        if is_other:
            self.epoch = None
            if self._view is not None:
                self._view = replace(self._view, first=0, top=0)
        if is_changed:
            self.draw()

    def take_albums(self, albums: "Mapping[RunName, Album]") -> None:
        self._albums = albums
        self.draw()

    def take_pictures(self, question: "PictureQuestion", pictures: "Pictures") -> None:
        key = (question.run, question.epoch, question.show, question.indices)
        self._answers.pop(key, None)
        self._answers[key] = question.stamp, time.monotonic(), pictures
        for old in list(self._answers)[:-_MOST_ANSWERS]:
            del self._answers[old]
        self._asking = None
        self.draw()

    @property
    def view(self) -> "ImageView":
        from tui.panes.images.lines import ImageView

        if self._view is None:
            self._view = ImageView()
        return self._view

    def change(self, view: "ImageView") -> None:
        if view != self.view:
            self._view = view
            self.draw()

    # Keys

    def next_view(self) -> None:
        from tui.panes.images.lines import VIEWS

        album = self._album()
        views = [name for name in VIEWS if name != "under noise" or (album and album.noisy)]
        at = views.index(self.view.name) if self.view.name in views else -1
        self.change(self.view.of(views[(at + 1) % len(views)]))

    def action_epoch(self, steps: int) -> None:
        album = self._album()
        if album is None or not album.epochs:
            return
        epochs = album.epochs
        at = len(epochs) - 1 if self.epoch is None else max(0, sum(epoch <= self.epoch for epoch in epochs) - 1)
        index = max(0, at + steps)
        chosen = epochs[index] if index < len(epochs) - 1 else None
        if chosen != self.epoch:
            self.epoch = chosen
            self.post_message(self.Scrubbed())
            self.draw()

    def zoom(self, steps: int) -> None:
        if self._laid is not None:
            page, layout = self._laid
            zoomed = replace(self.view, zoom=self.view.zoom + steps, first=0, top=0)
            if self._lay_out(page, zoomed)[1].scale != layout.scale:
                self.change(zoomed)

    def whole(self) -> None:
        self.change(replace(self.view, zoom=0, first=0, top=0))

    def action_turn(self, across: int, down: int) -> None:
        """To further images, or to further rows where not all are seen."""
        if self._laid is not None:
            from tui.panes.images.lines import turned

            self.change(turned(*self._laid, self.view, across, down))

    @property
    def can_draw(self) -> bool:
        """Whether the terminal draws pictures."""
        return self._painter.can_draw

    def swap_pictures(self) -> None:
        """Pictures, where the terminal draws them, or blocks."""
        self._painter.swap()
        self.draw()

    # Drawing

    def on_resize(self) -> None:
        self.draw()

    def on_show(self) -> None:
        self.draw()

    def on_hide(self) -> None:
        self._painter.settle()

    def on_unmount(self) -> None:
        self._painter.settle()

    def draw(self) -> None:
        if not self.display or not self.size.width:
            return
        if self._run is None or self._albums is None:
            self.show_strips(self._sentence(no_run() if self._run is None else "Reading the pictures."))
            self._painter.settle()
            return
        page = self._page()
        self._laid = None
        if not page.rows:
            self.show_strips([self.strip(self._head(page)), *self._sentence(page.problem)])
            self._painter.settle()
            return
        from tui.panes.images.lines import page_lines, turned

        page, layout = self._laid = self._lay_out(page, self.view)
        self._view = turned(page, layout, self.view, 0, 0)  # there may be fewer than before
        lines = page_lines(page, layout, self.view, lambda images, at: self._painter.paint(images, layout, at + 1))
        body = [self.strip(line) if isinstance(line, Text) else Strip(line) for line in lines][: self._body_height]
        if self._hint:
            body += [Strip([])] * (self._body_height - len(body))
            body.append(self.strip(Text(no_wrap=True).append(self._hint, style="dim")))
        self.show_strips([self.strip(self._head(page, layout)), *body])
        self._painter.settle()

    @property
    def _body_height(self) -> int:
        return self.size.height - 1 - bool(self._hint)

    def _lay_out(self, page: "Page", view: "ImageView") -> "tuple[Page, Layout]":
        from tui.panes.images.lines import lay_out

        width, height, cell = self.size.width - 2, self._body_height, self._painter.dots
        layout = lay_out(page, width, height, cell, view)
        if layout.num_rows < len(page.rows) > len(page.essential.rows):
            return page.essential, lay_out(page.essential, width, height, cell, view)
        return page, layout

    def _sentence(self, sentence: str) -> list[Strip]:
        lines = textwrap.wrap(sentence, max(1, self.size.width - 4), initial_indent="   ", subsequent_indent="   ")
        return [self.strip(Text().append(line, style="dim")) for line in ("", "", *lines)]

    def _head(self, page: "Page", layout: "Layout | None" = None) -> Text:
        from tui.panes.images.lines import DECODED_VIEWS

        assert self._run is not None
        head = Text(no_wrap=True).append(self.view.name, style="bold")
        album = self._album()
        if self.view.name == "reconstructions" and album and album.strip:
            newest = album.epochs[-1]
            head.append(f"  epoch {album.strip.epoch} of {self._run.epochs}")
            head.append("" if album.strip.epoch == newest else f" (newest {newest})", style="dim")
        elif self.view.name in DECODED_VIEWS and (answer := self._only_answer()) and answer.epoch:
            best = " (best)" if self.epoch is None else ""
            head.append(f"  weights of epoch {answer.epoch}{best}", style="dim")
        if layout is not None:
            first, last = self.view.first + 1, min(page.num_images, self.view.first + layout.num_seen)
            head.append(f"  {first}-{last} of {page.num_images}", style="dim")
            if layout.num_rows < len(page.rows):
                head.append(f"  row {self.view.top + 1} of {len(page.rows) - layout.num_rows + 1}", style="dim")
        head.append(f"  {page.says}" if page.says else "", style="dim")
        head.truncate(self.size.width - 2, overflow="ellipsis" if self._look.is_unicode else "crop")
        return head

    # What there is to be seen

    def _names(self) -> list[RunName]:
        """All that are marked, and the run under the cursor."""
        assert self._run is not None
        return list(dict.fromkeys((*list(self._marks)[: _MOST_RUNS - 1], self._run.name)))

    def _album(self) -> "Album | None":
        return self._albums.get(self._run.name) if self._albums and self._run else None

    def _page(self) -> "Page":
        from tui.panes.images import lines as image_lines
        from tui.panes.images.lines import Page

        assert self._run is not None
        assert self._albums is not None
        names = self._names()
        colours = dict.fromkeys(names, "") | image_lines.colours_of(self._marks, self._look)
        match self.view.name:
            case "reconstructions":
                page = image_lines.strips_page(self._albums, names, colours)
                return page if page.rows else Page(problem=self._why_nothing())
            case "under noise":
                album = self._album()
                return image_lines.noise_page(album) if album else Page(problem=self._why_nothing())
            case "worst" | "best" as end:
                return self._extremes(end, names, colours)
            case "mixtures":
                name = self._run.name
                return self._decoded([name], "classes", lambda found: image_lines.mixtures_page(found[name]))
            case "class means":
                return self._decoded(names, "classes", lambda found: image_lines.means_page(found, names, colours))
            case "samples":
                return self._decoded(names, "samples", lambda found: image_lines.samples_page(found, names, colours))

    def _extremes(
        self, end: Literal["worst", "best"], names: Sequence[RunName], colours: Mapping[RunName, str]
    ) -> "Page":
        from tui.panes.images.lines import extremes_page

        def page(found: "Mapping[RunName, Pictures]") -> "Page":
            first = found[names[0]]
            others = {name: self._ask(name, None, first.indices) for name in names[1:]}
            return extremes_page(end, {**found, **{n: a for n, a in others.items() if a}}, names, colours)

        return self._decoded(names[:1], end, page)

    def _decoded(
        self, names: Sequence[RunName], show: "Show", page: "Callable[[Mapping[RunName, Pictures]], Page]"
    ) -> "Page":
        """The page of the answers that there are; the first run's must be among them."""
        from tui.panes.images.lines import Page

        found = {name: answer for name in names if (answer := self._ask(name, show)) is not None}
        first = found.get(names[0])
        if first is None or first.says:
            return Page(problem=first.says if first else "Decoding.")
        return page(found)

    def _ask(self, name: RunName, show: "Show | None", indices: tuple[int, ...] = ()) -> "Pictures | None":
        """The answer, as far as there is one; one question at a time is asked for those that lack."""
        from tui.panes.decoding import PictureQuestion

        assert self._run is not None
        stamp = self._run.epoch if name == self._run.name else self._epochs_of.get(name, 0)
        known = self._answers.get((name, self.epoch, show, indices))
        is_old = known is not None and (known[0] != stamp or bool(known[2].says))
        is_due = known is None or (is_old and time.monotonic() - known[1] > _ASKED_AGAIN_S)
        if is_due and self._asking is None:
            self._asking = PictureQuestion(run=name, stamp=stamp, show=show, indices=indices, epoch=self.epoch)
            self.post_message(self.Asked(self._asking))
        return known[2] if known else None

    def _only_answer(self) -> "Pictures | None":
        """What was answered last in the view that is shown; of several runs each row says its epoch."""
        assert self._run is not None
        name = self._run.name
        if self._names() != [name] and self.view.name != "mixtures":
            return None
        shows = {"class means": "classes", "mixtures": "classes"}
        wanted = shows.get(self.view.name, self.view.name)
        found = [known[2] for (run, _, show, _), known in self._answers.items() if (run, show) == (name, wanted)]
        return found[-1] if found else None

    def _why_nothing(self) -> str:
        run = self._run
        assert run is not None
        if self._album() is None:
            return "Reading the pictures."
        if run.kind == "classifier":
            return "A classifier makes no images."
        if run.state in (RunState.RUNNING, RunState.WAITING):
            return "The first pictures come at the end of the first epoch."
        return f"This run is {run.state} and kept no pictures."
