"""What happened while nobody looked: since the last screen of this root was left, and since this one was opened."""

import contextlib
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from store.names import RunName
from store.paths import Root
from store.records import Experiment, RunState
from tui.look import duration_text

if TYPE_CHECKING:
    from engine.notices import Notice
    from store.database import Database
    from store.news import Ended, Standing

SEEN_EVERY_S = 30.0
_OVERLAP_S = 5.0
"""Hosts' clocks differ, and a run ends a moment before its end is written: what was told is told once all the same."""


class News:
    """The ended runs that were not told of yet; notes on disk that a screen is open."""

    def __init__(self, root: Root) -> None:
        self._seen = root.seen
        self._noted_at = 0.0
        self._since = time.time()
        self._told: set[tuple[object, float]] = set()
        self._standings: Mapping[RunName, Standing] = {}
        self._searched: set[str] = set()

    def away(self) -> float | None:
        """When a screen of this root was open last, in seconds since 1970; None where none ever was."""
        try:
            return self._seen.stat().st_mtime
        except OSError:
            return None

    def note_presence(self) -> None:
        """Called often; writes seldom."""
        if time.time() - self._noted_at < SEEN_EVERY_S:
            return
        self._noted_at = time.time()
        with contextlib.suppress(OSError):  # a root that cannot be written is looked at all the same
            self._seen.touch(mode=0o600)

    def note_leaving(self) -> None:
        self._noted_at = 0.0
        self.note_presence()

    def read(self, database: "Database", since: float | None = None) -> "list[Ended]":
        """What ended since ``since``, or since the last look, and was not told of yet."""
        from store.news import ended_since

        start = self._since if since is None else since
        self._since = time.time()
        found = ended_since(database, start - _OVERLAP_S)
        new = [ended for ended in found if (ended.name, ended.at) not in self._told]
        self._told |= {(ended.name, ended.at) for ended in new}
        return new if since is None else [ended for ended in new if ended.at >= since]

    def more(self, database: "Database", experiments: "Sequence[Experiment]") -> "list[Notice]":
        """Since the last look: the runs that lost their workers, and the searches that are over."""
        from engine.notices import of_death, of_search
        from store.news import standings
        from store.searches import is_over, names_on

        now, on = standings(database), names_on(database)
        before, was_on = self._standings, self._searched
        self._standings, self._searched = now, on
        notices = [
            of_death(name)
            for name, standing in now.items()
            if (earlier := before.get(name)) and standing.lost_its_worker(earlier)
        ]
        for experiment in experiments:
            name = experiment.experiment
            if name in was_on - on and is_over(database, experiment.study_id):
                notices.append(of_search(name, experiment.states.get(RunState.COMPLETE, 0), experiment.best))
        return notices


def digest(ended: "Sequence[Ended]", num_running: int, num_waiting: int, away_s: float) -> str:
    """One sentence; "" where nothing happened."""
    if not ended:
        return ""
    counts = Counter(each.state for each in ended)
    words = {
        RunState.COMPLETE: "finished",
        RunState.FAILED: "failed",
        RunState.PRUNED: "pruned",
        RunState.STOPPED: "stopped",
    }
    told = [f"{counts[state]} {word}" for state, word in words.items() if counts[state]]
    going = [f"{num} {word}" for num, word in ((num_running, "running"), (num_waiting, "waiting")) if num]
    return f"While you were away ({duration_text(away_s)}): {', '.join([*told, *going])}."
