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
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from engine import catalog, drawing, notices, provenance
from engine.attempt import Attempt, Heart
from engine.kernels import compiler
from engine.memory import out_of_memory
from engine.patience import Patience
from engine.session import Outcome, RunDiverged, RunPaused, RunPruned
from engine.sharing import RETRY_S, Sharing
from engine.slots import is_surplus
from engine.spec import RunSpec
from engine.supervisor import start_supervisor, worker_log
from store import listing, queue, room, searches, takeover, workers
from store.artifacts import remove_leftovers
from store.database import Database, open_inherited
from store.errors import LeaseLost, NoRoom, RequestError, SharingTrouble, StorageAway, StorageTrouble
from store.news import Ended
from store.paths import Root, find_data_dir, keep_private
from store.records import Claim, RunState

TRAIN = "engine.training.fit:train"
IDLE_VARIABLE = "AETUI_IDLE_S"
IDLE_S = 30.0
POLL_S = 0.5
ROOM_POLL_S = 2.0
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
    root = database.root
    room.keep_reserve(root)
    patience = Patience(heart.leaving.wait)
    last_run, wanted, is_told = time.monotonic(), 0, False
    while not (heart.leaving.is_set() or database.is_gone()) and time.monotonic() - last_run <= idle_s:
        # What another gave back for lack of room is not to be begun by one after the other.
        if room.is_full(root.path) or not room.has_room(root.path, wanted):
            if not is_told:
                log.warning("%s", room.no_room(root.path))
            last_run, is_told = time.monotonic(), True  # its runs wait, and so does it
            heart.leaving.wait(ROOM_POLL_S)
            continue
        is_told = False
        with patience.outlast():
            if not is_by_hand and is_surplus(database, worker_id):
                return
            try:
                notices.send_lost(database, takeover.requeue_dead(database))
                claim = drawing.next_claim(database, worker_id, device)
            except NoRoom:
                wanted = room.ENOUGH
                continue
            if claim is None:
                heart.leaving.wait(POLL_S)
                continue
            room.keep_reserve(root)
            wanted = run_claim(database, claim, heart)
        last_run = time.monotonic()


def run_claim(database: Database, claim: Claim, heart: Heart) -> int:
    """Train one claimed run to its end, whatever that is; only the loss of the lease leaves its record alone.

    Where the disk is full it goes back to the queue: returns how many bytes it wants before it is begun again, or 0.
    """
    heart.hold(claim)
    paths = database.root.run(claim.name)
    sharing = Sharing(database, claim, heart.leaving)
    try:
        try:
            try:
                _prepare_folder(database.root, paths.folder, claim.attempt)
            except RequestError as error:
                log.error("failed: %s", error)
                _end(database, claim, heart, "FAIL", reason=str(error))
                return 0
            sharing.fetch()
            with _logging_to(paths.log):
                log.info("attempt %d on %s by worker %s", claim.attempt, claim.device, claim.worker_id)
                _train(database, claim, heart, sharing)
                with suppress(OSError, NoRoom):  # its end is written down: no reason to begin it again
                    _tell_end(database, claim)
        except (OSError, NoRoom) as error:
            lack = room.lack(error, database.root.path)
            if lack is None:
                raise
            log.error("%s", lack)
            reason = f"{lack} It goes on by itself then."
            _record(database, heart, lambda: queue.give_back(database, claim, reason))
            return room.wanted(paths)
        except (SharingTrouble, StorageAway) as error:
            log.error("%s", error)
            reason = f"{error} It goes on by itself then."
            _record(database, heart, lambda: queue.give_back(database, claim, reason))
            heart.leaving.wait(RETRY_S)
        sharing.settle_ended()
    except LeaseLost:
        log.warning("%s was taken over by another worker; attempt %d writes nothing more", claim.name, claim.attempt)
    finally:
        sharing.close()
        heart.hold(None)
    return 0


def _prepare_folder(root: Root, folder: Path, attempt: int) -> None:
    """Raises RequestError: what lies in its place is in the way, and will be for the next worker too."""
    root.check_holds(folder)
    try:
        for each in (folder.parent, folder):  # the mode is that of the last alone
            each.mkdir(mode=0o700, parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError, PermissionError) as error:
        raise RequestError(f"The folder {folder} cannot be made: {error.strerror}.") from error
    remove_leftovers(folder, attempt)


def _record(database: Database, heart: Heart, write: Callable[[], None]) -> None:
    """Let ``write`` say in the storage what became of a run; on a full disk out of the reserve, else again and again.

    Raises:
        NoRoom: the worker was told to go before there was room.
        StorageAway: or before the storage's server was back.
    """
    patience = Patience(heart.leaving.wait)
    while True:
        try:
            with patience.outlast():
                return write()
        except NoRoom as error:
            if database.root.reserve.exists():
                room.use_reserve(database.root)
            elif heart.leaving.wait(ROOM_POLL_S):
                raise
            else:
                log.error("%s", error)


