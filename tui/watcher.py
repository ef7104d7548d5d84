"""The one thread that follows the storage and the run folders and posts what changed.

It alone opens files and queries; it imports SQLAlchemy and numpy, once the first frame is on the screen. Nothing is
posted when nothing changed.
"""

import threading
import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from textual.message import Message

from store.errors import RequestError
from store.names import RunName
from store.paths import Root
from store.records import Experiment, RunState
from tui.messages import (
    CurvesChanged,
    FindingsChanged,
    FramesChanged,
    Listing,
    ListingChanged,
    LoadChanged,
    LogGrew,
    RecipesChanged,
)
from tui.tails import LogTail

if TYPE_CHECKING:
    from engine.recipes.driving import DrivenRecipe
    from store.database import Database
    from store.metrics import MetricsReader
    from tui.answers import Answers
    from tui.curves import Curves
    from tui.findings import Findings, Importances
    from tui.latents import Frames
    from tui.recipe_table import RecipeTables

PERIOD_S = 0.5
LIVENESS_S = 2.0  # a run can become stalled or lost, a worker dead, without anybody writing
LOAD_S = 5.0
RECIPES_S = 1.0
_RECIPE_FILES = ".recipe-*.json"  # see engine.recipes.driving
_MOST_FOLLOWED = 64


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """What the screen shows just now; the watcher reads that and no more.

    ``visit`` differs each time that another run came into focus: its panes are empty then, even if it is the run that
    the watcher saw last.
    """

    experiment: str | None = None
    focus: RunName | None = None
    visit: int = 0
    marked: tuple[RunName, ...] = ()
    wants_frames: bool = False
    wants_log: bool = False
    wants_findings: bool = False


def _liveliest(experiments: Sequence[Experiment]) -> str | None:
    """Where a screen without a choice of its own begins: something runs, else something waits, else the newest."""

    def liveliness(experiment: Experiment) -> tuple[bool, bool, int]:
        states = [state for state, count in experiment.states.items() if count]
        return any(state.is_live for state in states), RunState.WAITING in states, experiment.study_id

    return max(experiments, key=liveliness).experiment if experiments else None


