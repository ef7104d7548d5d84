"""Two users at once on every backend, each with connections of their own."""

import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from store.database import Database, open_database
from store.names import RunName
from tests.at_once import Together, ask, disagreements


@pytest.fixture
def together(database: Database) -> Iterator[Together]:
    users = [open_database(database.root, database.storage) for _ in range(2)]
    barrier = threading.Barrier(2)
    pool = ThreadPoolExecutor(2)

    def wait_and_ask(user: Database, what: str, name: RunName) -> bool:
        barrier.wait(30)
        return ask(user, what, name)

    def ask_both(one: str, other: str, name: RunName) -> tuple[bool, bool]:
        first, second = pool.map(wait_and_ask, users, (one, other), (name, name))
        return first, second

    yield ask_both
    pool.shutdown()
    for user in users:
        user.close()


@pytest.mark.parametrize(("num_cases", "num_times"), [(10, 2), pytest.param(126, 10, marks=pytest.mark.slow)])
@pytest.mark.timeout(1800)
def test_two_asks_at_once_end_as_one_after_the_other(
    database: Database, worker_id: str, together: Together, num_cases: int, num_times: int
) -> None:
    seed = random.SystemRandom().randrange(10_000)
    print(f"seed {seed}")
    wrong = disagreements(database, worker_id, together, random.Random(seed), num_cases=num_cases, num_times=num_times)
    assert wrong == []
