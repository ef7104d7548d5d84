"""The race: all contenders are built first, then each trains a pass in its turn, round by round.

What is compared lies within a minute: a machine that slows down slows all of them.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Self

from engine import provenance
from engine.bench.contender import NOT_INSTALLED, Contender
from engine.bench.task import MAX_BATCHES, task
from engine.devices import default_threads, worker_devices
from engine.kernels.compiler import kernels
from engine.spec import RunSpec
from store.clock import host
from store.errors import RequestError

_SAME_LOSS = 2e-3
"""Relative: the first pass of all peers must end at our loss, else they did other work."""

Say = Callable[[int, int, str], None]
"""``(done, total, says)``: how far the race is."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """``rounds`` for all, and ``loaded_rounds`` of the plain loop and ours beside a busy process."""

    rounds: int = 7
    loaded_rounds: int = 5
    num_batches: int = MAX_BATCHES
    device: str = "cpu"
    seed: int = 0

    @classmethod
    def quick(cls, device: str, seed: int) -> Self:
        return cls(rounds=3, loaded_rounds=2, num_batches=5, device=device, seed=seed)

    @property
    def num_turns(self) -> int:
        """All turns where every contender is there, for a progress bar."""
        return len(Contender) * (self.rounds + 1) + self.rounds + 2 * self.loaded_rounds


def race(plan: Plan, say: Say) -> dict[str, Any]:
    """Run ``plan``; ratios are ours over theirs in images a second, medians over rounds.

    Raises:
        RequestError: a contender failed, or did not do the same work.
    """
    num_workers = len(worker_devices(plan.device, None))
    with ExitStack() as stack:
        teams, why = _gather(stack, plan, num_workers)
        seen = _Speeds(plan, say)
        losses = {name: seen.first_pass(team) for name, team in teams.items()}
        _check_work(losses)
        for round_ in range(plan.rounds):
            for name in _rotated(list(teams), round_):
                seen.turn(teams[name])
            seen.turn(teams[Contender.OURS], alone=True)
        with _busy():
            for round_ in range(plan.loaded_rounds):
                for name in _rotated([Contender.OURS, Contender.PLAIN], round_):
                    seen.turn(teams[name], loaded=True)
    return {
        **seen.ratios(),
        "why_null": why,
        "losses": losses,
        "device": plan.device,
        "workers": num_workers,
        "threads": default_threads(),
        "kernels": kernels(plan.device),
        "cores": len(os.sched_getaffinity(0)),
        "rounds": plan.rounds,
        "images_a_pass": _spec(plan).train_limit,
        "seed": plan.seed,
        "host": host(),
        "versions": provenance.versions(),
        "git_commit": provenance.git_commit(),
    }


class _Speeds:
    """What was seen, in images a second by contender (``NAME_loaded``, ``ours_alone``), and how far it all is."""

    def __init__(self, plan: Plan, say: Say) -> None:
        self._plan, self._say = plan, say
        self._done = 0
        self._seen: dict[str, list[float]] = {}

    def first_pass(self, team: "_Team") -> float:
        """Its loss; the time of a first pass says nothing."""
        self._tell(f"{team.name}, first pass")
        return team.turn().loss

    def turn(self, team: "_Team", *, alone: bool = False, loaded: bool = False) -> None:
        key = f"{team.name}{'_alone' * alone}{'_loaded' * loaded}"
        self._tell(key.replace("_", " "))
        self._seen.setdefault(key, []).append(team.turn(alone=alone).images_per_s)

    def ratios(self) -> dict[str, Any]:
        """Of each round's two, so that what slows the machine down for a while slows both."""
        pairs = {
            "ratio_plain_loop": ("ours", "plain"),
            "ratio_plain_loop_no_workers": ("ours", "plain_no_workers"),
            "ratio_pythae": ("ours", "pythae"),
            "ratio_lightning": ("ours", "lightning"),
            "ratio_plain_loop_loaded": ("ours_loaded", "plain_loaded"),
            "ratio_concurrent": ("ours", "ours_alone"),
        }
        found = {
            key: [mine / theirs for mine, theirs in zip(self._seen[ours], self._seen.get(peer, ()), strict=False)]
            for key, (ours, peer) in pairs.items()
        }
        return {
            **{key: statistics.median(ratios) if ratios else None for key, ratios in found.items()},
            "images_per_second": {name: statistics.median(speeds) for name, speeds in self._seen.items()},
            "spread": {key: [min(ratios), max(ratios)] for key, ratios in found.items() if ratios},
        }

    def _tell(self, says: str) -> None:
        self._done += 1
        self._say(self._done, self._plan.num_turns, says)


