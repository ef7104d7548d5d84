"""Going about on the home screen: from side to side, from pane to pane, to other screens and to where a run is."""

from pathlib import Path
from typing import TYPE_CHECKING

from textual import on
from textual.widget import Widget
from textual.widgets import ContentSwitcher, Input

from store.names import RunName
from tui.look import Look
from tui.messages import RecipesChanged, RowsChanged
from tui.panes import PANES
from tui.panes.strip import PaneStrip
from tui.screens.tables import Tables
from tui.watcher import Watcher

if TYPE_CHECKING:
    from store.news import Ended
    from tui.screens.news import NewsScreen
    from tui.screens.queue import QueueScreen
    from tui.screens.recipe import RecipeScreen


class GoingAbout(Tables):
    """The part of the home screen that knows where one is, and leads elsewhere."""

    def __init__(self, watcher: Watcher, look: Look, data_dir: Path | None) -> None:
        super().__init__(watcher, look, data_dir)
        self._experiment: str | None = None
        self._recipes = RecipesChanged(())
        self._rows: RowsChanged | None = None
        self._recipe_screen: RecipeScreen | None = None
        self._queue_screen: QueueScreen | None = None
        self._news_screen: NewsScreen | None = None
        self._news: list[Ended] = []

    @property
    def pane(self) -> str:
        return (self.query_one("#panes", ContentSwitcher).current or "loss").removesuffix("-pane")

    def _pane_widget(self) -> Widget:
        return self.query_one(f"#{self.query_one('#panes', ContentSwitcher).current}")

    def _go_to(self, name: RunName) -> None:
        self._wanted, self._experiment = name, name.experiment
        self._words["runs"] = ""  # it would be a pity if the filter hid it
        self.query_one("#filter", Input).remove_class("-open")
        self.experiments.go_to(name.experiment)
        self._fill_tables()
        self.show_current()

    def _go_to_experiment(self, experiment: str) -> None:
        """To the experiment's run that was visited last, else to its favourite."""
        self._experiment, self._wanted = experiment, None
        self._words = dict.fromkeys(self._words, "")
        self.query_one("#filter", Input).remove_class("-open")
        self.experiments.go_to(experiment)
        self.runs.focus()
        self.runs.empty_text = ""
        self.runs.show_runs(())
        self._fill_tables()
        self.show_current()

    # Keys

    def action_side(self, step: int) -> None:
        places: list[Widget] = [] if self.has_class("-table") else [self._pane_widget()]
        if not self.has_class("-full"):
            places = [self.experiments, self.runs, *places]
        at = places.index(self.focused) if self.focused in places else -1
        places[(at + step) % len(places)].focus()

    def action_side_right(self) -> None:
        if self.focused is self.runs and (group := self.runs.group) and self.runs.is_folded(group):
            self.runs.fold(group, False)
        elif self._is_steered():
            self._steer(1)
        elif self.focused is not self._pane_widget():
            self.action_side(1)

    def action_side_left(self) -> None:
        if self.focused is self.runs and (group := self.runs.group) and not self.runs.is_folded(group):
            self.runs.fold(group, True)
        elif self._is_steered():
            self._steer(-1)
        elif self.focused is not self.experiments and not self.has_class("-full"):
            self.action_side(-1)

    def _is_steered(self) -> bool:
        """Whether left and right belong to the pane."""
        if self.pane == "numbers":
            return self.panes.numbers.is_wide and self.focused is self.panes.numbers
        is_steerable = self.pane in ("loss", "latent", "images") and self.runs.current is not None
        return is_steerable and self.focused is self._pane_widget()

    def _steer(self, steps: int) -> None:
        latent = self.panes.latent
        if self.pane == "images":
            self.panes.images.action_turn(steps, 0)
        elif self.pane == "numbers":
            self.panes.numbers.shift(steps)
        elif self.pane == "latent" and latent.is_inspecting:
            latent.move(steps, 0)
        else:
            (self.action_epoch if self.pane == "latent" else self.action_cursor)(steps)

    def action_open(self) -> None:
        if self.focused is self.experiments:
            self.runs.focus()
        elif self.focused is self.runs and (group := self.runs.group):
            self.runs.fold(group, not self.runs.is_folded(group))
        else:
            self.remove_class("-table")
            self.set_class(not self.has_class("-full"), "-full")
            self._pane_widget().focus() if self.has_class("-full") else self.runs.focus()

    def action_back(self) -> None:
        if self._note_line.has_class("-open"):
            self._note_line.leave()
        elif self.focused is self.query_one("#filter"):
            self.query_one("#filter", Input).value = ""
            self._close_filter()
        elif self.pane == "latent" and self.panes.latent.cancel():
            pass
        elif self.has_class("-full") or self.has_class("-table"):
            self.remove_class("-full", "-table")
            self.runs.focus()
        elif self.focused is self._pane_widget():
            self.runs.focus()
        elif any(self._words.values()):
            self._words = dict.fromkeys(self._words, "")
            self.query_one("#filter", Input).remove_class("-open")
            self._fill_tables()
        elif self.focused is self.runs:
            self.experiments.focus()

    def action_pane(self, pane: str) -> None:
        self.remove_class("-table")
        had_focus = self.focused is self._pane_widget()
        self.query_one("#panes", ContentSwitcher).current = "numbers-pane" if pane == "numbers" else pane
        self.query_one(PaneStrip).show_pane(pane)
        if had_focus:
            self._pane_widget().focus()
        self.show_current()

    def action_pane_step(self, step: int) -> None:
        self.action_pane(PANES[(PANES.index(self.pane) + step) % len(PANES)])

    @on(PaneStrip.Chosen)
    def _choose_pane(self, message: PaneStrip.Chosen) -> None:
        self.action_pane(message.pane)

    def action_queue(self) -> None:
        from tui.screens.queue import QueueScreen

        self._queue_screen = QueueScreen(self._watcher, self._look, self._act)
        self.app.push_screen(self._queue_screen, self._leave)

    def action_news(self) -> None:
        from tui.screens.news import NewsScreen

        self._news_screen = NewsScreen(self._news, self._look)
        self.app.push_screen(self._news_screen, self._leave)

    def _leave(self, place: RunName | None) -> None:
        self._queue_screen = self._news_screen = None
        if place is not None:
            self._go_to(place)

    def action_recipes(self) -> None:
        from tui.screens.recipe import RecipeScreen

        screen = RecipeScreen(
            self._watcher,
            self._look,
            self._recipes,
            self._rows,
            act=self._act,
            new=self.action_new_recipe,
            data_dir=self._data_dir,
        )

        def leave(place: RunName | str | None) -> None:
            self._recipe_screen = None
            if isinstance(place, RunName):
                self._go_to(place)
            elif place is not None:
                self._go_to_experiment(place)

        self._recipe_screen = screen
        self.app.push_screen(screen, leave)
