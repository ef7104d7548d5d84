import queue
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import pytest
from textual.message import Message

from engine.recipes.asked import AskedRecipe
from engine.recipes.driver_lock import driver_lock
from engine.recipes.driving import Record
from engine.recipes.progress import RecipeProgress, StepProgress, StepState
from store import control
from store.address import Addresses
from store.database import Database, open_database
from store.metrics import MetricsWriter
from store.names import RunName
from store.paths import Root
from store.records import RunState
from tests.tui.found import begin_search, end_next, settings_of
from tests.tui.roots import add_run, epoch_line, write_codes
from tui.messages import (
    CurvesChanged,
    FindingsChanged,
    FramesChanged,
    ListingChanged,
    LogGrew,
    RecipesChanged,
    RowsChanged,
)
from tui.panes.latent.frames import Frame
from tui.view import View
from tui.watcher import Watcher

M = TypeVar("M", bound=Message)


class Post:
    """Takes what the watcher posts, in order."""

    def __init__(self) -> None:
        self.messages: queue.Queue[Message] = queue.Queue()

    def __call__(self, message: Message) -> None:
        self.messages.put(message)

    def next(self, kind: type[M], fits: Callable[[M], Any] = lambda message: True) -> M:
        give_up = time.monotonic() + 60
        while time.monotonic() < give_up:
            try:
                message = self.messages.get(timeout=0.1)
            except queue.Empty:
                continue
            if isinstance(message, kind) and fits(message):
                return message
        raise AssertionError(f"no such {kind.__name__} came")


@pytest.fixture
def post() -> Post:
    return Post()


@pytest.fixture
def watcher(root: Root, post: Post) -> Iterator[Watcher]:
    made = Watcher(root, Addresses(), post, period_s=0.05)
    yield made
    made.stop()


def test_a_root_that_is_not_there_yet_is_waited_for(root: Root, post: Post, watcher: Watcher) -> None:
    watcher.start()
    listing = post.next(ListingChanged).listing
    assert (listing.experiments, listing.problem) == ((), "")
    assert not root.path.exists(), "looking makes nothing"
    database = open_database(root, create=True)
    add_run(database, "new", "waiting")
    listing = post.next(ListingChanged, lambda message: message.listing.queue).listing
    assert [run.name for run in listing.runs] == [RunName("new", 0)]
    assert listing.queue == 1


def test_it_lists_the_experiment_that_is_alive(
    database: Database, runs: dict[str, RunName], post: Post, watcher: Watcher
) -> None:
    watcher.start()
    listing = post.next(ListingChanged).listing
    assert [experiment.experiment for experiment in listing.experiments] == ["digits-a", "vae-b"]
    assert listing.chosen == "digits-a"
    assert {run.state for run in listing.runs} >= {RunState.COMPLETE, RunState.STOPPED, RunState.FAILED, RunState.HELD}
    watcher.show(View(experiment="vae-b"))
    listing = post.next(ListingChanged).listing
    assert [run.name for run in listing.runs] == [runs["vae"]]


def test_nothing_is_posted_when_nothing_changed(
    database: Database, runs: dict[str, RunName], post: Post, watcher: Watcher
) -> None:
    control.stop(database, runs["waiting"])
    watcher.show(View(focus=runs["complete"], wants_frames=True, wants_log=True))
    watcher.start()
    post.next(LogGrew)
    time.sleep(0.5)
    late = []
    while not post.messages.empty():
        late.append(post.messages.get())
    assert not [message for message in late if isinstance(message, CurvesChanged | FramesChanged | LogGrew)]


def test_changes_by_others_are_seen(database: Database, runs: dict[str, RunName], post: Post, watcher: Watcher) -> None:
    watcher.start()
    post.next(ListingChanged)
    control.remove(database, runs["failed"])
    listing = post.next(ListingChanged).listing
    assert runs["failed"] not in [run.name for run in listing.runs]


def test_curves_come_for_the_run_in_view_and_for_marked_ones(
    root: Root, runs: dict[str, RunName], post: Post, watcher: Watcher
) -> None:
    watcher.show(View(focus=runs["running"], marked=(runs["stopped"],)))
    watcher.start()
    curves = post.next(CurvesChanged).curves
    assert {name: len(found.epochs) for name, found in curves.items()} == {runs["running"]: 4, runs["stopped"]: 5}
    with root.run(runs["running"]).metrics.open("a") as file:
        file.write('{"kind": "epoch", "epoch": 5, "val_loss": "NaN", "train_loss": 0.1}\n')
    grown = post.next(CurvesChanged).curves
    assert list(grown) == [runs["running"]]
    assert [line["epoch"] for line in grown[runs["running"]].epochs] == [1, 2, 3, 4, 5]
    assert grown[runs["running"]].epochs[-1]["val_loss"] != grown[runs["running"]].epochs[-1]["val_loss"]


def test_a_takeover_begins_the_curve_anew(root: Root, runs: dict[str, RunName], post: Post, watcher: Watcher) -> None:
    watcher.show(View(focus=runs["running"]))
    watcher.start()
    post.next(CurvesChanged)
    MetricsWriter(root.run(runs["running"]).metrics, 2, lambda: None, [epoch_line(1, 0.5), epoch_line(2, 0.4)]).close()
    curves = post.next(CurvesChanged).curves[runs["running"]]
    assert [line["epoch"] for line in curves.epochs] == [1, 2]


