"""A worker: takes waiting runs off the storage and trains them, one by one, until nothing has waited for a while.

Free of torch itself: what trains a run is resolved by name, after the environment is set that torch reads on import.
"""

import argparse
import ctypes
import dataclasses
import json
import logging
import os
import signal
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from engine import catalog, drawing, notices, provenance
from engine.attempt import Attempt, Heart
from engine.session import Outcome, RunDiverged, RunPaused, RunPruned
from engine.slots import is_surplus
from engine.spec import RunSpec
from engine.supervisor import STORAGE_VARIABLE, start_supervisor, worker_log
from store import listing, queue, searches, workers
from store.artifacts import remove_leftovers
from store.database import Database, open_database
from store.errors import LeaseLost, RequestError
from store.news import Ended
from store.paths import Root, find_data_dir
from store.records import Claim, RunState

TRAIN = "engine.training.fit:train"
IDLE_VARIABLE = "AETUI_IDLE_S"
IDLE_S = 30.0
POLL_S = 0.5
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of malloc.h
_LARGEST_KEPT, _MOST_KEPT = 32 << 20, 1 << 30
"""In bytes: larger pieces go back to the system at once, and so does what is beyond so much of all."""

log = logging.getLogger("aetui")


def prepare_environment() -> None:
    """Set what torch reads on import.

    A spinning OpenMP starves training beside anything else (measured: 180-350 against 2,500-2,800 images a second);
    cuBLAS gives the same numbers again only with a workspace of fixed size.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    _keep_memory()


def _keep_memory() -> None:
    """Let glibc keep what a training step frees: the next one wants as much, and each new page costs a fault.

    A step of a small autoencoder is 4 to 6 % faster; elsewhere than on glibc nothing is changed.
    """
    keep = getattr(ctypes.CDLL(None), "mallopt", None)
    if keep is not None:
        keep(_M_MMAP_THRESHOLD, _LARGEST_KEPT)
        keep(_M_TRIM_THRESHOLD, _MOST_KEPT)


def work(database: Database, worker_id: str, device: str, heart: Heart, idle_s: float, *, is_by_hand: bool) -> None:
    """Claim and train until nothing has waited for ``idle_s`` seconds or the worker is told to leave.

    It also leaves when the user has chosen fewer for its device, unless it was started ``is_by_hand``.
    """
    last_run = time.monotonic()
    while not (heart.leaving.is_set() or database.is_gone()) and time.monotonic() - last_run <= idle_s:
        if not is_by_hand and is_surplus(database, worker_id):
            return
        notices.send_lost(database, queue.requeue_dead(database))
        claim = drawing.next_claim(database, worker_id, device)
        if claim is None:
            heart.leaving.wait(POLL_S)
            continue
        run_claim(database, claim, heart)
        last_run = time.monotonic()


def run_claim(database: Database, claim: Claim, heart: Heart) -> None:
    """Train one claimed run to its end, whatever that is; only the loss of the lease leaves its record alone."""
    heart.hold(claim)
    folder = database.root.run(claim.name).folder
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    remove_leftovers(folder)
    try:
        with _logging_to(database.root.run(claim.name).log):
            log.info("attempt %d on %s by worker %s", claim.attempt, claim.device, claim.worker_id)
            _train(database, claim, heart)
            _tell_end(database, claim)
    except LeaseLost:
        log.warning("%s was taken over by another worker; attempt %d writes nothing more", claim.name, claim.attempt)
    finally:
        heart.hold(None)


def _train(database: Database, claim: Claim, heart: Heart) -> None:
    attempt = None
    try:
        frozen = catalog.read_spec(claim.spec) if claim.is_drawn else drawing.drawn(database, claim)
        spec = dataclasses.replace(frozen, device=claim.device)
        # A worker on another host has its data elsewhere.
        data_dir = find_data_dir(claim.data_dir if claim.data_dir and Path(claim.data_dir).is_dir() else None)
        attempt = Attempt(database, claim, spec, data_dir, heart)
        _write_config(attempt, claim, frozen)
        outcome: Outcome = catalog.resolve(TRAIN)(attempt)
    except RunPaused:
        log.info("leaves the worker; goes on later from its last checkpoint")
        queue.give_back(database, claim)
    except LeaseLost:
        raise
    except RunPruned as pruned:
        log.info("%s", pruned)
        queue.finish(database, claim, "PRUNED", value=pruned.value, reason=str(pruned))
    except (RunDiverged, RequestError) as error:
        _fail(database, claim, str(error))
    except Exception as error:
        log.error("%s", traceback.format_exc())
        _fail(database, claim, f"{type(error).__name__}: {error}".splitlines()[0])
    else:
        state = "PRUNED" if outcome.was_stopped else "COMPLETE"
        queue.finish(
            database, claim, state, value=outcome.value, was_stopped=outcome.was_stopped, test=dict(outcome.test)
        )
        figures = "  ".join(f"{key} {value:.5f}" for key, value in outcome.test.items())
        log.info("%s  %s", "stopped" if outcome.was_stopped else "complete", figures)
    finally:
        if attempt is not None:
            attempt.close()


def _tell_end(database: Database, claim: Claim) -> None:
    """Tell the user of the run's end, and of its search's where this was the last run that it wanted."""
    run = listing.run(database, claim.name)
    if not run.state.is_finished:
        return
    is_searched = searches.find(database, claim.study_id) is not None
    notice = notices.of_end(Ended.of(run, is_searched=is_searched))
    if notice is not None:
        notices.send(database.root, notice)
    if searches.end_if_over(database, claim.study_id):
        found = listing.experiment(database, claim.name.experiment)
        num = found.states.get(RunState.COMPLETE, 0)
        notices.send(database.root, notices.of_search(found.experiment, num, found.best))


def _fail(database: Database, claim: Claim, reason: str) -> None:
    log.error("failed: %s", reason)
    queue.finish(database, claim, "FAIL", reason=reason)


def _write_config(attempt: Attempt, claim: Claim, frozen: RunSpec) -> None:
    config: dict[str, Any] = {
        "run": str(claim.name),
        **provenance.describe(frozen.as_json(), claim.device, attempt.data_dir),
    }
    attempt.write(attempt.paths.config, lambda path: _dump(path, config))


def _dump(path: Path, data: dict[str, Any]) -> None:
    path.write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")


@contextmanager
def _logging_to(path: Path) -> Iterator[None]:
    """Send what is logged (warnings of libraries included) to the run's own log too."""
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", datefmt="%Y-%m-%d %H:%M:%S"))
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)
        handler.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="engine.worker")
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--id", required=True, help="NAME@DEVICE")
    parser.add_argument("--supervised", action="store_true", help="start the supervisor again should it die")
    parser.add_argument("--by-hand", action="store_true", help="never one too many")
    arguments = parser.parse_args()
    prepare_environment()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    logging.captureWarnings(True)
    root, storage = Root(arguments.root), os.environ.get(STORAGE_VARIABLE)
    database = open_database(root, storage)
    device = str(arguments.id).partition("@")[2]

    def watch_supervisor() -> None:
        if arguments.supervised:
            start_supervisor(root, "auto", storage)

    heart = Heart(database, arguments.id, watch_supervisor)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: heart.leaving.set())
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    workers.register(database, arguments.id, device, str(worker_log(root, arguments.id)))
    heart.start()
    threading.Thread(target=_import_ahead, name="import", daemon=True).start()
    try:
        idle_s = float(os.environ.get(IDLE_VARIABLE, IDLE_S))
        work(database, arguments.id, device, heart, idle_s, is_by_hand=arguments.by_hand)
    finally:
        heart.stop()
        workers.unregister(database, arguments.id)


def _import_ahead() -> None:
    """Import the training (torch: seconds) while the first claim is made."""
    catalog.resolve(TRAIN)


if __name__ == "__main__":
    main()
