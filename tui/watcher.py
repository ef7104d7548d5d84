"""The one thread that follows the storage and the run folders and posts what changed.

It alone opens files and queries; it imports SQLAlchemy and numpy, once the first frame is on the screen. Nothing is
posted when nothing changed.
"""

import gc
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from textual.message import Message

from store.address import Addresses
from store.errors import RequestError, StorageAway
from store.paths import Root
from store.records import RunState
from tui.listing import Listing, read_listing
from tui.messages import (
    FindingsChanged,
    ListingChanged,
    LoadChanged,
    NewsCame,
    QueueChanged,
    RecipesChanged,
    Refused,
)
from tui.news import News
from tui.run_files import RunFiles
from tui.view import View

if TYPE_CHECKING:
    from engine.notices import Notice
    from engine.recipes.driving import DrivenRecipe
    from store.database import Database
    from store.listing_reader import ListingReader
    from store.news import Ended
    from tui.fetching import Fetching
    from tui.first_look import FirstLook
    from tui.helpers.answers import Answers
    from tui.machine import LoadMeter
    from tui.panes.search.findings import Findings, Importances
    from tui.queue import Queue
    from tui.recipe_table import RecipeTables

PERIOD_S = 0.5
LIVENESS_S = 2.0  # a run can become stalled or lost, a worker dead, without anybody writing
LOAD_S = 5.0
RECIPES_S = 1.0
_RECIPE_FILES = ".recipe-*.json"  # see engine.recipes.driving


