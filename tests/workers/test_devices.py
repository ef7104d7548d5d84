"""How the cores are shared out."""

import os

import pytest

from engine.devices import MAX_DEFAULT_THREADS, default_threads, worker_devices


@pytest.mark.parametrize("cores", [1, 2, 3, 4, 8, 64])
def test_the_runs_of_all_workers_have_no_more_threads_than_there_are_cores(
    cores: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(cores)))
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    threads, workers = default_threads(), len(worker_devices("cpu", None))
    assert 1 <= threads <= MAX_DEFAULT_THREADS
    assert threads * workers <= cores
