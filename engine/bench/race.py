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
        """Upper bound of the turns, for a progress bar."""
        return (self.rounds + 1) * (len(Contender) + 1) + 2 * self.loaded_rounds


def race(plan: Plan, say: Say) -> dict[str, Any]:
    """Run ``plan``; ratios are ours over theirs in images a second, medians over rounds.

    Raises:
        RequestError: a contender failed, or did not do the same work.
    """
    devices = worker_devices(plan.device, None)
    done = 0

    def tell(what: str) -> None:
        nonlocal done
        done += 1
        say(done, plan.num_turns, what)

    with ExitStack() as stack:
        teams, why = _gather(stack, plan, len(devices))
        losses = {}
        for name, team in teams.items():
            tell(f"{name}, first pass")
            losses[name] = team.turn().loss
        _check_work(losses)
        speeds: dict[Contender, list[float]] = {name: [] for name in teams}
        alone: list[float] = []
        for round_ in range(plan.rounds):
            for name in _rotated(list(teams), round_):
                tell(name)
                speeds[name].append(teams[name].turn().images_per_s)
            tell("one worker alone")
            alone.append(teams[Contender.OURS].turn(alone=True).images_per_s)
        loaded: dict[Contender, list[float]] = {name: [] for name in (Contender.OURS, Contender.PLAIN)}
        with _busy():
            for round_ in range(plan.loaded_rounds):
                for name in _rotated(list(loaded), round_):
                    tell(f"{name}, beside a busy process")
                    loaded[name].append(teams[name].turn().images_per_s)
    ours = speeds[Contender.OURS]
    pairs = {
        "ratio_plain_loop": (ours, speeds[Contender.PLAIN]),
        "ratio_plain_loop_no_workers": (ours, speeds[Contender.PLAIN_ALONE]),
        "ratio_pythae": (ours, speeds.get(Contender.PYTHAE, [])),
        "ratio_lightning": (ours, speeds.get(Contender.LIGHTNING, [])),
        "ratio_plain_loop_loaded": (loaded[Contender.OURS], loaded[Contender.PLAIN]),
        "ratio_concurrent": (ours, alone),
    }
    ratios = {key: _ratios(mine, theirs) for key, (mine, theirs) in pairs.items()}
    return {
        **{key: statistics.median(found) if found else None for key, found in ratios.items()},
        "images_per_second": {name: statistics.median(found) for name, found in speeds.items()}
        | {f"{name}_loaded": statistics.median(found) for name, found in loaded.items()},
        "spread": {key: [min(found), max(found)] for key, found in ratios.items() if found},
        "why_null": why,
        "losses": losses,
        "device": plan.device,
        "workers": len(devices),
        "threads": default_threads(),
        "cores": len(os.sched_getaffinity(0)),
        "rounds": plan.rounds,
        "images_a_pass": _spec(plan, 1).train_limit,
        "seed": plan.seed,
        "host": host(),
        "versions": provenance.versions(),
        "git_commit": provenance.git_commit(),
    }


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
        team = _Team(name, _spec(plan, default_threads()), num_workers if is_ours else 1)
        stack.callback(team.close)
        started.append(team)
    for team in started:
        if team.is_there():
            teams[team.name] = team
        else:
            why[f"ratio_{team.name}"] = f"{team.name} is not installed: pip install 'aetui[bench]'"
    return teams, why


def _spec(plan: Plan, threads: int) -> RunSpec:
    return task(plan.num_batches, threads, plan.seed, plan.device)


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


def _ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    return [mine / other for mine, other in zip(ours, theirs, strict=bool(theirs))]