class Watcher:
    """``post`` must be safe to call from another thread, as Textual's ``post_message`` is."""

    def __init__(
        self,
        root: Root,
        addresses: Addresses,
        post: Callable[[Message], Any],
        period_s: float = PERIOD_S,
        first_look: "FirstLook | None" = None,
    ) -> None:
        self.root = root
        self.addresses = addresses
        self._post = post
        self._period_s = period_s
        self._first_look = first_look
        self._view = View()
        self._wake = threading.Event()
        self._stopped = False
        self._thread = threading.Thread(target=self._follow, name="watcher", daemon=True)
        self._opening = threading.Lock()
        self._database: Database | None = None
        self._token: object = None
        self._changes: object = None
        self._listed_at = 0.0
        self._reader: ListingReader | None = None
        self._listing: Listing | None = None
        self._findings: tuple[str, Findings | None] | None = None
        self._findings_token: object = None
        self._answers: Answers | None = None
        self._importances: Importances | None = None
        self._recipes: tuple[DrivenRecipe, ...] = ()
        self._recipes_at = 0.0
        self._recipe: str | None = None
        self._tables: RecipeTables | None = None
        self._shows_queue = False
        self._queue: Queue | None = None
        self._news = News(root)
        self._news_token: object = None
        self._meter: LoadMeter | None = None
        self._load_at = 0.0
        self._fetching: Fetching | None = None
        self._run_files = RunFiles(root, post, period_s)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End the thread; it may still be in one last read."""
        self._stopped = True
        self._wake.set()

    def show(self, view: View) -> None:
        """Follow ``view`` from now on, and look at once."""
        if view != self._view:
            self._view = view
            self._wake.set()

    def show_recipe(self, name: str | None) -> None:
        """Work out the table of that recipe from now on; None: of none."""
        self._recipe = name
        self._wake.set()

    def show_queue(self, is_shown: bool) -> None:
        """Follow the queue from now on, or no longer."""
        self._shows_queue, self._queue = is_shown, None
        self._wake.set()

    def look_now(self) -> None:
        """Something was asked of the storage: do not wait for the next look."""
        self._token = None
        self._recipes_at = 0.0
        self._wake.set()

    def open(self, *, create: bool = False) -> "Database":
        """The storage, opened once; for this thread and for actions in theirs.

        Raises:
            RequestError: it is absent or cannot be opened.
        """
        from store.database import open_database

        with self._opening:
            if self._database is None:
                self._database = open_database(
                    self.root, self.addresses.storage, artifacts=self.addresses.artifacts, create=create
                )
            return self._database

    def _follow(self) -> None:
        if self._first_look is not None and (listing := self._first_look.read()):
            self._tell(listing)
        while not self._stopped:
            self._wake.clear()
            self._look()
            gc.enable()  # off since before the screen opened
            self._wake.wait(self._period_s)
        self._news.note_leaving()
        if self._answers is not None:
            self._answers.close()
        if self._database is not None:
            self._database.close()

    def _look(self) -> None:
        view = self._view
        try:
            self._look_at_storage(view)
            self._fetch(view)
            self._run_files.look(view, lambda: view == self._view)
            self._look_at_recipes()
            self._look_at_findings(view)
            self._look_at_queue()
            self._look_at_news()
            self._look_at_load()
        except StorageAway as error:  # what was seen last stays on the screen
            self._look_again(str(error))
        except RequestError as error:
            self._tell(Listing(problem=str(error)))
        except Exception as error:  # a storage that hiccups must not end the screen: say it and look again
            cause = str(getattr(error, "orig", None) or error).strip() or type(error).__name__
            self._look_again(f"The storage cannot be read just now: {cause.splitlines()[0]}")

    def _look_again(self, problem: str) -> None:
        self._token = None
        self._tell(replace(self._listing or Listing(), problem=problem))

    def _tell(self, listing: Listing) -> None:
        if listing != self._listing:
            self._listing = listing
            self._post(ListingChanged(listing))

    def _look_at_storage(self, view: View) -> None:
        from store.database import database_exists

        if self._database is None and not database_exists(self.root, self.addresses.storage):
            self._tell(Listing())
            return
        from store.listing import change_token
        from store.listing_reader import ListingReader

        database = self.open()
        if self._reader is None:
            self._caution(database)
        self._changes = change_token(database)
        token = (self._changes, view.experiment)
        is_stale = self._is_anything_alive() and time.monotonic() - self._listed_at > LIVENESS_S
        if token == self._token and not is_stale:
            return
        self._reader = self._reader or ListingReader(database)
        if is_large := self._reader.is_partial:
            gc.disable()  # each pass over so many new records stalls the screen by 0.1 s
        listing = read_listing(database, self._reader, view.experiment)
        if is_large:
            gc.freeze()  # they are there to stay
            gc.enable()
        self._tell(listing)
        self._token, self._listed_at = token, time.monotonic()
        if self._reader.is_partial:  # the rest at once
            self._token = None
            self._wake.set()

    def _caution(self, database: "Database") -> None:
        """Say once what is particular about where the storage lies."""
        from store.backend import sqlite_file
        from tui.commands.caution import caution

        says = database.only_read() or caution(sqlite_file(database.url))
        if says is not None:
            self._post(Refused(says))

    def _is_anything_alive(self) -> bool:
        listing = self._listing
        return listing is not None and (
            bool(listing.workers)
            or any(state.is_live for e in listing.experiments for state, count in e.states.items() if count)
        )

    def _fetch(self, view: View) -> None:
        """Files of other hosts' runs come through the artifact store, where there is one."""
        if self.addresses.artifacts is None or self._database is None or view.focus is None:
            return
        from tui.fetching import Fetching

        self._fetching = self._fetching or Fetching(self._database, self._post, self._wake.set)
        self._fetching.look((view.focus, *view.marked, *view.pair), self._changes)

    def _look_at_findings(self, view: View) -> None:
        """What the search of the chosen experiment has found, where that is shown and something changed."""
        chosen = self._listing.chosen if self._listing else None
        if not view.wants_findings or chosen is None:
            return
        from tui.panes.search.findings import Importances, read

        if self._findings is None or self._findings_token != (self._changes, chosen):
            findings = read(self.open(), chosen)
            self._findings_token = (self._changes, chosen)
        else:
            findings = self._findings[1]
        if findings is not None:
            if self._importances is None:
                self._importances = Importances(self._helper(), self._wake.set)
            findings = replace(findings, importance=self._importances.of(chosen, len(findings.complete)))
        if (chosen, findings) != self._findings:
            self._findings = chosen, findings
            self._post(FindingsChanged(chosen, findings))

    def _look_at_recipes(self) -> None:
        """Small files, looked at seldom: who drives one may be killed without writing anything."""
        if self._recipe is not None and self._database is not None:
            from tui.recipe_table import RecipeTables

            if self._tables is None:
                self._tables = RecipeTables(self._helper(), self._post)
            shown = next((recipe for recipe in self._recipes if recipe.name == self._recipe), None)
            if shown is not None:
                self._tables.see_to(shown, self._changes)
        if time.monotonic() - self._recipes_at < RECIPES_S:
            return
        self._recipes_at = time.monotonic()
        recipes: tuple[DrivenRecipe, ...] = ()
        if next(self.root.path.glob(_RECIPE_FILES), None) is not None:
            from engine.recipes.driving import driven  # it brings the catalog: only where there is a recipe

            recipes = tuple(driven(self.root))
        if recipes != self._recipes:
            went_on = {recipe.name for recipe in self._recipes if recipe.is_driven and not recipe.is_over}
            if over := [recipe for recipe in recipes if recipe.is_over and recipe.name in went_on]:
                from engine.notices import of_recipe

                notices = [of_recipe(recipe.name, recipe.num_steps_done, len(recipe.steps)) for recipe in over]
                self._post(self._told((), notices))
            self._recipes = recipes
            self._post(RecipesChanged(recipes))

    def _helper(self) -> "Answers":
        from tui.helpers.answers import Answers

        if self._answers is None:
            self._answers = Answers(self.root, self.addresses)
        return self._answers

    def _look_at_queue(self) -> None:
        """Where it is shown; slots change without a trace in the storage, so it is read each time."""
        if not self._shows_queue or self._database is None or self._listing is None:
            return
        from tui.queue import read_queue

        queue = read_queue(self._database, self._listing.workers)
        if queue != self._queue:
            self._queue = queue
            self._post(QueueChanged(queue))

    def _look_at_news(self) -> None:
        """What ended since a screen of this root was left, and then since the last look."""
        if self._database is None:
            return
        if self._news_token == self._changes:
            self._news.note_presence()
            return
        left_at = self._news.away() if self._news_token is None else None
        is_first = self._news_token is None
        since = (time.time() if left_at is None else left_at) if is_first else None
        self._news_token = self._changes
        ended = tuple(self._news.read(self._database, since))
        more = self._news.more(self._database, self._listing.experiments if self._listing else ())
        if is_first and ended:
            self._post(NewsCame(ended, away_s=None if left_at is None else time.time() - left_at))
        elif not is_first and (ended or more):
            self._post(self._told(ended, more))
        self._news.note_presence()

    def _told(self, ended: "tuple[Ended, ...]", more: "Sequence[Notice]") -> NewsCame:
        """With what the user wants to be told, and how."""
        from engine.notices import Notify, notices_of, read_notify

        try:
            notify = read_notify()
        except RequestError as error:
            self._post(Refused(str(error)))
            notify = Notify()
        notices = (*notices_of(ended, notify), *(notice for notice in more if notice.event in notify.on))
        return NewsCame(ended, notices=notices, rings=notify.bell, shows_outside=notify.osc9)

    def _look_at_load(self) -> None:
        """Seldom, coarse, and only while something runs: an idle screen rests."""
        listing = self._listing
        is_busy = listing is not None and any(
            count and state is RunState.RUNNING for e in listing.experiments for state, count in e.states.items()
        )
        if not is_busy or time.monotonic() - self._load_at < LOAD_S:
            return
        from tui.machine import LoadMeter

        self._load_at = time.monotonic()
        self._meter = self._meter or LoadMeter()
        if load := self._meter.read():
            self._post(LoadChanged(*load))
