import pytest
from sqlalchemy import update

from store import control, queue, schema
from store.database import Database
from store.errors import RequestError
from store.names import RunName
from store.records import Request
from store.waiting import move, waiting
from tests.queued import add_run


def order(database: Database) -> list[int]:
    return [each.name.number for each in waiting(database)]


@pytest.fixture
def names(database: Database) -> list[RunName]:
    return [add_run(database) for _ in range(5)]


@pytest.mark.parametrize(
    ("moved", "place", "expected"),
    [
        ((3,), "first", [3, 0, 1, 2, 4]),
        ((3, 1), "first", [1, 3, 0, 2, 4]),
        ((0,), "last", [1, 2, 3, 4, 0]),
        ((2,), "up", [0, 2, 1, 3, 4]),
        ((2,), "down", [0, 1, 3, 2, 4]),
        ((2, 3), "down", [0, 1, 4, 2, 3]),
        ((0,), "up", [0, 1, 2, 3, 4]),
        ((4,), "down", [0, 1, 2, 3, 4]),
    ],
)
def test_runs_are_moved_and_begun_in_the_new_order(
    database: Database, names: list[RunName], worker_id: str, moved: tuple[int, ...], place: str, expected: list[int]
) -> None:
    move(database, [names[number] for number in moved], place)  # type: ignore[arg-type]
    assert order(database) == expected
    claims = [queue.claim(database, worker_id, "cpu") for _ in names]
    assert [claim.name.number for claim in claims if claim] == expected


def test_places_do_not_run_out(database: Database, names: list[RunName]) -> None:
    expected = [0, 1, 2, 3, 4]
    for _ in range(120):  # halving the gap each time, a double would be used up after 50
        move(database, [names[expected[-1]]], "up")
        expected[-2:] = expected[:-3:-1]
        assert order(database) == expected
        move(database, [names[expected[1]]], "down")
        expected[1], expected[2] = expected[2], expected[1]
        assert order(database) == expected


def test_a_run_put_back_keeps_its_place_among_those_that_were_moved(
    database: Database, names: list[RunName], worker_id: str
) -> None:
    first = queue.claim(database, worker_id, "cpu")
    assert first is not None
    move(database, [names[4]], "first")
    queue.give_back(database, first)
    assert order(database) in ([0, 4, 1, 2, 3], [4, 0, 1, 2, 3])


def test_held_runs_keep_their_place_and_say_so(database: Database, names: list[RunName]) -> None:
    control.pause(database, names[1])
    found = waiting(database)
    assert [each.request for each in found] == [None, Request.HOLD, None, None, None]
    assert found[1].as_json()["request"] == "hold"


def test_only_what_waits_is_moved_and_then_nothing_is(database: Database, names: list[RunName], worker_id: str) -> None:
    assert queue.claim(database, worker_id, "cpu")
    control.remove(database, names[1])
    for gone in (names[0], names[1], RunName("nobody", 0)):
        with pytest.raises(RequestError, match=f"{gone} does not wait"):
            move(database, [names[3], gone], "first")
    assert order(database) == [2, 3, 4]


def test_runs_that_were_given_one_place_are_told_apart(database: Database, names: list[RunName]) -> None:
    with database.engine.begin() as connection:
        connection.execute(update(schema.runs).values(position=1.0))
    move(database, [names[2]], "up")
    assert order(database) == [0, 2, 1, 3, 4]