def _train(database: Database, claim: Claim, heart: Heart, sharing: Sharing) -> None:
    """Raises LeaseLost, NoRoom, SharingTrouble, StorageAway, OSError (no room): nothing is said of the run yet."""
    attempt = None
    try:
        frozen = catalog.read_spec(claim.spec) if claim.is_drawn else drawing.drawn(database, claim)
        spec = dataclasses.replace(frozen, device=claim.device)
        # A worker on another host has its data elsewhere.
        data_dir = find_data_dir(claim.data_dir if claim.data_dir and Path(claim.data_dir).is_dir() else None)
        sharing.fetch_start(spec.start_from)
        attempt = Attempt(database, claim, spec, data_dir, heart, each_epoch=sharing.epoch_done)
        _write_config(attempt, claim, frozen)
        outcome: Outcome = catalog.resolve(TRAIN)(attempt)
        sharing.settle(is_patient=True)
    except RunPaused:
        log.info("leaves the worker; goes on later from its last checkpoint")
        sharing.settle(is_patient=False)
        _record(database, heart, lambda: queue.give_back(database, claim))
    except (LeaseLost, SharingTrouble, StorageAway):
        raise
    except RunPruned as pruned:
        log.info("%s", pruned)
        sharing.settle(is_patient=True)
        _end(database, claim, heart, "PRUNED", value=pruned.value, reason=str(pruned))
    except Exception as error:
        if room.lack(error, database.root.path) is not None:
            raise
        if not isinstance(error, RunDiverged | RequestError):
            log.error("%s", traceback.format_exc())
        reason = out_of_memory(error, claim.device, claim.spec) or _reason(error)
        log.error("failed: %s", reason)
        sharing.settle(is_patient=False)
        _end(database, claim, heart, "FAIL", reason=reason)
    else:
        state = "PRUNED" if outcome.was_stopped else "COMPLETE"
        test = dict(outcome.test)
        _end(database, claim, heart, state, value=outcome.value, was_stopped=outcome.was_stopped, test=test)
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


def _end(database: Database, claim: Claim, heart: Heart, state: str, **values: Any) -> None:
    _record(database, heart, lambda: queue.finish(database, claim, state, **values))


def _reason(error: Exception) -> str:
    is_sentence = isinstance(error, RunDiverged | RequestError)
    return str(error) if is_sentence else f"{type(error).__name__}: {error}".splitlines()[0]


def _write_config(attempt: Attempt, claim: Claim, frozen: RunSpec) -> None:
    config: dict[str, Any] = {
        "run": str(claim.name),
        **provenance.describe(frozen.as_json(), claim.device, attempt.data_dir),
        "kernels": compiler.kernels(claim.device),
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
        with suppress(OSError):  # what a full disk did not take before, it does not take now
            handler.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="engine.worker")
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--id", required=True, help="NAME@DEVICE")
    parser.add_argument("--supervised", action="store_true", help="start the supervisor again should it die")
    parser.add_argument("--by-hand", action="store_true", help="never one too many")
    arguments = parser.parse_args()
    keep_private()
    prepare_environment()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    logging.captureWarnings(True)
    database = _open(Root(arguments.root))
    device = str(arguments.id).partition("@")[2]

    def watch_supervisor() -> None:
        if arguments.supervised:
            start_supervisor(database, by_hand=arguments.id if arguments.by_hand else None)

    heart = Heart(database, arguments.id, watch_supervisor)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: heart.leaving.set())
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        workers.register(database, arguments.id, device, str(worker_log(database.root, arguments.id)))
    except StorageTrouble as error:
        sys.exit(str(error))
    heart.start()
    if device == "cpu":
        compiler.begin()
    threading.Thread(target=_import_ahead, name="import", daemon=True).start()
    try:
        idle_s = float(os.environ.get(IDLE_VARIABLE, IDLE_S))
        work(database, arguments.id, device, heart, idle_s, is_by_hand=arguments.by_hand)
    except StorageTrouble as error:
        sys.exit(str(error))
    finally:
        heart.stop()
        with suppress(StorageTrouble):  # whoever looks finds the process gone
            workers.unregister(database, arguments.id)


def _open(root: Root) -> Database:
    try:
        return open_inherited(root)
    except RequestError as error:
        sys.exit(str(error))


def _import_ahead() -> None:
    """Import the training (torch: seconds) while the first claim is made, and take over what was compiled meanwhile."""
    catalog.resolve(TRAIN)
    compiler.compiled()


if __name__ == "__main__":
    main()
