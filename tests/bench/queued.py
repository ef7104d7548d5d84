"""Training all that is queued under a root, so many runs at once."""

import time

from engine import jobs
from engine.slots import choose_slots
from store.database import open_database
from store.listing import num_running, queue_length
from store.paths import Root

_POLL_S = 0.1


def train_queued(root: Root, slots: int) -> float:
    """Let ``slots`` workers of the CPU train what waits; returns the seconds until nothing waits or runs any more."""
    choose_slots(root, "cpu", slots)
    database = open_database(root)
    began = time.perf_counter()
    jobs.ensure_workers(database, slots, device="cpu")
    while queue_length(database) or num_running(database):
        time.sleep(_POLL_S)
    took = time.perf_counter() - began
    database.close()
    return took
