"""The screen: experiments and runs on the left, the panes of the chosen run on the right."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import ContentSwitcher, Static

from store.names import RunName
from store.paths import Root
from tui import bindings
from tui.listing import Listing
from tui.look import Look, printable
from tui.messages import (
    CurvesChanged,
    DecodedChanged,
    Done,
    EmbeddedChanged,
    FetchChanged,
    FindingsChanged,
    FramesChanged,
    HealthChanged,
    ImagesChanged,
    ListingChanged,
    LoadChanged,
    LogGrew,
    NewsCame,
    PicturesCame,
    QueueChanged,
    RecipesChanged,
    Refused,
    RowsChanged,
)
from tui.panes.all import AllPanes
from tui.panes.images.pane import ImagePane
from tui.panes.latent.pane import LatentPane
from tui.panes.strip import PaneStrip
from tui.pictures.graphics import Graphics
from tui.remembered import Keeper, Remembered
from tui.screens.going_about import GoingAbout
from tui.screens.pane_keys import LATENT_ACTIONS, LOSS_ACTIONS, PANE_ACTIONS
from tui.screens.sizes import HEIGHTS, WIDTHS, fitting, too_small
from tui.tables.columns import readable
from tui.tables.sorting import Order
from tui.telling import tell
from tui.view import View
from tui.watcher import Watcher
from tui.widgets.experiments import ExperimentTable
from tui.widgets.filter_line import FilterLine
from tui.widgets.key_line import KeyLine
from tui.widgets.note_line import NoteLine
from tui.widgets.runs import RunTable
from tui.widgets.table import RowTable
from tui.widgets.table_foot import TableFoot
from tui.widgets.top_line import TopLine

if TYPE_CHECKING:
    from tui.panes.decoding import Decoder
    from tui.panes.latent.embedding import Embedder
    from tui.panes.loss.curves import Curves

_MOST_CURVES = 200


class HomeScreen(GoingAbout):
    BINDINGS = bindings.HOME
    AUTO_FOCUS = None
    HORIZONTAL_BREAKPOINTS = WIDTHS
    VERTICAL_BREAKPOINTS = HEIGHTS

    def __init__(
        self,
        root: Root,
        watcher: Watcher,
        look: Look,
        graphics: Graphics,
        *,
        data_dir: Path | None,
        focus: RunName | None,
        remembered: Remembered,
    ) -> None:
        super().__init__(watcher, look, data_dir)
        self._root = root
        self.panes = AllPanes.made(look, graphics)
        self._keeper = Keeper(root, remembered, self.set_timer)
        self._wanted = focus or remembered.focus
        self._experiment = remembered.opens_at(focus)
        self._is_sure = focus is not None
        """Whether the experiment is there for certain: one that is only remembered may be gone."""
        self._hides_ended = remembered.hides_ended
        self._visited: RunName | None = None
        self._visit = 0
        self._curves: dict[RunName, Curves] = {}
        self._decoder: Decoder | None = None
        self._embedder: Embedder | None = None
        self._health: HealthChanged | None = None
        self.listing = Listing()

    def compose(self) -> ComposeResult:
        self.set_classes(fitting(self.app.size))
        look, remembered = self._look, self._keeper.view
        runs = RunTable(look, id="runs")
        order = Order(by=remembered.sorted_by or Order.by, is_down=remembered.is_down)
        runs.change(order=order, chosen=readable(remembered.columns), by=remembered.grouped_by)
        runs.empty_text = "Opening."
        loss = self.panes.loss
        loss.change(replace(loss.chart, log_y=remembered.log_axis))
        yield TopLine(self._root, look, id="top")
        with Horizontal(id="body"):
            with Vertical(id="left"):
                yield ExperimentTable(look, id="experiments")
                yield runs
                yield TableFoot(look, id="foot")
                yield FilterLine(self._choices, id="filter")
                yield NoteLine(id="note-line")
            with Vertical(id="right"):
                yield PaneStrip(look, id="strip")
                yield ContentSwitcher(*self.panes.all(), initial="loss", id="panes")
        yield Static(too_small(), id="too-small", markup=False)
        yield KeyLine(id="keys")

    def on_mount(self) -> None:
        self.set_focus(self.runs)  # at once: keys typed ahead come next
        self.app.theme_changed_signal.subscribe(self, lambda _theme: self.remember())
        self.panes.search.hide_pruned(self._hides_ended)
        if self._keeper.view.pane != self.pane:
            self.action_pane(self._keeper.view.pane)

    # What the watcher says

    @on(ListingChanged)
    def _take_listing(self, message: ListingChanged) -> None:
        before, listing = self.listing, message.listing
        self.listing = listing
        if listing.runs is not before.runs:
            self._know_runs(before.runs, listing.runs)
        self.query_one(TopLine).show_listing(listing)
        if listing.experiments and not self._is_sure:
            self._is_sure = True
            if all(each.experiment != self._experiment for each in listing.experiments):
                self._experiment = self._wanted = None
        if self._experiment is None and listing.chosen:
            self._experiment = listing.chosen
            self.experiments.go_to(listing.chosen)
        elif self._experiment and self.experiments.current is None:
            self.experiments.go_to(self._experiment)
        self._fill_tables()
        self.show_current()

    @on(CurvesChanged)
    def _take_curves(self, message: CurvesChanged) -> None:
        self._curves |= message.curves
        if len(self._curves) > _MOST_CURVES:
            needed = {*self.overlaid(), *message.curves}
            self._curves = {name: curves for name, curves in self._curves.items() if name in needed}
        self.panes.loss.take_curves(self._curves)
        self._show_numbers()

    @on(FramesChanged)
    def _take_frames(self, message: FramesChanged) -> None:
        self.panes.latent.take_frames(message.name, message.frames)
        self.refresh_bindings()

    @on(LatentPane.Wished)
    def _want_embedded(self, message: LatentPane.Wished) -> None:
        if self._embedder is None:
            from tui.panes.latent.embedding import Embedder  # numpy

            self._embedder = Embedder(self._root, lambda embedded: self.post_message(EmbeddedChanged(embedded)))
        self._embedder.want(message.wishes)

    @on(EmbeddedChanged)
    def _take_embedded(self, message: EmbeddedChanged) -> None:
        self.panes.latent.take_embedded(message.embedded)

    @on(ImagesChanged)
    def _take_images(self, message: ImagesChanged) -> None:
        self.panes.images.take_albums(message.albums)
        self.refresh_bindings()

    @on(ImagePane.Scrubbed)
    def _scrub_images(self) -> None:
        self.show_current()

    @on(PicturesCame)
    def _take_pictures(self, message: PicturesCame) -> None:
        self.panes.images.take_pictures(message.question, message.pictures)

    @on(HealthChanged)
    def _take_health(self, message: HealthChanged) -> None:
        self._health = message
        self._show_numbers()

    @on(LatentPane.Asked)
    @on(ImagePane.Asked)
    def _ask_decoder(self, message: LatentPane.Asked | ImagePane.Asked) -> None:
        if self._decoder is None:
            from tui.panes.decoding import Decoder, Question  # numpy, SQLAlchemy

            self._decoder = Decoder(
                self._root,
                self._watcher.addresses,
                lambda asked, told: self.post_message(
                    (DecodedChanged if isinstance(asked, Question) else PicturesCame)(asked, told)
                ),
            )
        self._decoder.ask(message.question)

    @on(DecodedChanged)
    def _take_decoded(self, message: DecodedChanged) -> None:
        self.panes.latent.take_decoded(message.question, message.decoded)

    def remember(self) -> None:
        """What the next screen of this root begins with."""
        before, runs = self._keeper.view, self.runs
        self._keeper.note(
            Remembered(
                run=str(runs.current.name) if runs.current else before.run,
                experiment=self._experiment or before.experiment,
                pane=self.pane,
                columns=runs.chosen,
                sorted_by=runs.order.by,
                is_down=runs.order.is_down,
                grouped_by=runs.by,
                log_axis=self.panes.loss.chart.log_y,
                hides_ended=self._hides_ended,
                theme=self.app.theme,
            )
        )

    def on_unmount(self) -> None:
        self._keeper.write()
        if self._decoder is not None:
            self._decoder.close()
        if self._embedder is not None:
            self._embedder.close()

    @on(LogGrew)
    def _take_log(self, message: LogGrew) -> None:
        self.panes.log.take_growth(message.name, message.growth)

    @on(FindingsChanged)
    def _take_findings(self, message: FindingsChanged) -> None:
        self.panes.search.take_findings(message.experiment, message.findings)
        self.refresh_bindings()

    @on(RecipesChanged)
    def _take_recipes(self, message: RecipesChanged) -> None:
        self._recipes = message
        self.query_one(TopLine).show_recipe(next((each for each in message.recipes if each.is_driven), None))
        if self._recipe_screen is not None:
            self._recipe_screen.take_recipes(message)

    @on(RowsChanged)
    def _take_rows(self, message: RowsChanged) -> None:
        self._rows = message
        if self._recipe_screen is not None:
            self._recipe_screen.take_rows(message)

    @on(QueueChanged)
    def _take_queue(self, message: QueueChanged) -> None:
        if self._queue_screen is not None:
            self._queue_screen.take_queue(message)

    @on(NewsCame)
    def _take_news(self, message: NewsCame) -> None:
        self._news += message.ended
        if self._news_screen is not None:
            self._news_screen.take_news(message.ended)
        tell(self.app, self.listing, message)

    @on(LoadChanged)
    def _take_load(self, message: LoadChanged) -> None:
        self.query_one(TopLine).show_load(message)

    @on(FetchChanged)
    def _take_fetch(self, message: FetchChanged) -> None:
        self.query_one(TopLine).show_fetch(message)

    @on(Done)
    def _take_done(self, message: Done) -> None:
        if message.sentence:
            self.notify(printable(message.sentence), markup=False)
        if message.removed:
            self._removed.append(message.removed)
            self.runs.unmark(message.removed)
        if message.started:
            self._go_to(message.started)
        self._watcher.look_now()

    @on(Refused)
    def _take_refused(self, message: Refused) -> None:
        self.notify(printable(message.sentence), severity="warning", markup=False)
        self._watcher.look_now()

    # What is shown

    def show_current(self) -> None:
        """Bring the panes, the watcher and the keys to the run under the cursor."""
        self.show_foot()
        run = self.runs.current
        if run:
            self._last_runs[run.name.experiment] = run.name
        if (run.name if run else None) != self._visited:
            self._visited, self._visit = run.name if run else None, self._visit + 1
        self.query_one(PaneStrip).show_run(run)
        overlaid = self.overlaid()
        self.panes.loss.show_run(run, self.listing, overlaid)
        pair = self.pair()
        self.panes.latent.show_run(*(pair or (run,)))
        images = self.panes.images
        images.show_run(run, overlaid, self._known)
        self.panes.search.show_experiment(self._experiment)
        self.panes.log.show_run(run)
        self._show_numbers()
        self._watcher.show(
            View(
                wants_numbers=self.pane == "numbers",
                experiment=self._experiment,
                focus=self._visited,
                visit=self._visit,
                marked=tuple(overlaid),
                wants_frames=self.pane == "latent",
                pair=tuple(each.name for each in pair),
                wants_images=self.pane == "images",
                image_epoch=images.epoch,
                wants_log=self.pane == "log",
                wants_findings=self.pane == "search",
            )
        )
        self.remember()
        self.refresh_bindings()

    def _show_numbers(self) -> None:
        run = self.runs.current
        curves = self._curves.get(run.name) if run else None
        health = self._health.health if run and self._health and self._health.name == run.name else None
        numbers = self.panes.numbers
        numbers.show_run(run, curves.epochs if curves else (), health, self.compared())
        self.query_one(PaneStrip).show_alarm(numbers.has_alarm)

    @on(RowTable.Moved)
    def _moved(self, message: RowTable.Moved) -> None:
        chosen = self.experiments.current
        if message.table is self.experiments and chosen and chosen.experiment != self._experiment:
            self._experiment = chosen.experiment
            self.runs.empty_text = ""
            self.runs.show_runs(())
            self._fill_tables()
        self.show_current()

    def on_resize(self) -> None:
        self._fill_tables()

    def on_descendant_focus(self) -> None:
        self.query_one(PaneStrip).show_active(self.focused is self._pane_widget())
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        is_there = self.runs.current is not None
        match action:
            case "stop" | "pause" | "resume" | "delete":
                return self.has_targets(action)
            case "mark_all" | "columns" | "group" | "tag" | "note" | "hide_ended":
                return bool(self.listing.runs)
            case "mark" | "again" | "sort" | "lock" | "evaluate" | "cross_validate" | "latent_study":
                return is_there
            case "unmark":
                return bool(self.runs.marks)
            case "workers":
                return self.listing.queue > 0 and not self.listing.workers
            case "undo":
                return bool(self._removed)
            case "log_axis" | "measure" if self.pane == "search":
                return self.panes.search.findings is not None
            case "part" if self.pane == "loss":
                return bool(self.overlaid())
            case "part" if self.pane == "images":
                return self.panes.images.can_draw
            case "copy":
                return is_there
            case "compare" | "difference":
                return len(self.listing.runs) > 1 or bool(self.runs.marks)
            case "error":
                return self.pane == "log" and self.panes.log.has_errors
            case "end":
                return self.pane == "latent" and self.panes.latent.is_inspecting
            case _ if action in LOSS_ACTIONS | LATENT_ACTIONS:
                return is_there and action in PANE_ACTIONS.get(self.pane, ())
            case "filter" | "export":
                return bool(self.listing.experiments)
            case "back":
                is_wide = self.has_class("-full") or self.has_class("-table")
                return is_wide or any(self._words.values()) or self.focused is not self.experiments
        return True
