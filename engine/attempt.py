"""One attempt at one run: the `engine.session.Session` that a worker hands to the training."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy.exc import SQLAlchemyError

from engine import drawing
from engine.patience import Patience
from engine.session import RunPaused, RunPruned
from engine.spec import RunSpec
from store import leases, queue, workers
from store.artifacts import damaged_copy, replaced, set_aside
from store.database import Database
from store.errors import LeaseLost, StorageTrouble
from store.metrics import MetricsReader, MetricsWriter, lines_up_to
from store.names import RunName
from store.paths import RunPaths
from store.records import Claim, Request

HEARTBEAT_S = 2.0
T = TypeVar("T")

log = logging.getLogger("aetui")


class Heart:
    """A thread that beats for the worker and for the attempt it is at, and brings back what the user asks.

    Attributes:
        leaving: set when the worker has been told to go (SIGTERM): the run goes back to the queue.
    """

    def __init__(self, database: Database, worker_id: str, each_beat: Callable[[], None]) -> None:
        self.leaving = threading.Event()
        self.request: Request | None = None
        self.is_lost = False
        self._database = database
        self._worker_id = worker_id
        self._each_beat = each_beat
        self._claim: Claim | None = None
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heart", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()

    def hold(self, claim: Claim | None) -> None:
        """Beat for ``claim`` from now on, or for none."""
        with self._lock:
            self._claim, self.request, self.is_lost = claim, None, False

    def _run(self) -> None:
        while not self._stopping.wait(HEARTBEAT_S):
            try:
                self._beat()
            except (SQLAlchemyError, StorageTrouble, OSError) as error:  # it may be well at the next; the lease tells
                log.warning("heartbeat failed: %s", str(error).splitlines()[0])

    def _beat(self) -> None:
        workers.beat(self._database, self._worker_id)
        with self._lock:
            claim = self._claim
        if claim is not None:
            try:
                request = queue.heartbeat(self._database, claim)
            except LeaseLost:
                request = None
                lost = True
            else:
                lost = False
            with self._lock:
                if self._claim is claim:
                    self.request, self.is_lost = request, lost
        self._each_beat()


class Attempt:
    """A `Session` over the storage and the run's folder, fenced by the attempt number of ``claim``."""

    def __init__(
        self,
        database: Database,
        claim: Claim,
        spec: RunSpec,
        data_dir: Path,
        heart: Heart,
        *,
        each_epoch: Callable[[], None] = lambda: None,
    ) -> None:
        self.spec = spec
        self.data_dir = data_dir
        self.paths: RunPaths = database.root.run(claim.name)
        self._database = database
        self._claim = claim
        self._heart = heart
        self._each_epoch = each_epoch
        self._metrics: MetricsWriter | None = None
        self._patience = Patience(heart.leaving.wait)
        self._began = time.monotonic()

    @property
    def stop_requested(self) -> bool:
        return self._heart.request is Request.STOP

    def between_steps(self) -> None:
        if self._heart.is_lost:
            raise LeaseLost(str(self._claim.name))
        if self._heart.leaving.is_set() or self._heart.request is Request.PAUSE:
            raise RunPaused(str(self._claim.name))

    def begin(self, epoch: int, epoch_record: Mapping[str, Any] | None) -> None:
        reader = MetricsReader(self._earlier_metrics())
        kept = lines_up_to(reader.read(), epoch)
        if reader.num_damaged:
            aside = damaged_copy(reader.path)
            log.warning("%d lines of %s were damaged: they are in %s", reader.num_damaged, reader.path, aside.name)
        has_last = any(line.get("kind") == "epoch" and line.get("epoch") == epoch for line in kept)
        if epoch_record is not None and not has_last:  # died between checkpoint and metrics line
            kept.append({"kind": "epoch", **epoch_record})
        self._metrics = MetricsWriter(self.paths.metrics, self._claim.attempt, self._check, kept)
        queue.forget_after(self._database, self._claim, epoch)
        if epoch_record is not None:
            self._report(epoch, float(epoch_record["value"]))
        log.info("%s", f"goes on after epoch {epoch}" if epoch else "begins")

    def step(self, record: Mapping[str, Any]) -> None:
        self._lines.append({"kind": "step", **record})

    def end_epoch(self, epoch: int, value: float, record: Mapping[str, Any]) -> None:
        self._check()
        self._lines.append({"kind": "epoch", **record})
        log.info(
            "epoch %d/%d  training %.5f  validation %.5f%s  %.1f s",
            epoch,
            self.spec.epochs,
            record["train_loss"],
            record["val_loss"],
            f"  error {value:.5f}" if value != record["val_loss"] else "",
            time.monotonic() - self._began,
        )
        self._each_epoch()
        self._report(epoch, value)

    def write(self, path: Path, write: Callable[[Path], None]) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with replaced(path, self._claim.attempt, self._check) as aside:
            write(aside)

    def set_aside(self, path: Path) -> Path:
        self._check()
        return set_aside(path)

    def discard(self, path: Path) -> None:
        self._check()
        path.unlink(missing_ok=True)

    def close(self) -> None:
        if self._metrics is not None:
            self._metrics.close()

    def _earlier_metrics(self) -> Path:
        """Of this run's earlier attempts; at its first, of the run that it starts from."""
        if self.spec.start_from is None or self.paths.metrics.exists():
            return self.paths.metrics
        return self._database.root.run(RunName.parse(self.spec.start_from)).metrics

    def _report(self, epoch: int, value: float) -> None:
        """Raises RunPruned: the search gives the run up (asked again after a take-over, to the same answer)."""
        self._patiently(lambda: queue.report(self._database, self._claim, epoch, value))
        reason = self._patiently(lambda: drawing.judge(self._database, self._claim, epoch, value))
        if reason is not None:
            raise RunPruned(reason, value)

    @property
    def _lines(self) -> MetricsWriter:
        assert self._metrics is not None, "begin() comes first"
        return self._metrics

    def _check(self) -> None:
        self._patiently(lambda: leases.check_lease(self._database, self._claim))

    def _patiently(self, ask: Callable[[], T]) -> T:
        """Ask the storage, as often as it takes: what was trained meanwhile is not to be trained again."""
        while True:
            with self._patience.outlast():
                return ask()
