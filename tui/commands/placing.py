"""``aetui worker --on ray`` and ``--on slurm``: workers placed on other machines, attended from here or left there."""

import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any

from engine.placing.order import Order, check_gpus, share_of_cpus
from engine.placing.placement import Placed, Placement
from engine.worker import IDLE_VARIABLE
from store.backend import sqlite_file, storage_url
from store.database import Database
from store.errors import RequestError
from store.file_system import file_system
from store.paths import DATA_VARIABLE
from store.records import Worker
from store.workers import workers
from tui.commands.errors import DONE, FAILED, INTERRUPTED
from tui.commands.follow import Interrupts
from tui.commands.options import Options
from tui.commands.output import note, print_json, printable, say

HERE, RAY, SLURM = "local", "ray", "slurm"
_LOCAL = "local"


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What the command line says of where workers are to be.

    Raises:
        RequestError: on construction, where that does not go together.
    """

    on: str
    slots: int
    device: str
    address: str | None = None
    gpus: float | None = None
    slurm: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.on not in (HERE, RAY, SLURM):
            raise RequestError(f"There is no --on {self.on!a}: take {HERE}, {RAY} or {SLURM}.")
        if self.on == HERE:
            given = {"--address": self.address, "--gpus": self.gpus}
            for option in (option for option, value in given.items() if value is not None):
                raise RequestError(f"{option} goes with --on {RAY} or --on {SLURM}.")
        if self.slurm and self.on != SLURM:
            raise RequestError(f"--slurm goes with --on {SLURM}.")
        if self.on == SLURM and self.address not in (None, _LOCAL):
            raise RequestError(
                f"--address {self.address!a}: Slurm knows its own; only {_LOCAL} can be said, to try it."
            )
        if self.on != HERE and self.device not in ("auto", "cpu", "cuda"):
            raise RequestError(f"--device {self.device!a}: Ray and Slurm choose which GPU; take auto, cpu or cuda.")
        check_gpus(self.share_of_gpus)
        if self.device == "cpu" and self.share_of_gpus:
            raise RequestError("--device cpu and --gpus contradict each other: leave one of them out.")
        if self.device == "cuda" and not self.share_of_gpus and self.on != HERE:
            raise RequestError("--device cuda wants a share of a GPU: --gpus 1, or 0.25 with Ray.")

    @property
    def share_of_gpus(self) -> float:
        return self.gpus if self.gpus is not None else float(self.device == "cuda" and self.on != HERE)

    @property
    def is_tried_here(self) -> bool:
        """Whether it is this machine that they come to after all."""
        return self.on == SLURM and self.address == _LOCAL


def place_workers(options: Options, wanted: Wanted, *, detach: bool) -> int:
    """Raises RequestError: they cannot be placed; none is then."""
    if not wanted.is_tried_here:
        _check_storage(options)
    placer = _placer(wanted)
    database = options.open_database(create=True)
    _tell_of_files(database, wanted)
    order = Order(
        root=database.root.path,
        gpus=wanted.share_of_gpus,
        cpus=share_of_cpus(wanted.share_of_gpus),
        environment=_environment(options, database),
    )
    interrupts = Interrupts()
    with interrupts.counted(), _asked_to_end(interrupts):  # none is placed and then forgotten
        placement = placer(order, wanted.slots, detach)
        if detach:
            placed = placement.settle()
        else:
            note(f"{wanted.slots} on {wanted.on} for {printable(str(database))}; Ctrl-C lets them go.")
            placed = _attend(database, placement, interrupts)
        placement.close()
    if options.json:
        print_json([_as_json(each, wanted.on, order) for each in placed])
    elif detach:
        for each in placed:
            say(f"{_text(each, None)}; {wanted.on} calls it {each.id}")
    if interrupts.count:
        return INTERRUPTED
    return FAILED if any(each.has_failed for each in placed) else DONE


def _check_storage(options: Options) -> None:
    """Raises RequestError: other machines could not reach it."""
    if sqlite_file(storage_url(options.find_root(), options.storage)) is not None:
        raise RequestError(
            "Workers on other machines need a storage that they all reach, and SQLite is a file on one: "
            "name another with --storage postgresql+psycopg://USER@HOST/NAME (`aetui migrate` copies what is here)."
        )


def _placer(wanted: Wanted) -> Any:
    """What places an order: Ray once its cluster is joined, or Slurm.

    Raises:
        RequestError: it is not installed, or not there.
    """
    try:
        if wanted.on == RAY:
            from engine.placing import ray  # a second, and only here

            ray.join(wanted.address)

            def on_ray(order: Order, slots: int, detach: bool) -> Placement:
                if lack := ray.lacking(order):
                    note(f"No node of the cluster has {lack}: they wait for one that has.")
                return ray.place(order, slots, is_detached=detach)

            return on_ray
        from engine.placing import slurm

        parameters = dict(map(slurm.read_parameter, wanted.slurm))
        slurm.check(wanted.share_of_gpus, is_local=wanted.is_tried_here)

        def on_slurm(order: Order, slots: int, _: bool) -> Placement:
            return slurm.place(order, slots, parameters=parameters, is_local=wanted.is_tried_here)

        return on_slurm
    except ModuleNotFoundError as error:
        if error.name not in ("ray", "submitit"):
            raise
        raise RequestError(
            f"--on {wanted.on} needs {error.name}, which is not here: `pip install 'aetui[{wanted.on}]'` brings it."
        ) from None


def _environment(options: Options, database: Database) -> dict[str, str]:
    """What the workers are told beside their command lines; not what is this machine's own affair."""
    found = database.addresses.environment()
    if idle := os.environ.get(IDLE_VARIABLE):
        found[IDLE_VARIABLE] = idle
    if options.data_dir is not None:
        found[DATA_VARIABLE] = str(options.data_dir.absolute())
    return found


