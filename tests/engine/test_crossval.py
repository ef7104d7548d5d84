"""What a cross-validation queues and how it is summed up; nobody trains."""

import dataclasses
import statistics
from collections.abc import Iterator
from typing import Any

import pytest

from engine import catalog, crossval, jobs
from engine.crossval import queue_missing, summaries
from engine.spec import ClassifierSpec, RunSpec
from store import control, listing, queue, workers
from store.database import Database, open_database
from store.errors import RequestError
from store.names import RunName
from store.paths import Root
from tests.live import small_spec


@pytest.fixture
def database(root: Root) -> Iterator[Database]:
    """A storage with this process as its only worker."""
    opened = open_database(root, create=True)
    workers.register(opened, "here@cpu", "cpu", None)
    yield opened
    opened.close()


def end_next(database: Database, value: float | None, state: str = "COMPLETE", *, was_stopped: bool = False) -> RunName:
    """End the run that waits longest."""
    claim = queue.claim(database, "here@cpu", "cpu")
    assert claim is not None
    queue.finish(database, claim, state, value=value, was_stopped=was_stopped)
    return claim.name


def train(database: Database, value: float, spec: RunSpec | None = None, **settings: Any) -> RunName:
    """A complete run of the experiment ``e``."""
    name = jobs.enqueue(database, spec or small_spec(**settings), "e")
    assert end_next(database, value) == name
    return name


def spec_of(database: Database, name: RunName) -> RunSpec:
    return catalog.read_spec(listing.frozen(database, name).spec)


def write_checkpoint(database: Database, name: RunName) -> None:
    paths = database.root.run(name)
    paths.folder.mkdir(parents=True)
    paths.last.write_bytes(b"")


def test_the_best_configurations_are_queued_once_a_fold_and_once_as_hold_out(database: Database) -> None:
    train(database, 0.3, lr=0.01)
    best, second = train(database, 0.1, lr=0.02), train(database, 0.2, lr=0.03)
    names = queue_missing(database, "e", top=2, folds=3)
    assert [str(name) for name in names] == [f"e-crossval/{number}" for number in range(8)]
    for number, (origin, fold) in enumerate((origin, fold) for origin in (best, second) for fold in (0, 1, 2, None)):
        run = listing.run(database, names[number])
        assert spec_of(database, names[number]) == dataclasses.replace(spec_of(database, origin), folds=3, fold=fold)
        assert run.user_attrs["crossval_of"] == str(origin)
        assert run.user_attrs["fold"] == ("holdout" if fold is None else fold)
        assert run.user_attrs["lr"] == run.params["lr"]


def test_again_it_queues_only_what_is_missing(database: Database) -> None:
    train(database, 0.1, lr=0.02)
    names = queue_missing(database, "e", top=1, folds=2)
    assert queue_missing(database, "e", top=1, folds=2) == names
    end_next(database, 0.11)
    assert end_next(database, None, "FAIL") == names[1]
    control.stop(database, names[2])
    control.remove(database, names[2])
    assert queue_missing(database, "e", top=1, folds=2) == [
        names[0],
        RunName("e-crossval", 3),
        RunName("e-crossval", 4),
    ]
    for value in (0.12, 0.13):
        end_next(database, value)
    better = train(database, 0.05, lr=0.03)
    again = queue_missing(database, "e", top=2, folds=2)
    assert [listing.run(database, name).user_attrs["crossval_of"] for name in again[:3]] == [str(better)] * 3
    assert again[3:] == [names[0], RunName("e-crossval", 3), RunName("e-crossval", 4)]


def test_a_stopped_fold_goes_on_from_its_checkpoint_and_then_counts(database: Database) -> None:
    train(database, 0.1)
    names = queue_missing(database, "e", top=1, folds=2)
    assert end_next(database, 0.5, "PRUNED", was_stopped=True) == names[0]
    write_checkpoint(database, names[0])
    resumed = queue_missing(database, "e", top=1, folds=2)[0]
    assert spec_of(database, resumed) == dataclasses.replace(spec_of(database, names[0]), start_from=str(names[0]))
    assert queue_missing(database, "e", top=1, folds=2)[0] == resumed
    for _ in range(3):
        end_next(database, 0.2)
    assert [run.name for run in summaries(database, "e", top=1, folds=2)[0].runs] == [resumed, *names[1:]]


