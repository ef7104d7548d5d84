"""The harness itself: it must see what it is there to see."""

from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import update

from engine.supervisor import worker_log
from store import control, queue, schema, workers
from store.database import Database, open_database
from store.listing import runs
from store.names import RunName
from store.records import Claim
from tests import own_kinds
from tests.chaos.checks import check, torn
from tests.chaos.ledger import Ledger
from tests.chaos.place import Place
from tests.queued import add_run


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place.make(tmp_path / "chaos")


@pytest.fixture
def database(place: Place) -> Database:
    opened = open_database(place.root, create=True)
    workers.register(opened, "here@cpu", "cpu", None)
    return opened


def claim(database: Database) -> Claim:
    found = queue.claim(database, "here@cpu", "cpu")
    assert found is not None
    return found


def end(database: Database, held: Claim, value: float) -> None:
    queue.report(database, held, 1, value)
    queue.finish(database, held, "COMPLETE", value=value)


def change(database: Database, name: RunName, table: str, **values: object) -> None:
    """What nobody should ever do."""
    (trial_id,) = [run.trial_id for run in runs(database) if run.name == name]
    target = schema.trials if table == "trials" else schema.trial_values
    with database.write() as connection:
        connection.execute(update(target).where(target.c.trial_id == trial_id).values(**values))


def test_a_run_that_is_begun_again_after_its_end_is_doubled(database: Database) -> None:
    name, ledger = add_run(database), Ledger()
    end(database, claim(database), 0.5)
    ledger.see(runs(database))
    assert ledger.wrong == {}
    change(database, name, "trials", state="WAITING")
    claim(database)
    ledger.see(runs(database))
    assert list(ledger.wrong) == ["doubled"]


def test_another_value_than_the_one_that_was_seen_is_a_lost_one(database: Database) -> None:
    name, ledger = add_run(database), Ledger()
    end(database, claim(database), 0.5)
    ledger.see_told([run.as_json() for run in runs(database)])
    change(database, name, "trial_values", value=0.4)
    ledger.see(runs(database))
    assert list(ledger.wrong) == ["values lost"]


def test_what_a_command_promised_must_be_there_and_over(place: Place, database: Database) -> None:
    ledger = Ledger()
    removed, waits, held = add_run(database), add_run(database), add_run(database)
    for name in (removed, waits, held, RunName("cae-digits", 9)):
        ledger.acknowledge(str(name), ("run",))
    control.remove(database, removed)
    control.pause(database, held)
    check(place, ledger)
    told = "\n".join(ledger.wrong["lost"])
    assert "cae-digits/9 is not there" in told
    assert f"{removed} is deleted" in told
    assert f"{waits} is waiting" in told
    assert f"{held} is held" in told
    ledger.wrong.clear()
    ledger.may_be_held.add(str(held))
    ledger.may_be_removed.add(str(removed))
    check(place, ledger)
    told = "\n".join(ledger.wrong["lost"])
    assert f"{held} is" not in told
    assert f"{removed} is" not in told


def test_a_run_without_its_files_is_lost(place: Place, database: Database) -> None:
    name, ledger = add_run(database), Ledger()
    end(database, claim(database), 0.5)
    check(place, ledger)
    assert any(f"{name} reached epoch 1, and its files are not" in told for told in ledger.wrong["lost"])


def test_torn_files_are_found(tmp_path: Path) -> None:
    np.savez(tmp_path / "whole.npz", codes=np.zeros(1000))
    (tmp_path / "results.json").write_text('{"value": 1}')
    assert list(torn(tmp_path)) == []
    whole = (tmp_path / "whole.npz").read_bytes()
    (tmp_path / "half.npz").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "half.json").write_text('{"value": ')
    (tmp_path / "half.safetensors").write_bytes(b"\x10\x00")
    assert [file.name for file, _ in torn(tmp_path)] == ["half.json", "half.npz", "half.safetensors"]


_FRAMES = '  File "fit.py", line 1, in train\n    step()\n\n' * 100


@pytest.mark.parametrize(
    ("error", "is_starved", "is_told"),
    [
        ("RuntimeError: could not create a primitive", True, False),
        ("RuntimeError: could not create a primitive", False, True),
        ("KeyError: 'epoch'", True, True),
        ("KeyError: 'epoch'", False, True),
        (own_kinds.NO_MEMORY, False, False),
        ("", False, True),  # killed while it wrote
    ],
)
def test_what_a_worker_says_of_its_death(
    error: str, is_starved: bool, is_told: bool, place: Place, database: Database
) -> None:
    log, ledger = worker_log(place.root, "here@cpu"), Ledger()
    log.parent.mkdir(parents=True, exist_ok=True)
    behind = f"{error}\nand goes on\n" if error else ""
    log.write_text(f"it begins\nTraceback (most recent call last):\n{_FRAMES}{behind}")
    if is_starved:
        ledger.starved.add("here@cpu")
    check(place, ledger)
    told = ledger.wrong.get("workers broken", [])
    assert len(told) == is_told
    assert all(each.endswith(error) and len(each) < 3100 for each in told), told