def _tell_of_files(database: Database, wanted: Wanted) -> None:
    if not (database.artifacts or wanted.is_tried_here or file_system(database.root.path).is_network):
        root = printable(str(database.root.path))
        note(
            f"The files of runs stay in {root} of the machine that trains them, unless all share that folder: "
            "--artifacts s3://BUCKET/FOLDER or a shared folder brings them together."
        )


@contextmanager
def _asked_to_end(interrupts: Interrupts) -> Iterator[None]:
    """SIGTERM counts as Ctrl-C: where Ray's own handler had it, it would be taken for a crash."""

    def count(_signal: int, _frame: FrameType | None) -> None:
        interrupts.count += 1

    before = signal.signal(signal.SIGTERM, count)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before or signal.SIG_DFL)


def _attend(database: Database, placement: Placement, interrupts: Interrupts) -> list[Placed]:
    """Tell where they are and what they train until all have left; Ctrl-C asks them to leave, a second one kills."""
    obeyed = 0
    told: dict[str, str] = {}
    entered: set[str] = set()
    placed = placement.settle()
    while True:
        found = workers(database)
        entered |= {worker.worker_id for worker in found}
        for each in placed:
            worker = _worker_of(each, found)
            if worker is None and not each.is_over and _had_one(each, entered):
                continue  # about to leave, or lost
            if told.get(each.name) != (says := _text(each, worker)):
                told[each.name] = says
                note(printable(says))
        if all(each.is_over for each in placed):
            return placed
        if interrupts.count > obeyed:
            obeyed = min(interrupts.count, obeyed + 1)
            note("Leaving; their runs wait for other workers. Ctrl-C once more kills." if obeyed == 1 else "Killed.")
            placement.leave() if obeyed == 1 else placement.kill()
        placed = placement.look()


def _worker_of(placed: Placed, found: Sequence[Worker]) -> Worker | None:
    """The worker in that slot, as it has entered itself."""
    own = [worker for worker in found if worker.alive and worker.worker_id.startswith(f"{placed.name}-")]
    return own[-1] if own else None


def _had_one(placed: Placed, entered: set[str]) -> bool:
    """Whether the worker that is not to be seen is one that was."""
    if placed.standing is not None:
        return placed.standing.worker in entered
    return any(worker_id.startswith(f"{placed.name}-") for worker_id in entered)


def _text(placed: Placed, worker: Worker | None) -> str:
    standing = placed.standing
    if placed.is_over:
        says = placed.says or (standing.says if standing else None)
        return f"{placed.name} {f'ended: {says}' if says else 'has left'}"
    if worker is not None:
        where = standing.place if standing else placed.id
        return f"{worker.worker_id} on {worker.host}, {where}, {f'trains {worker.run}' if worker.run else 'waits'}"
    if standing is not None:
        return f"{standing.worker} begins on {standing.host}, {standing.place}"
    return f"{placed.name} waits for room"


def _as_json(placed: Placed, on: str, order: Order) -> dict[str, Any]:
    standing = placed.standing
    return {
        "slot": placed.name,
        "on": on,
        "id": placed.id,
        "device": order.device,
        "worker": standing.worker if standing else None,
        "host": standing.host if standing else None,
        "place": standing.place if standing else None,
        "pid": standing.pid if standing else None,
        "log": standing.log if standing else None,
        "exit_status": standing.exit_status if standing else None,
        "says": placed.says or (standing.says if standing else None),
    }
