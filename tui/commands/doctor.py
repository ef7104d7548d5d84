"""``aetui doctor``: what this machine has, and what to do about what is missing."""

import os
import platform
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

import sqlalchemy

from engine.detach import logout_kills
from engine.devices import gpus
from engine.gpu_room import NO_WORKER, crowded
from engine.kernels.compiler import OFF_VARIABLE, compiled, find_compiler
from engine.notices import notify_file, read_notify
from engine.settings import read_settings, settings_file, usual_settings
from store import schema, sqlite
from store.address import S3_SCHEME
from store.backend import sqlite_file, storage_url
from store.clock import host
from store.database import database_exists
from store.errors import RequestError, StorageTrouble
from store.file_system import file_system, nearest
from store.paths import Root
from store.room import ENOUGH
from store.salvage import Salvaged, salvage
from store.upgrade import upgrade
from store.workers import workers
from tui.commands.caution import caution
from tui.commands.errors import DONE, FAILED
from tui.commands.options import Options
from tui.commands.output import note, print_json, printable, say
from tui.look import Look

_TORCH_PROBE = "import torch; print(torch.__version__, torch.version.cuda or 'no', torch.cuda.is_available(), sep='|')"


_SLOWER = "runs on the CPU take a quarter longer"


class Verdict(StrEnum):
    OK = "ok"
    NOTE = "note"
    BROKEN = "broken"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One line: ``advice`` says what to do, empty where there is nothing to do."""

    subject: str
    verdict: Verdict
    says: str
    advice: str = ""


def doctor(options: Options, *, wants_upgrade: bool = False, wants_recovery: bool = False) -> int:
    """First save a damaged database (``wants_recovery``), bring tables of an older Optuna up to date."""
    if wants_recovery:
        _tell_saved(salvage(options.find_root(), options.storage))
    if wants_upgrade:
        copy = upgrade(options.find_root(), options.storage)
        told = f"up to date now; as it was before, it is {copy}." if copy else "up to date already: nothing was done."
        note(printable(f"The storage is {told}"))
    findings = list(_examine(options))
    if options.json:
        print_json({"ok": not _is_broken(findings), "checks": [asdict(finding) for finding in findings]})
    else:
        for finding in findings:
            advice = f": {finding.advice}" if finding.advice else ""
            say(f"{finding.verdict:<7} {finding.subject:<10} {printable(finding.says + advice)}")
    return FAILED if _is_broken(findings) else DONE


def _tell_saved(saved: Salvaged | None) -> None:
    if saved is None:
        note("The storage is not damaged: nothing was done.")
        return
    note(printable(f"{saved.num_rows:,} rows of the storage were saved; as it was, it is {saved.aside}."))
    for table in saved.tables:
        lost = ["some could not be read"] if table.has_gaps else []
        lost += [f"{table.num_orphans:,} belonged to what is lost"] if table.num_orphans else []
        if lost:
            note(printable(f"{table.name}: {table.num_rows:,} rows were saved; {' and '.join(lost)}."))


def _is_broken(findings: list[Finding]) -> bool:
    return any(finding.verdict is Verdict.BROKEN for finding in findings)


def _examine(options: Options) -> Iterator[Finding]:
    root = options.find_root()
    yield Finding(subject="python", verdict=Verdict.OK, says=f"{platform.python_version()} ({sys.executable})")
    yield _torch()
    yield _compiler()
    yield from _devices(options)
    yield _folder(root)
    yield from _storage(options, root)
    yield from _artifacts(options)
    yield from _datasets(options)
    yield _terminal()
    yield from _keymap()
    yield _tmux()
    yield _logout()
    yield _notify()
    yield _settings()


def _torch() -> Finding:
    # In a process of its own: the import takes seconds and hundreds of megabytes, and a broken build can crash.
    command = [sys.executable, "-P", "-c", _TORCH_PROBE]
    probe = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    if probe.returncode:
        cause = (probe.stderr.strip().splitlines() or [f"it ends with status {probe.returncode}"])[-1]
        return Finding(
            subject="torch",
            verdict=Verdict.BROKEN,
            says=f"cannot be imported ({cause})",
            advice="install it again, `pip install --force-reinstall torch torchvision`",
        )
    version, cuda, has_cuda = probe.stdout.strip().split("|")
    says = f"{version}, built for {'the CPU only' if cuda == 'no' else f'CUDA {cuda}'}"
    if gpus() and has_cuda != "True":
        return Finding(
            subject="torch",
            verdict=Verdict.BROKEN,
            says=f"{says}, cannot use the GPU that is here",
            advice="install the build of torch that fits the driver",
        )
    return Finding(subject="torch", verdict=Verdict.OK, says=says)


def _compiler() -> Finding:
    path = find_compiler()
    if path is not None and not compiled().trouble:
        return Finding(subject="compiler", verdict=Verdict.OK, says=f"{path} makes what trains faster on the CPU")
    if os.environ.get(OFF_VARIABLE) == "torch":
        says, advice = f"not used, as {OFF_VARIABLE} says", _SLOWER
    elif path is None:
        says, advice = "there is none for C", f"{_SLOWER}; install gcc"
    else:
        says, advice = f"{path} fails ({compiled().trouble})", _SLOWER
    return Finding(subject="compiler", verdict=Verdict.NOTE, says=says, advice=advice)


def _devices(options: Options) -> Iterator[Finding]:
    cards = gpus()
    told = [f"{gpu.name} {gpu.model} {gpu.memory_total / 2**30:.0f} GiB" for gpu in cards]
    cores = f"{os.cpu_count()} CPU cores"
    if not told:
        yield Finding(
            subject="devices", verdict=Verdict.OK, says=f"{cores}, no NVIDIA GPU answers: training runs on the CPU"
        )
        return
    yield Finding(subject="devices", verdict=Verdict.OK, says=f"{cores}, {', '.join(told)}")
    for each in crowded(cards, _pids_of_workers(options), usual_settings().gpu_free_gb):
        yield Finding(subject="devices", verdict=Verdict.NOTE, says=each.says, advice=NO_WORKER)


def _pids_of_workers(options: Options) -> set[int]:
    try:
        found = [] if options.is_fresh() else workers(options.open_database())
    except (RequestError, sqlalchemy.exc.SQLAlchemyError):  # what is wrong with the storage has a line of its own
        return set()
    return {worker.pid for worker in found if worker.alive and worker.host == host()}


def _folder(root: Root) -> Finding:
    there = nearest(root.path)
    if not os.access(there, os.W_OK | os.X_OK):
        return Finding(
            subject="root",
            verdict=Verdict.BROKEN,
            says=f"{root.path} cannot be written",
            advice="it can be looked at and exported from; for runs, name another with --root or AETUI_ROOT",
        )
    free = shutil.disk_usage(there).free
    size = f"{free / 2**30:.1f} GiB" if free >= 2**30 else f"{free / 2**20:.0f} MiB"
    says = f"{root.path}{'' if root.path.exists() else ' (not there yet)'}, {size} free"
    if free < ENOUGH:
        return Finding(
            subject="root", verdict=Verdict.BROKEN, says=says, advice="make room, runs wait until there is some"
        )
    if free < 2**30:
        return Finding(subject="root", verdict=Verdict.NOTE, says=says, advice="make room, checkpoints need some")
    return Finding(subject="root", verdict=Verdict.OK, says=says)


def _storage(options: Options, root: Root) -> Iterator[Finding]:
    file = sqlite_file(storage_url(root, options.storage))
    if (told := caution(file)) is not None:
        says, _, advice = told.rpartition(": ")
        yield Finding(subject="storage", verdict=Verdict.NOTE, says=says, advice=advice)
    if file is None:
        where = "the named storage"
    else:
        where = f"SQLite {sqlite3.sqlite_version} on {file_system(file.parent).kind}"
    if not database_exists(root, options.storage):
        yield Finding(subject="storage", verdict=Verdict.OK, says=f"{where}, no experiments yet")
        return
    try:
        database = options.open_database()
        with database.read() as connection:
            form = connection.execute(sqlalchemy.select(schema.optuna_form.c.version_num)).scalar()
            journal = ""
            if file is not None:
                journal = f", journal {connection.execute(sqlalchemy.text('PRAGMA journal_mode')).scalar()}"
                found = str(connection.execute(sqlalchemy.text("PRAGMA quick_check(1)")).scalar())
                if found != "ok":
                    raise sqlite.damaged(file, found)
    except StorageTrouble as error:  # it says what to do
        yield Finding(subject="storage", verdict=Verdict.BROKEN, says=str(error))
    except (RequestError, sqlalchemy.exc.SQLAlchemyError) as error:
        yield Finding(
            subject="storage",
            verdict=Verdict.BROKEN,
            says=str(error).partition("\n")[0],
            advice="restore the file, or name another root",
        )
    else:
        yield Finding(subject="storage", verdict=Verdict.OK, says=f"{where}{journal}, Optuna's tables {form}")


def _artifacts(options: Options) -> Iterator[Finding]:
    if (address := options.artifacts) is None:
        return
    from store.sharing.objects import MissingObject, open_objects  # Optuna, 0.4 s

    try:
        open_objects(address).get("nothing")
    except MissingObject:  # it answers, and that is what was asked
        is_there = address.startswith(S3_SCHEME) or Path(address).is_dir()
        says = address if is_there else f"{address} is not there yet: the first worker makes it"
        yield Finding(subject="artifacts", verdict=Verdict.OK if is_there else Verdict.NOTE, says=says)
    except RequestError as error:
        yield Finding(subject="artifacts", verdict=Verdict.BROKEN, says=str(error))
    else:
        yield Finding(subject="artifacts", verdict=Verdict.OK, says=address)


def _notify() -> Finding:
    try:
        notify = read_notify()
    except RequestError as error:
        return Finding(
            subject="notify", verdict=Verdict.NOTE, says=str(error).rstrip("."), advice="mend it or remove it"
        )
    if not notify.needs_process:
        return Finding(subject="notify", verdict=Verdict.OK, says=f"an open screen alone (no {notify_file()})")
    ways = [way for way, is_used in (("a command", notify.command), ("a webhook", notify.webhook)) if is_used]
    return Finding(subject="notify", verdict=Verdict.OK, says=f"{' and '.join(ways)} of {notify_file()}")


def _settings() -> Finding:
    try:
        settings = read_settings()
    except RequestError as error:
        return Finding(
            subject="settings", verdict=Verdict.BROKEN, says=str(error).rstrip("."), advice="mend it or remove it"
        )
    if not settings_file().exists():
        return Finding(subject="settings", verdict=Verdict.OK, says=f"what is built in (no {settings_file()})")
    return Finding(subject="settings", verdict=Verdict.OK, says=f"{settings_file()}: {settings.says or 'nothing'}")


def _terminal() -> Finding:
    term = os.environ.get("TERM", "")
    if term in ("", "dumb", "unknown"):
        return Finding(
            subject="terminal",
            verdict=Verdict.NOTE,
            says=f"TERM is {term or 'not set'}",
            advice="the screen needs one that can place its cursor, as xterm-256color; the commands work without",
        )
    true_colour = os.environ.get("COLORTERM") in ("truecolor", "24bit")
    colours = "16 million" if true_colour else "256" if "256" in term else "16"
    if not Look.of().is_unicode:
        return Finding(
            subject="terminal",
            verdict=Verdict.NOTE,
            says=f"{term}, {colours} colours, not UTF-8",
            advice="LANG=C.UTF-8 gives finer curves, in braille",
        )
    return Finding(subject="terminal", verdict=Verdict.OK, says=f"{term}, {colours} colours, UTF-8")


def _keymap() -> Iterator[Finding]:
    """Only who has one hears of it."""
    from tui.keys.keymap import keymap_file, read_keymap  # textual: 250 ms

    try:
        own = read_keymap()
    except RequestError as error:
        yield Finding(
            subject="keys", verdict=Verdict.BROKEN, says=str(error), advice="put it right, or the screen will not open"
        )
    else:
        if own:
            says = f"{keymap_file()} changes {len(own)} action{'' if len(own) == 1 else 's'}"
            yield Finding(subject="keys", verdict=Verdict.OK, says=says)


def _tmux() -> Finding:
    if os.environ.get("TMUX"):
        return Finding(subject="tmux", verdict=Verdict.OK, says="this is a session of it")
    if shutil.which("tmux") or shutil.which("screen"):
        return Finding(subject="tmux", verdict=Verdict.OK, says="here, not needed: workers go on without a terminal")
    return Finding(
        subject="tmux", verdict=Verdict.OK, says="not here, and not needed: workers go on without a terminal"
    )


def _logout() -> Finding:
    """Whether systemd ends a user's processes when the last session closes."""
    if logout_kills():
        command = ["loginctl", "show-user", str(os.getuid()), "--property=Linger"]
        asked = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
        if "Linger=yes" not in asked.stdout:
            return Finding(
                subject="logout",
                verdict=Verdict.NOTE,
                says="systemd ends your processes when you log out",
                advice="`loginctl enable-linger` lets workers go on",
            )
    return Finding(subject="logout", verdict=Verdict.OK, says="workers go on after it")


def _datasets(options: Options) -> Iterator[Finding]:
    from tui.commands.data import states

    for state in states(options):
        yield Finding(
            subject="data",
            verdict=Verdict.OK if state.is_here else Verdict.NOTE,
            says=f"{state.name}: {state.where}",
            advice="" if state.is_here else f"`aetui data get {state.name}` fetches it when it is wanted",
        )