class Watcher:
    """``post`` must be safe to call from another thread, as Textual's ``post_message`` is."""

    def __init__(
        self, root: Root, storage: str | None, post: Callable[[Message], Any], period_s: float = PERIOD_S
    ) -> None:
        self.root = root
        self.storage = storage
        self._post = post
        self._period_s = period_s
        self._view = View()
        self._wake = threading.Event()
        self._stopped = False
        self._thread = threading.Thread(target=self._follow, name="watcher", daemon=True)
        self._opening = threading.Lock()
        self._database: Database | None = None
        self._token: object = None
        self._changes: object = None
        self._listed_at = 0.0
        self._listing: Listing | None = None
        self._curves: dict[RunName, tuple[MetricsReader, int, Curves]] = {}
        self._followed: tuple[RunName, ...] = ()
        self._frames: tuple[RunName, Hashable, Frames] | None = None
        self._frames_visit = 0
        self._log: tuple[int, LogTail] | None = None
        self._findings: tuple[str, Findings | None] | None = None
        self._findings_token: object = None
        self._answers: Answers | None = None
        self._importances: Importances | None = None
        self._recipes: tuple[DrivenRecipe, ...] = ()
        self._recipes_at = 0.0
        self._recipe: str | None = None
        self._tables: RecipeTables | None = None
        self._load: Hashable = None
        self._load_at = 0.0

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
                self._database = open_database(self.root, self.storage, create=create)
            return self._database

    def _follow(self) -> None:
        while not self._stopped:
            self._wake.clear()
            self._look()
            self._wake.wait(self._period_s)
        if self._answers is not None:
            self._answers.close()
        if self._database is not None:
            self._database.close()

    def _look(self) -> None:
        view = self._view
        try:
            self._look_at_storage(view)
            self._look_at_metrics(view)
            self._look_at_frames(view)
            self._look_at_log(view)
            self._look_at_recipes()
            self._look_at_findings(view)
            self._look_at_load()
        except RequestError as error:
            self._tell(Listing(problem=str(error)))
        except Exception as error:  # a storage that hiccups must not end the screen: say it and look again
            cause = str(getattr(error, "orig", None) or error).strip() or type(error).__name__
            base = self._listing or Listing()
            self._token = None
            self._tell(replace(base, problem=f"The storage cannot be read just now: {cause.splitlines()[0]}"))

    def _tell(self, listing: Listing) -> None:
        if listing != self._listing:
            self._listing = listing
            self._post(ListingChanged(listing))

    def _look_at_storage(self, view: View) -> None:
        from store.database import database_exists

        if self._database is None and not database_exists(self.root, self.storage):
            self._tell(Listing())
            return
        from store.listing import change_token, experiments, queue_length, runs
        from store.workers import workers

        database = self.open()
        self._changes = change_token(database)
        token = (self._changes, view.experiment)
        is_stale = self._is_anything_alive() and time.monotonic() - self._listed_at > LIVENESS_S
        if token == self._token and not is_stale:
            return
        found = experiments(database)
        names = [experiment.experiment for experiment in found]
        chosen = view.experiment if view.experiment in names else _liveliest(found)
        self._tell(
            Listing(
                experiments=tuple(found),
                chosen=chosen,
                runs=tuple(runs(database, chosen)) if chosen else (),
                workers=tuple(replace(w, heartbeat_age_s=0.0) for w in workers(database) if w.alive),
                queue=queue_length(database),
            )
        )
        self._token, self._listed_at = token, time.monotonic()

    def _is_anything_alive(self) -> bool:
        listing = self._listing
        return listing is not None and (
            bool(listing.workers)
            or listing.queue > 0
            or any(state.is_live for e in listing.experiments for state, count in e.states.items() if count)
        )

    def _look_at_metrics(self, view: View) -> None:
        from store.metrics import MetricsReader
        from tui.curves import Curves

        wanted = tuple(dict.fromkeys((*view.marked, *((view.focus,) if view.focus else ()))))
        changed = {}
        for name in wanted:
            known = self._curves.pop(name, None)
            reader, generation, curves = known or (MetricsReader(self.root.run(name).metrics), 0, Curves())
            lines = reader.read()
            if reader.generation != generation:
                curves = Curves()
            if lines:
                curves = curves.grown(lines)
            if lines or reader.generation != generation or name not in self._followed:
                changed[name] = curves
            self._curves[name] = (reader, reader.generation, curves)
        for name in [name for name in self._curves if name not in wanted][: -_MOST_FOLLOWED or None]:
            del self._curves[name]
        self._followed = wanted
        if changed:
            self._post(CurvesChanged(changed))

    def _look_at_frames(self, view: View) -> None:
        if not view.wants_frames or view.focus is None:
            return
        from tui.latents import Codes, Frames

        paths = self.root.run(view.focus)
        try:
            stamp: Hashable = (paths.latents.stat().st_mtime_ns, paths.latents.stat().st_ino)
        except OSError:
            stamp = None
        known = self._frames if self._frames and self._frames[0] == view.focus else None
        is_revisited = view.visit != self._frames_visit
        self._frames_visit = view.visit
        if known and known[1] == stamp:
            if is_revisited:
                self._post(FramesChanged(view.focus, known[2]))
            return
        frames = known[2] if known else Frames()
        epochs = paths.latent_epochs()
        shown = [frame.epoch for frame in frames.frames]
        if shown != [epoch for epoch in epochs if epoch <= (shown[-1] if shown else 0)]:
            # Kept epochs are thinned as a run grows, and written again after a take-over.
            kept = {frame.epoch: frame for frame in frames.frames if frame.epoch in epochs}
            frames = Frames(tuple(kept[epoch] for epoch in sorted(kept)))
        last = frames.frames[-1].epoch if frames.frames else 0
        told_at = time.monotonic()
        for epoch in epochs:
            if epoch > last and (codes := Codes.load(paths.latents_of(epoch))) is not None:
                frames = frames.grown(codes)
                # Many epochs of a classifier's wide codes take seconds: those that are there are shown meanwhile.
                if time.monotonic() - told_at > self._period_s and view == self._view:
                    self._post(FramesChanged(view.focus, frames))
                    told_at = time.monotonic()
        self._frames = (view.focus, stamp, frames)
        self._post(FramesChanged(view.focus, frames))

    def _look_at_log(self, view: View) -> None:
        if not view.wants_log or view.focus is None:
            self._log = None
            return
        is_other = self._log is None or self._log[0] != view.visit
        if self._log is None or is_other:
            self._log = (view.visit, LogTail(self.root.run(view.focus).log))
        lines, is_new = self._log[1].read()
        if lines or is_new or is_other:
            self._post(LogGrew(view.focus, lines, is_new or is_other))

    def _look_at_findings(self, view: View) -> None:
        """What the search of the chosen experiment has found, where that is shown and something changed."""
        chosen = self._listing.chosen if self._listing else None
        if not view.wants_findings or chosen is None:
            return
        from tui.findings import Importances, read

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
            self._recipes = recipes
            self._post(RecipesChanged(recipes))

    def _helper(self) -> "Answers":
        from tui.answers import Answers

        if self._answers is None:
            self._answers = Answers(self.root, self.storage)
        return self._answers

    def _look_at_load(self) -> None:
        """Seldom, coarse, and only while something runs: an idle screen rests."""
        listing = self._listing
        is_busy = listing is not None and any(
            count and state is RunState.RUNNING for e in listing.experiments for state, count in e.states.items()
        )
        if not is_busy or time.monotonic() - self._load_at < LOAD_S:
            return
        import psutil

        if not self._load_at:  # the first figure is the load since a call that never was
            psutil.cpu_percent()
        is_first, self._load_at = not self._load_at, time.monotonic()
        if is_first:
            return
        memory = psutil.virtual_memory()
        cpu = 5 * round(psutil.cpu_percent() / 5)
        load = (cpu, round((memory.total - memory.available) / 1e9, 1), round(memory.total / 1e9, 1))
        if load != self._load:
            self._load = load
            self._post(LoadChanged(*load))
