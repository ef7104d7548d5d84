"""Workers as Slurm jobs, one a slot, through submitit; its local executor runs them here, to try it.

The only module that imports submitit, and imported by who asks for it.
"""

import logging
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import submitit

from engine.placing.order import Order, new_slot_name
from engine.placing.placement import Placed
from engine.placing.slurm_job import SlotJob, read_standing
from store.errors import RequestError
from store.paths import Root
from store.printable import one_line

_LOOK_S, _ASK_S = 0.5, 5.0
_LONGEST = 300
_LOCAL_MINUTES = 60 * 24 * 365
_SAFE = {"PYTHONSAFEPATH": "1"}
"""A file `engine.py` in the user's folder must not shadow ours."""


class SlurmPlacement:
    """Jobs that were submitted together; they stay when nobody looks at them any more."""

    def __init__(self, folder: Path, jobs: Mapping[str, Any], *, is_local: bool) -> None:
        self._folder, self._jobs, self._is_local = folder, dict(jobs), is_local
        self._placed = {name: Placed(id=str(job.job_id), name=name) for name, job in jobs.items()}
        self._is_leaving = False
        self._queued: set[str] | None = None
        self._asked = 0.0

    def look(self) -> list[Placed]:
        time.sleep(_LOOK_S)
        for name in self._left():
            placed, job = self._placed[name], self._jobs[name]
            has_ended = self._has_ended(job)
            standing = read_standing(self._folder, name)  # after that: its last word comes before the end
            if not has_ended:
                self._placed[name] = replace(placed, standing=standing)
                continue
            has_left = standing is not None and standing.exit_status is not None
            says = None if has_left or self._is_leaving else _last_words(job)
            self._placed[name] = replace(placed, is_over=True, standing=standing if has_left else None, says=says)
        if self._is_leaving and self._is_local:  # the first may have come before anybody listened
            self._signal_here(signal.SIGTERM)
        return list(self._placed.values())

    def settle(self) -> list[Placed]:
        return list(self._placed.values())

    def leave(self) -> None:
        self._is_leaving = True
        if self._is_local:
            self._signal_here(signal.SIGTERM)
        else:
            self._cancel()

    def kill(self) -> None:
        if self._is_local:
            for name in self._left():
                _kill_all(self._jobs[name])
        else:
            self._cancel("--signal=KILL", "--full")
            self._cancel()

    def close(self) -> None:
        """Nothing is held."""

    def _left(self) -> list[str]:
        return [name for name, placed in self._placed.items() if not placed.is_over]

    def _has_ended(self, job: Any) -> bool:
        if job.paths.result_pickle.exists():
            return True
        if self._is_local:
            return bool(job.done())
        if time.monotonic() - self._asked > _ASK_S:
            self._asked, self._queued = time.monotonic(), _queued([self._jobs[name].job_id for name in self._left()])
        return self._queued is not None and str(job.job_id) not in self._queued

    def _signal_here(self, number: int) -> None:
        for name in self._left():
            self._jobs[name]._process.send_signal(number)  # cancel() would leave a second to end in

    def _cancel(self, *options: str) -> None:
        if left := [self._placed[name].id for name in self._left()]:
            subprocess.run(["scancel", "--quiet", *options, *left], check=False, capture_output=True)


def place(order: Order, slots: int, *, parameters: Mapping[str, str | bool], is_local: bool) -> SlurmPlacement:
    """Submit a job a slot; ``parameters`` are further options of sbatch, as `read_parameter` reads them.

    Raises:
        RequestError: Slurm is not here, or refuses them; nothing is submitted then.
    """
    logging.getLogger("submitit").setLevel(logging.ERROR)
    folder = Root(order.root).worker_logs / "slurm"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    executor = _local(folder, order) if is_local else _slurm(folder, order, parameters)
    # What is pickled lies in that folder; the addresses travel with the environment instead.
    bare = replace(order, environment={})
    submitted = [SlotJob(name=new_slot_name(), order=bare, folder=folder) for _ in range(slots)]
    try:
        with _environment({**order.environment, **_SAFE}), _deaf_children(), executor.batch():
            jobs = [executor.submit(job) for job in submitted]
        placed = {job.name: each for job, each in zip(submitted, jobs, strict=True)}
        return SlurmPlacement(folder, placed, is_local=is_local)
    except (OSError, subprocess.SubprocessError, submitit.core.utils.FailedJobError) as error:
        raise RequestError(f"Slurm takes no such jobs: {_last_line(str(error))}") from None