def test_the_summary_is_of_complete_folds_beside_their_hold_out(database: Database) -> None:
    origin = train(database, 0.1)
    queue_missing(database, "e", top=1, folds=3)
    for value in (0.2, 0.3):
        end_next(database, value)
    (half,) = summaries(database, "e", top=1, folds=3)
    assert half.values == (0.2, 0.3, None)
    assert (half.mean, half.std, half.difference_percent) == (None, None, None)
    for value in (0.7, 0.5):
        end_next(database, value)
    (summary,) = summaries(database, "e", top=1, folds=3)
    assert summary.origin.name == origin
    assert summary.mean == pytest.approx(0.4)
    assert summary.std == pytest.approx(statistics.stdev([0.2, 0.3, 0.7]))
    assert summary.holdout_value == 0.5
    assert summary.difference_percent == pytest.approx(25.0)
    assert summary.as_json()["folds"][2] == {"fold": 2, "run": "e-crossval/2", "value": 0.7}


def test_only_complete_runs_that_are_there_are_picked_and_each_configuration_once(database: Database) -> None:
    deleted, kept = train(database, 0.1, lr=0.02), train(database, 0.2, lr=0.03)
    control.remove(database, deleted)
    train(database, 0.3, lr=0.03)
    jobs.enqueue(database, small_spec(lr=0.04), "e")
    end_next(database, 0.01, "PRUNED")
    third = train(database, 0.4, lr=0.05)
    assert [run.name for run in crossval.best_runs(database, "e", 5)] == [kept, third]


def test_a_fold_never_starts_from_weights_that_have_seen_its_images(database: Database) -> None:
    first = train(database, 0.3)
    write_checkpoint(database, first)
    train(database, 0.1, dataclasses.replace(small_spec(epochs=9), start_from=str(first)))
    (fold, *_) = queue_missing(database, "e", top=1, folds=2)
    assert spec_of(database, fold).start_from is None
    assert spec_of(database, fold).epochs == 9


def test_an_encoder_that_was_taken_over_belongs_to_the_configuration(database: Database) -> None:
    encoder = train(database, 0.3)
    write_checkpoint(database, encoder)
    spec = dataclasses.replace(
        small_spec(), kind="classifier", model=ClassifierSpec(freeze="convolutions"), start_from=str(encoder)
    )
    name = jobs.enqueue(database, spec, "c")
    end_next(database, 0.2)
    write_checkpoint(database, name)
    jobs.enqueue(database, dataclasses.replace(spec, epochs=9, start_from=str(name)), "c")
    end_next(database, 0.1)
    (fold, *_) = queue_missing(database, "c", top=1, folds=2)
    assert spec_of(database, fold).start_from == str(encoder)
    assert spec_of(database, fold).epochs == 9


@pytest.mark.parametrize(("top", "folds"), [(0, 2), (1, 1), (1, 0), (1, 101)])
def test_numbers_out_of_range_are_refused(database: Database, top: int, folds: int) -> None:
    train(database, 0.1)
    with pytest.raises(RequestError, match="out of range"):
        queue_missing(database, "e", top=top, folds=folds)


def test_nothing_is_queued_where_there_is_nothing_to_validate(database: Database) -> None:
    with pytest.raises(RequestError, match="no experiment"):
        queue_missing(database, "e")
    jobs.enqueue(database, small_spec(), "e")
    with pytest.raises(RequestError, match="no complete run"):
        queue_missing(database, "e")
    end_next(database, 0.1)
    queue_missing(database, "e", top=1, folds=2)
    for _ in range(3):
        end_next(database, 0.1)
    with pytest.raises(RequestError, match="no complete run"):
        queue_missing(database, "e-crossval")
    assert [found.experiment for found in listing.experiments(database)] == ["e", "e-crossval"]
