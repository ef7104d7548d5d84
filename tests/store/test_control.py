import re
import threading
from pathlib import Path
from typing import Any

import optuna
import pytest

from store import control, listing, queue
from store.database import Database
from store.errors import LeaseLost, RequestError
from store.names import RunName
from store.records import RunState
from tests.queued import add_run


def state(database: Database, name: RunName) -> RunState:
    return listing.run(database, name).state


def test_stopping_a_waiting_run_ends_it_and_a_live_one_is_asked(database: Database, worker_id: str) -> None:
    live, waiting = add_run(database), add_run(database)
    claim = queue.claim(database, worker_id, "cpu")
    assert claim is not None
    control.stop(database, waiting)
    control.stop(database, live)
    assert state(database, waiting) is RunState.STOPPED
    assert state(database, live) is RunState.RUNNING
    assert queue.heartbeat(database, claim) == "stop"
    queue.finish(database, claim, "PRUNED", value=0.3, was_stopped=True)
    assert state(database, live) is RunState.STOPPED
    assert listing.run(database, live).value == 0.3
    with pytest.raises(RequestError, match="ended already"):
        control.stop(database, live)


def test_a_paused_run_that_is_stopped_has_the_value_of_its_best_epoch(database: Database, worker_id: str) -> None:
    name = add_run(database)
    claim = queue.claim(database, worker_id, "cpu")
    assert claim is not None
    for epoch, value in enumerate((0.5, 0.2, 0.3), 1):
        queue.report(database, claim, epoch, value)
    queue.give_back(database, claim)
    control.stop(database, name)
    assert listing.run(database, name).value == 0.2


def test_pruned_is_not_stopped(database: Database, worker_id: str) -> None:
    name = add_run(database)
    claim = queue.claim(database, worker_id, "cpu")
    assert claim is not None
    queue.finish(database, claim, "PRUNED", value=0.3)
    assert state(database, name) is RunState.PRUNED


def test_pausing_a_run_that_never_began_holds_it(database: Database) -> None:
    name = add_run(database)
    control.pause(database, name)
    assert state(database, name) is RunState.HELD
    with pytest.raises(RequestError):
        control.pause(database, name)
    control.resume(database, name)
    assert state(database, name) is RunState.WAITING
    with pytest.raises(RequestError, match="only a paused or held"):
        control.resume(database, name)


def test_a_killed_run_has_failed_and_its_worker_is_shut_out(database: Database, worker_id: str) -> None:
    name = add_run(database)
    claim = queue.claim(database, worker_id, "cpu")
    assert claim is not None
    control.fail_live(database, name, "killed by the user")
    found = listing.run(database, name)
    assert (found.state, found.reason) == (RunState.FAILED, "killed by the user")
    with pytest.raises(LeaseLost):
        queue.report(database, claim, 1, 0.5)
    with pytest.raises(RequestError, match="only a running run"):
        control.fail_live(database, name, "again")


def test_removed_runs_are_hidden_moved_and_come_back_and_numbers_are_not_used_twice(database: Database) -> None:
    first, second = add_run(database), add_run(database)
    folder = database.root.run(second).folder
    folder.mkdir(parents=True)
    (folder / "metrics.jsonl").write_text("{}\n")
    control.remove(database, second)
    assert [found.name for found in listing.runs(database)] == [first]
    assert not folder.exists()
    assert (database.root.trashed(second) / "metrics.jsonl").exists()
    with pytest.raises(RequestError, match="aetui restore"):
        control.stop(database, second)
    assert add_run(database).number == 2
    control.restore(database, second)
    assert (folder / "metrics.jsonl").exists()
    assert [found.name.number for found in listing.runs(database)] == [0, 1, 2]


def test_a_deleted_waiting_run_is_never_claimed(database: Database, worker_id: str) -> None:
    control.remove(database, add_run(database))
    assert queue.claim(database, worker_id, "cpu") is None
    assert listing.queue_length(database) == 0


def test_removed_and_restored_at_once_a_run_is_not_parted_from_its_files(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = add_run(database)
    folder = database.root.run(name).folder
    folder.mkdir(parents=True)
    restoring, move = threading.Thread(target=control.restore, args=(database, name)), control._move

    def move_late(source: Path, target: Path) -> None:
        if restoring.ident is None:  # between what the removal writes and what it moves
            restoring.start()
            restoring.join(0.5)
        move(source, target)

    monkeypatch.setattr(control, "_move", move_late)
    control.remove(database, name)
    restoring.join()
    assert not listing.run(database, name).deleted
    assert folder.is_dir()


def test_live_and_locked_runs_cannot_be_removed(database: Database, worker_id: str) -> None:
    live = add_run(database)
    queue.claim(database, worker_id, "cpu")
    with pytest.raises(RequestError, match="stop it first"):
        control.remove(database, live)
    locked = add_run(database)
    control.set_lock(database, locked, True)
    with pytest.raises(RequestError, match="locked"):
        control.remove(database, locked)
    control.set_lock(database, locked, False)
    control.remove(database, locked)


def test_an_absent_run_is_one_sentence(database: Database) -> None:
    for ask in (control.stop, control.pause, control.resume, control.remove, control.restore):
        with pytest.raises(RequestError, match="There is no run none/7"):
            ask(database, RunName("none", 7))


def test_tags_and_notes_are_user_attributes_of_the_trial(database: Database) -> None:
    first, second = add_run(database), add_run(database)
    before = listing.change_token(database)
    control.annotate(database, [first, second], add=["gut", "baseline"], note="with more blur, für später")
    assert listing.change_token(database) != before
    control.annotate(database, [second], add=["new", "gut"], remove=["baseline", "absent"], note="")
    assert (listing.run(database, first).tags, listing.run(database, first).note) == (
        ("gut", "baseline"),
        "with more blur, für später",
    )
    assert (listing.run(database, second).tags, listing.run(database, second).note) == (("gut", "new"), "")
    url = database.url.render_as_string(hide_password=False)
    trials = optuna.load_study(study_name="cae-digits", storage=url).trials
    assert trials[0].user_attrs == {
        "latent_dim": 6,
        "tags": ["gut", "baseline"],
        "note": "with more blur, für später",
    }
    assert trials[1].user_attrs == {"latent_dim": 6, "tags": ["gut", "new"]}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"add": ["a b"]}, "The tag 'a b' cannot be used"),
        ({"add": ["-a"]}, "cannot be used"),
        ({"add": [""]}, "cannot be used"),
        ({"add": ["x" * 41]}, "cannot be used"),
        ({"add": ["\x1b[31m"]}, "cannot be used"),
        ({"add": [f"t{number}" for number in range(51)]}, "would have 51 tags"),
        ({"note": "x" * 501}, "The note 'xxx"),
        ({"note": "two\nlines"}, "cannot be used"),
    ],
)
def test_what_cannot_be_shown_is_no_tag_and_no_note(database: Database, change: dict[str, Any], sentence: str) -> None:
    name = add_run(database)
    with pytest.raises(RequestError, match=re.escape(sentence)):
        control.annotate(database, [name], **{"add": ["fine"], **change})
    assert listing.run(database, name).user_attrs == {"latent_dim": 6}


def test_all_runs_are_tagged_or_none(database: Database) -> None:
    names = [add_run(database) for _ in range(3)]
    control.remove(database, names[2])
    for absent, sentence in ((names[2], "is deleted"), (RunName("cae-digits", 7), "There is no run cae-digits/7")):
        with pytest.raises(RequestError, match=sentence):
            control.annotate(database, [*names[:2], absent], add=["x"])
    assert all(not run.tags for run in listing.runs(database))