@dataclass(frozen=True, kw_only=True)
class _Pass:
    images_per_s: float
    loss: float


class _Team:
    """The processes of a contender: one, or as many as this machine has workers."""

    def __init__(self, name: Contender, spec: RunSpec, size: int) -> None:
        self.name = name
        self._num_images = spec.train_limit
        self._complaints = tempfile.TemporaryFile("w+")  # noqa: SIM115  # closed with the team
        command = [sys.executable, "-P", "-m", "engine.bench.contender", name, json.dumps(spec.as_json())]
        self._processes = [
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._complaints, text=True)
            for _ in range(size)
        ]

    def is_there(self) -> bool:
        """Waits until it is built; False: its package is not installed.

        Raises:
            RequestError: it failed.
        """
        for process in self._processes:
            if not self._line(process) and process.wait() == NOT_INSTALLED:
                return False
        self._require(all(process.poll() is None for process in self._processes))
        return True

    def turn(self, *, alone: bool = False) -> _Pass:
        """A pass of all its processes at once, or of one ``alone``."""
        processes = self._processes[:1] if alone else self._processes
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        answers = [json.loads(self._line(process) or "{}") for process in processes]
        self._require(all("seconds" in answer for answer in answers))
        slowest = max(answer["seconds"] for answer in answers)
        return _Pass(images_per_s=len(answers) * self._num_images / slowest, loss=answers[0]["loss"])

    def close(self) -> None:
        for process in self._processes:
            process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    stream.close()
        self._complaints.close()

    def _line(self, process: subprocess.Popen[str]) -> str:
        assert process.stdout is not None
        return process.stdout.readline()

    def _require(self, is_well: bool) -> None:
        if not is_well:
            self._complaints.seek(0)
            last = (self._complaints.read().strip().splitlines() or ["it said nothing"])[-1]
            raise RequestError(f"The contender {self.name} failed: {last}")


def _gather(stack: ExitStack, plan: Plan, num_workers: int) -> tuple[dict[Contender, _Team], dict[str, str]]:
    """Those that are there, and by figure why it has none."""
    teams, why = {}, {}
    started = []
    for name in Contender:
        is_ours = name is Contender.OURS
        team = _Team(name, _spec(plan), num_workers if is_ours else 1)
        stack.callback(team.close)
        started.append(team)
    for team in started:
        if team.is_there():
            teams[team.name] = team
        else:
            why[f"ratio_{team.name}"] = f"{team.name} is not installed: pip install 'aetui[bench]'"
    return teams, why


def _spec(plan: Plan) -> RunSpec:
    return task(plan.num_batches, default_threads(), plan.seed, plan.device)


def _check_work(losses: Mapping[Contender, float]) -> None:
    ours = losses[Contender.OURS]
    for name, loss in losses.items():
        if not abs(loss - ours) <= _SAME_LOSS * ours:
            raise RequestError(
                f"The first pass of {name} ended at a loss of {loss:.6f}, ours at {ours:.6f}: that is not the same "
                "work, and its time says nothing. Please report it."
            )


_BUSY = "import os\nparent = os.getppid()\nwhile os.getppid() == parent: sum(range(100_000))"
"""Ends with its parent, however that ends."""


@contextmanager
def _busy() -> Iterator[None]:
    """A process that has a core to itself, as far as the others let it."""
    process = subprocess.Popen([sys.executable, "-c", _BUSY], stdin=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def _rotated(names: Sequence[Contender], by: int) -> list[Contender]:
    """Nobody is always the first, or always behind the same one."""
    by %= len(names)
    return [*names[by:], *names[:by]]
