"""The race: everyone does the same work, and what is told is what was raced."""

import importlib.util

import pytest

from engine.bench import race as racing
from engine.bench.race import Plan, race
from engine.kernels.compiler import kernels
from store.errors import RequestError

SHORT = Plan(rounds=2, loaded_rounds=1, num_batches=2)
RATIOS = ("ratio_plain_loop", "ratio_plain_loop_no_workers", "ratio_plain_loop_loaded", "ratio_concurrent")


@pytest.mark.timeout(300)
def test_a_race_compares_equal_work() -> None:
    told: list[tuple[int, int, str]] = []
    found = race(SHORT, lambda done, total, says: told.append((done, total, says)))
    assert all(found[key] > 0 for key in RATIOS)
    for peer in ("pythae", "lightning"):
        is_there = importlib.util.find_spec(peer) is not None
        assert (found[f"ratio_{peer}"] is not None) == is_there
        assert (f"ratio_{peer}" in found["why_null"]) != is_there
    for key, (low, high) in found["spread"].items():
        assert low <= found[key] <= high
    losses = found["losses"]
    assert losses["plain"] == pytest.approx(losses["ours"], rel=1e-3)
    assert 0 < losses["ours"] < 1
    speeds = found["images_per_second"]
    low, high = found["spread"]["ratio_plain_loop"]
    assert low * 0.5 < speeds["ours"] / speeds["plain"] < high * 2
    assert found["images_a_pass"] == 512
    assert found["device"] == "cpu"
    assert found["kernels"] == kernels("cpu")
    assert [done for done, _, _ in told] == list(range(1, len(told) + 1))
    assert len(told) <= told[0][1]


@pytest.mark.slow
def test_other_work_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    real = racing.task
    seeds = iter(range(100))
    monkeypatch.setattr(racing, "task", lambda number, threads, _, device: real(number, threads, next(seeds), device))
    with pytest.raises(RequestError, match="that is not the same work"):
        race(SHORT, lambda *_: None)


@pytest.mark.slow
def test_a_contender_that_fails_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    real = racing.task
    monkeypatch.setattr(racing, "task", lambda number, threads, seed, _: real(number, threads, seed, "cuda:7"))
    with pytest.raises(RequestError, match=r"The contender .* failed: .*cuda:7"):
        race(SHORT, lambda *_: None)