def check(gpus: float, *, is_local: bool) -> None:
    """Raises RequestError: there is no Slurm here, or it gives no such share of a GPU."""
    if gpus != int(gpus):
        raise RequestError(f"--gpus {gpus:g}: Slurm gives whole GPUs to a job; several workers share one with Ray.")
    if not is_local and not (shutil.which("sbatch") and shutil.which("srun")):
        raise RequestError(
            "There is no Slurm on this machine (no sbatch on the PATH): call it on a login node, "
            "or with --address local to try it here."
        )


def read_parameter(text: str) -> tuple[str, str | bool]:
    """``partition=gpu`` or ``exclusive`` as sbatch's option and its value.

    Raises:
        RequestError: it is neither.
    """
    key, has_value, value = text.partition("=")
    if re.fullmatch(r"[a-z][a-z0-9_-]+", key) is None or not value.isprintable() or (has_value and not value):
        raise RequestError(
            f"--slurm {one_line(text, _LONGEST)!a} is no option of sbatch: write it like partition=gpu or exclusive."
        )
    return key.replace("-", "_"), value if has_value else True


def _slurm(folder: Path, order: Order, parameters: Mapping[str, str | bool]) -> Any:
    executor = submitit.SlurmExecutor(folder)
    executor.update_parameters(
        job_name="aetui",
        nodes=1,
        ntasks_per_node=1,
        cpus_per_task=order.cpus,
        gpus_per_node=int(order.gpus) or None,
        time=None,  # AutoExecutor would say 5 minutes; the partition knows better
        wckey=None,
        additional_parameters=dict(parameters),
    )
    return executor


def _local(folder: Path, order: Order) -> Any:
    executor = submitit.LocalExecutor(folder)
    executor.update_parameters(gpus_per_node=int(order.gpus), timeout_min=_LOCAL_MINUTES)
    return executor


def _last_words(job: Any) -> str:
    """Of a job that ended without a word of its slot: what it, or Slurm, wrote last."""
    try:
        return _last_line(job.paths.stderr.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return _last_line("")


def _queued(ids: Sequence[str]) -> set[str] | None:
    """Which of the jobs Slurm still has; None where it does not say.

    By squeue: sacct, which submitit asks, is not on every cluster.
    """
    first = {id.partition("_")[0] for id in ids}
    command = ["squeue", "--noheader", "--array", "--format=%i %F_%K", f"--jobs={','.join(sorted(first))}"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode == 0 or "Invalid job id" in done.stderr:
        return {word for line in done.stdout.splitlines() for word in line.split()}
    return None


def _kill_all(job: Any) -> None:
    try:
        controller = psutil.Process(job._process.pid)
        processes = [controller, *controller.children(recursive=True)]
    except psutil.NoSuchProcess:
        return
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()


@contextmanager
def _environment(added: Mapping[str, str]) -> Iterator[None]:
    before = {key: os.environ.get(key) for key in added}
    os.environ.update(added)
    try:
        yield
    finally:
        for key, value in before.items():
            if value is None:
                os.environ.pop(key, None)
            else:
                os.environ[key] = value


@contextmanager
def _deaf_children() -> Iterator[None]:
    """Processes begun meanwhile hear neither the terminal's Ctrl-C nor its end: we pass on what is meant for them."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return one_line(lines[-1], _LONGEST) if lines else "no reason was given"
