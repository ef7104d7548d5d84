"""What ended while nobody looked, and how the screen tells of what ends now."""

import os
import time

import pytest

from store import control, listing, queue, schema, takeover
from store.database import Database
from store.names import RunName
from store.news import Ended
from store.paths import Root
from store.records import RunState
from store.searches import Search, end_if_over, save
from tests.tui.conftest import Until
from tests.tui.roots import WORKER
from tests.tui.test_screen import current, home, screen, sees, shown
from tui.news import digest
from tui.telling import notification


def ended(state: RunState) -> Ended:
    return Ended(name=RunName("a", 1), state=state, value=0.1, reason=None, at=0.0, is_searched=False)


def test_the_digest_counts_what_happened_and_what_goes_on() -> None:
    found = [ended(RunState.COMPLETE), ended(RunState.COMPLETE), ended(RunState.FAILED), ended(RunState.PRUNED)]
    assert digest(found, 2, 1, 11520) == (
        "While you were away (3h12): 2 finished, 1 failed, 1 pruned, 2 running, 1 waiting."
    )
    assert digest([], 2, 1, 11520) == ""


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"TERM": "xterm-kitty"}, "\x1b]9;done\x07"),
        ({"TERM": "tmux-256color", "TMUX": "/tmp/x,1,0"}, "\x1bPtmux;\x1b\x1b]9;done\x07\x1b\\"),
        ({"TERM": "linux"}, ""),
    ],
)
def test_the_notification_is_wrapped_for_tmux_and_kept_from_the_console(environ: dict[str, str], expected: str) -> None:
    assert notification("done", environ) == expected


async def test_what_happened_while_away_is_told_once(root: Root, runs: dict[str, RunName], until: Until) -> None:
    root.seen.touch()
    long_ago = time.time() - 7200
    os.utime(root.seen, (long_ago, long_ago))
    async with screen(root) as pilot:
        await until(sees(pilot, "While you were away (2h00): 2 finished", "1 failed", "stopped"))
        await pilot.press("a")
        await until(sees(pilot, "news", "✗ failed", "out of luck", "■ stopped"))
        await pilot.press("G", "enter")  # the oldest
        await until(lambda: current(pilot) == runs["complete"])
    assert time.time() - root.seen.stat().st_mtime < 60
    async with screen(root) as pilot:
        await until(lambda: current(pilot) is not None and root.seen.stat().st_mtime > long_ago)
        assert "While you were away" not in shown(pilot)


async def test_a_first_screen_has_no_news(root: Root, runs: dict[str, RunName], until: Until) -> None:
    async with screen(root) as pilot:
        await until(lambda: current(pilot) is not None and root.seen.exists())
        assert "While you were away" not in shown(pilot)
        await pilot.press("a")
        await until(sees(pilot, "Nothing has ended since you looked last."))


async def test_a_run_that_ends_is_told_at_once(
    root: Root, database: Database, runs: dict[str, RunName], until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with screen(root) as pilot:
        rung: list[bool] = []
        monkeypatch.setattr(pilot.app, "bell", lambda: rung.append(True))
        await until(lambda: current(pilot) is not None and root.seen.exists())
        claim = queue.claim(database, WORKER, "cpu")
        assert claim is not None
        queue.finish(database, claim, "FAIL", reason="the loss is not finite")
        await until(sees(pilot, f"{claim.name} has failed: the loss is not finite"))
        assert rung == [True]
        assert [each.name for each in home(pilot)._news] == [claim.name]


async def test_a_lost_worker_and_the_end_of_a_search_are_told(
    root: Root, database: Database, runs: dict[str, RunName], until: Until
) -> None:
    experiment = listing.experiment(database, "vae-b")
    search = Search(spec={"device": "cpu"}, space=[], sampler="tpe", pruner="none", num_trials=1, seed=0)
    save(database, experiment.study_id, search)
    async with screen(root) as pilot:
        await until(lambda: current(pilot) is not None and root.seen.exists())
        assert end_if_over(database, experiment.study_id)
        await until(sees(pilot, "The search of vae-b is over: 1 runs"))
        with database.engine.begin() as connection:
            connection.execute(schema.leases.update().values(heartbeat_at=0.0))
        assert takeover.requeue_dead(database) == [runs["running"]]
        await until(sees(pilot, f"The worker of {runs['running']} died"))


async def test_a_run_that_was_paused_has_lost_nothing(
    root: Root, database: Database, runs: dict[str, RunName], until: Until
) -> None:
    async with screen(root) as pilot:
        await until(lambda: current(pilot) is not None and root.seen.exists())
        control.pause(database, runs["running"])
        await until(sees(pilot, "pausing"))
        with database.engine.begin() as connection:  # as its worker does once it hears of that
            connection.execute(schema.trials.update().where(schema.trials.c.state == "RUNNING").values(state="WAITING"))
            connection.execute(schema.leases.delete())
            connection.execute(schema.changes.update().values(count=schema.changes.c.count + 1))
        await until(sees(pilot, "‖ paused"))
        assert "died" not in shown(pilot)
