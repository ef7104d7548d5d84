"""Starting, stopping and following runs: what the screen and the command line call."""

import contextlib
import dataclasses
import errno
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine import catalog, drawing
from engine.attempt import Heart
from engine.devices import check_device
from engine.spec import RunSpec
from engine.supervisor import new_worker_id, start_supervisor
from engine.worker import prepare_environment, run_claim
from store import clock, control, listing, queue, room, workers
from store.database import Database
from store.errors import RequestError, StorageTrouble
from store.experiments import check_experiment, ensure_experiment
from store.file_system import only_read
from store.names import RunName, check_name
from store.news import KILLED
from store.paths import find_data_dir
from store.records import Request, Run, RunState
from store.sharing.ledger import has_file

_GO_ON_ANEW = (RunState.STOPPED, RunState.FAILED, RunState.PRUNED)
"""Ended before their time: what goes on from their checkpoint is a new run."""


def default_experiment(kind: str, dataset: str) -> str:
    """The name of the experiment that a run goes into where the user names none: KIND-DATASET."""
    return f"{kind}-{Path(dataset).stem}"


def check(database: Database | None, spec: RunSpec, experiment: str, data_dir: Path) -> RunSpec:
    """The configuration as it will be frozen, with everything that it names found to be there and usable.

    ``database`` is None where the root is still to be made.

    Raises:
        RequestError: kind, data set, device, experiment or the run to start from is absent or does not fit, or the
            root's disk is full.
    """
    if database is not None:
        room.check(database.root)
    kind = catalog.kind(spec.kind)
    check_device(spec.device)
    spec = dataclasses.replace(spec, dataset=_check_dataset(spec.dataset, data_dir, kind.needs_labels))
    check_name(experiment)
    if spec.model.needs_start and spec.start_from is None:
        raise RequestError("What is frozen must come from a run: name one to start from.")
    if database is not None:
        check_experiment(database, experiment, spec.kind, spec.dataset)
        if spec.start_from is not None:
            _check_checkpoint(database, listing.run(database, RunName.parse(spec.start_from)))
    return spec


def _check_dataset(name: str, data_dir: Path, needs_labels: bool) -> str:
    """The name as it will be frozen: that of the catalog, or the absolute path of a user's own files.

    Raises:
        RequestError: it is not known, not here, or not usable.
    """
    known = catalog.dataset(name)
    frozen = name if known.name == name else str(Path(name).expanduser().absolute())
    check = known.check_labels if needs_labels and known.check_labels is not None else known.check
    if check is not None:
        catalog.resolve(check)(frozen, data_dir)
    return frozen


def check_resumable(database: Database, found: Run) -> None:
    """Raises RequestError: the run needs no resuming, or it has ended and left no checkpoint to go on from."""
    if found.state in _GO_ON_ANEW:
        _check_checkpoint(database, found)
    elif found.request is None:
        raise RequestError(f"{found.name} is {found.state}: only a run that does not go on by itself can be resumed.")


def _check_checkpoint(database: Database, found: Run) -> None:
    if not has_file(database, found, database.root.run(found.name).last):
        raise RequestError(f"{found.name} has no checkpoint to go on from: no epoch of it was finished.")


def enqueue(
    database: Database,
    spec: RunSpec,
    experiment: str | None = None,
    *,
    data_dir: Path | None = None,
) -> RunName:
    """Check ``spec`` and add it to the queue; nothing is written where it does not hold.

    Raises:
        RequestError: see `check`.
    """
    experiment = experiment or default_experiment(spec.kind, spec.dataset)
    data_dir = find_data_dir(data_dir)
    return add(database, check(database, spec, experiment, data_dir), experiment, data_dir)


def add(
    database: Database,
    spec: RunSpec,
    experiment: str,
    data_dir: Path,
    *,
    user_attrs: Mapping[str, Any] | None = None,
) -> RunName:
    """Add what `check` returned to the queue; ``user_attrs`` are kept beside the settings."""
    study_id = ensure_experiment(database, experiment, spec.kind, spec.dataset)
    return queue.enqueue(
        database,
        study_id,
        experiment,
        spec.as_json(),
        device=spec.device,
        epochs=spec.epochs,
        user_attrs={**spec.user_attrs(), **(user_attrs or {})},
        data_dir=str(data_dir),
    )


def ensure_workers(database: Database, slots: int | None = None, *, device: str = "auto") -> None:
    """See to it that workers come for what waits: a detached supervisor, unless one is there already.

    Raises:
        StorageTrouble: the root can only be read, where the storage lies elsewhere.
    """
    try:
        start_supervisor(database, device, slots)
    except OSError as error:
        if error.errno != errno.EROFS:
            raise
        cause = only_read(database.root.path)
        raise StorageTrouble(f"What was asked for waits, and no worker can be started here: {cause}") from error


def resume(database: Database, name: RunName) -> RunName:
    """Let a run go on: a paused or held one itself; of an ended one a new run that starts from its last checkpoint.

    Raises:
        RequestError: it is running or complete, or an ended one has no checkpoint.
    """
    found = control.present(database, name)
    check_resumable(database, found)
    if found.state in _GO_ON_ANEW:
        frozen = listing.frozen(database, name)
        spec = dataclasses.replace(catalog.read_spec(frozen.spec), start_from=str(name))
        return enqueue(database, spec, name.experiment, data_dir=frozen.data_dir)
    try:
        control.resume(database, name)
    except RequestError:
        if control.present(database, name).state not in _GO_ON_ANEW:
            raise
        return resume(database, name)  # it has ended meanwhile
    return name


def pause_all(database: Database, experiment: str) -> None:
    """Hold back all runs of an experiment that wait or run; `let_go_on` lets them go on where they were."""
    for run in listing.runs(database, experiment):
        if not run.state.is_finished and run.request is None:
            with contextlib.suppress(RequestError):  # it has ended meanwhile
                control.pause(database, run.name)


def let_go_on(database: Database, experiment: str) -> None:
    """Let all runs of an experiment that are paused or held go on."""
    for run in listing.runs(database, experiment):
        # One that runs and was asked to pause would otherwise do so when its worker hears of it.
        if not run.state.is_finished and run.request in (Request.PAUSE, Request.HOLD):
            with contextlib.suppress(RequestError):  # it ended just now
                control.resume(database, run.name)


def kill(database: Database, name: RunName) -> None:
    """End a live run at once, as failed: first on the storage, then its worker's process where that is on this host.

    Raises:
        RequestError: it is not live.
    """
    holder = next((worker for worker in workers.workers(database) if worker.run == name), None)
    control.fail_live(database, name, KILLED)
    if holder is not None and holder.host == clock.host() and holder.alive:
        with contextlib.suppress(ProcessLookupError):
            os.kill(holder.pid, signal.SIGKILL)


def run_inline(database: Database, device: str = "cpu") -> list[Run]:
    """Work off the queue in this process: the same claim and training without a worker process, for tests."""
    prepare_environment()
    worker_id = new_worker_id(device)
    heart = Heart(database, worker_id, each_beat=lambda: None)
    workers.register(database, worker_id, device, log=None)
    heart.start()
    done = []
    try:
        while (claim := drawing.next_claim(database, worker_id, device)) is not None:
            run_claim(database, claim, heart)
            done.append(listing.run(database, claim.name))
    finally:
        heart.stop()
        workers.unregister(database, worker_id)
    return done
