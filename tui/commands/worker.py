"""``aetui worker`` adds workers here, ``aetui workers`` lists them all."""

import signal
import subprocess
import time
from collections.abc import Sequence

from engine.devices import check_device, worker_devices
from engine.patience import Patience
from engine.supervisor import new_worker_id, start_worker, worker_log
from store.database import Database
from store.names import RunName
from store.workers import unregister, workers
from tui.commands.caution import warn
from tui.commands.errors import DONE, FAILED, INTERRUPTED
from tui.commands.follow import Interrupts
from tui.commands.options import Options
from tui.commands.output import note, print_json, print_table, printable, say
from tui.look import duration_text

_POLL_S = 0.5


def add_workers(options: Options, *, device: str, slots: int, detach: bool) -> int:
    check_device(device)
    database = options.open_database(create=True)
    warn(database)
    interrupts = Interrupts()
    with interrupts.counted():  # none is started and then forgotten
        started = {
            worker_id: start_worker(database, worker_id, is_by_hand=True)
            for worker_id in map(new_worker_id, worker_devices(device, slots))
        }
        if not detach:
            note(f"{len(started)} working on {printable(str(database.root.path))}; Ctrl-C lets them go.")
            _attend(database, started, interrupts)
    if options.json:
        print_json(
            [
                {
                    "worker": worker_id,
                    "device": worker_id.partition("@")[2],
                    "pid": process.pid,
                    "log": str(worker_log(database.root, worker_id)),
                    "exit_status": process.poll(),
                }
                for worker_id, process in started.items()
            ]
        )
    elif detach:
        for worker_id, process in started.items():
            log = printable(str(worker_log(database.root, worker_id)))
            say(f"worker {worker_id} started, pid {process.pid}, log {log}")
    if interrupts.count:
        return INTERRUPTED
    return FAILED if any(process.poll() for process in started.values()) else DONE


def list_workers(options: Options) -> int:
    found = [] if options.is_fresh() else [worker for worker in workers(options.open_database()) if worker.alive]
    if options.json:
        print_json([worker.as_json() for worker in found])
        return DONE
    if not found:
        note("No worker is alive: `aetui worker` adds one, and so does queueing a run.")
        return DONE
    print_table(
        ("worker", "host", "pid", "device", "run", "last sign"),
        [
            (
                worker.worker_id,
                worker.host,
                str(worker.pid),
                worker.device,
                str(worker.run) if worker.run else "-",
                f"{duration_text(worker.heartbeat_age_s)} ago",
            )
            for worker in found
        ],
        right=("pid",),
    )
    return DONE


def _attend(database: Database, started: dict[str, subprocess.Popen[bytes]], interrupts: Interrupts) -> None:
    """Tell what they train until all have left; Ctrl-C asks them to leave (runs wait again), a second one kills."""
    obeyed = 0
    told: dict[str, RunName | None] = {}
    patience = Patience(tell=note)
    while any(process.poll() is None for process in started.values()):
        with patience.outlast():
            if (count := interrupts.count) > obeyed:
                if count == 1:
                    note("Leaving; their runs wait for other workers. Ctrl-C once more kills.")
                    _signal(list(started.values()), signal.SIGTERM)
                else:
                    for worker_id in started:
                        unregister(database, worker_id)  # those that are entered and die are replaced
                    _signal(list(started.values()), signal.SIGKILL)
                    note("Killed.")
                obeyed = count
            for worker in workers(database):
                if worker.worker_id in started and told.get(worker.worker_id) != worker.run:
                    told[worker.worker_id] = worker.run
                    note(f"{worker.worker_id} {f'trains {worker.run}' if worker.run else 'waits'}")
        time.sleep(_POLL_S)


def _signal(processes: Sequence[subprocess.Popen[bytes]], number: signal.Signals) -> None:
    for process in processes:
        if process.poll() is None:
            process.send_signal(number)