def test_frames_grow_and_are_thinned(root: Root, runs: dict[str, RunName], post: Post, watcher: Watcher) -> None:
    paths = root.run(runs["running"])
    watcher.show(View(focus=runs["running"], wants_frames=True))
    watcher.start()

    def once_there(*epochs: int) -> Sequence[Frame]:
        return post.next(
            FramesChanged, lambda told: [each.epoch for each in told.frames.frames] == [*epochs]
        ).frames.frames

    frames = once_there(1, 2, 3, 4)
    write_codes(paths, 5, 6)
    grown = once_there(1, 2, 3, 4, 5)
    assert grown[:4] == frames, "earlier frames stay as they were"
    paths.latents_of(2).unlink()
    once_there(1, 3, 4, 5)


def test_the_log_is_read_only_while_it_is_shown(
    root: Root, runs: dict[str, RunName], post: Post, watcher: Watcher
) -> None:
    watcher.show(View(focus=runs["failed"]))
    watcher.start()
    post.next(CurvesChanged)
    assert not [message for message in list(post.messages.queue) if isinstance(message, LogGrew)]
    watcher.show(View(focus=runs["failed"], visit=1, wants_log=True))
    first = post.next(LogGrew)
    assert (first.name, first.growth.is_new) == (runs["failed"], True)
    assert [line.text for line in first.growth.lines] == ["begins"]
    with root.run(runs["failed"]).log.open("a") as file:
        file.write("goes on\n")
    assert [line.text for line in post.next(LogGrew).growth.lines] == ["goes on"]


def test_a_run_that_is_come_back_to_is_shown_again(runs: dict[str, RunName], post: Post, watcher: Watcher) -> None:
    """Away and back between two looks: the panes were emptied, though the watcher sees the same run."""
    watcher.show(View(focus=runs["running"], visit=1, wants_frames=True, wants_log=True))
    watcher.start()
    post.next(LogGrew)
    watcher.show(View(focus=runs["running"], visit=3, wants_frames=True, wants_log=True))
    assert len(post.next(FramesChanged).frames.frames) == 4
    assert post.next(LogGrew).growth.is_new


def test_findings_come_only_while_they_are_shown_and_something_changed(
    database: Database, runs: dict[str, RunName], post: Post, watcher: Watcher
) -> None:
    begin_search(database, "search", [settings_of(number) for number in range(9)])
    end_next(database, "COMPLETE", 0.05)
    watcher.show(View(experiment="search"))
    watcher.start()
    post.next(ListingChanged, lambda message: message.listing.chosen == "search")
    watcher.show(View(experiment="digits-a", wants_findings=True))
    none = post.next(FindingsChanged)
    assert (none.experiment, none.findings) == ("digits-a", None)
    watcher.show(View(experiment="search", wants_findings=True))
    found = post.next(FindingsChanged).findings
    assert found is not None
    assert [run.name.number for run in found.complete] == [0]
    time.sleep(0.5)
    assert not [message for message in list(post.messages.queue) if isinstance(message, FindingsChanged)]
    end_next(database, "PRUNED", 0.01, epoch=3)
    now = post.next(FindingsChanged, lambda message: message.findings and message.findings.progress.num_pruned).findings
    assert now is not None
    assert (now.progress.num_pruned, now.best_so_far()) == (1, [(0, 0.05)])


def test_recipes_are_told_with_whether_they_are_driven(
    root: Root, runs: dict[str, RunName], post: Post, watcher: Watcher
) -> None:
    asked = AskedRecipe(source="paper", dataset="digits", name="r")
    recipe = asked.recipe()
    steps = tuple(StepProgress(step=step, state=StepState.RUNNING) for step in recipe.steps)
    watcher.start()
    post.next(ListingChanged)
    with driver_lock(root, "r"):
        Record(root, asked, None).tell(RecipeProgress(recipe=recipe, steps=steps))
        (told,) = post.next(RecipesChanged).recipes
        assert (told.name, told.is_driven) == ("r", True)
        time.sleep(2)
        assert post.messages.empty() or not [m for m in list(post.messages.queue) if isinstance(m, RecipesChanged)]
    (told,) = post.next(RecipesChanged).recipes
    assert not told.is_driven
    assert not [message for message in list(post.messages.queue) if isinstance(message, RowsChanged)]
    watcher.show_recipe("r")
    rows = post.next(RowsChanged)
    assert (rows.name, rows.says) == ("r", "")
    assert [row.id for row in rows.rows] == [row.id for row in recipe.rows]
    assert next(row.reference for row in rows.rows if row.id == "cae6") == "0.0180"


def test_a_storage_that_is_none_is_said_in_one_sentence(root: Root, post: Post, watcher: Watcher) -> None:
    root.path.mkdir(parents=True)
    root.database.write_bytes(b"this is no database, however long one looks at it" * 100)
    watcher.start()
    assert "cannot be opened" in post.next(ListingChanged).listing.problem
