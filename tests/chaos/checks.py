"""What must hold once all is calm: nothing lost, nothing twice, no value changed, no file torn."""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from sqlalchemy import text

from engine.supervisor import worker_log
from store import listing
from store.database import Database
from store.errors import SharingTrouble
from store.metrics import decode, read_metrics
from store.paths import RunPaths
from store.records import Run, RunState
from store.sharing.download import Downloader
from tests.chaos import doomed
from tests.chaos.ledger import Ledger
from tests.chaos.place import NUM_SEARCHED, RECIPE, Place
from tests.live import weights
from tests.own_kinds import NO_MEMORY

_NO_MEMORY = (
    *("MemoryError", "out of memory", "can't allocate memory", "failed to map segment", "start new thread"),
    "could not create a primitive",
)
_ASIDE = (RunState.PAUSED, RunState.HELD)
_ATTEMPT = re.compile(r"attempt (\d+) on \S+ by worker")
_KEPT = 3000  # characters of a traceback: its last ones, where the error is named
_TRACEBACK = re.compile(r"^Traceback \(most recent call last\):\n(?:(?: .*)?\n)*.*", re.MULTILINE)
_TEMPORARY = re.compile(r"\.(?P<name>.+)\.(?P<attempt>\d+)\.(?P<pid>\d+)\.tmp")


def check(place: Place, ledger: Ledger) -> None:
    """Complain in the ledger of all that does not hold."""
    database = place.open()
    runs = listing.runs(database, deleted=True)
    _check_database(place, ledger)
    _check_promises(ledger, runs)
    _check_numbers(ledger, runs)
    _check_asked_once(database, ledger, runs)
    _check_recipe(ledger, runs)
    doomed.check(ledger, runs)
    for run in runs:
        _check_run(database, ledger, run)
    _check_shared(place, ledger, runs)
    _check_root(place, ledger)
    _check_exported(place, ledger)
    database.close()


def _check_database(place: Place, ledger: Ledger) -> None:
    with place.transaction() as connection:
        if place.storage is None and (found := connection.execute(text("PRAGMA integrity_check")).all()) != [("ok",)]:
            ledger.complain("files torn", f"the database: {found}")
        running = "SELECT trial_id FROM trials WHERE state = 'RUNNING'"
        leases = f"SELECT count(*) FROM aetui_leases WHERE trial_id NOT IN ({running})"
        if connection.execute(text(leases)).scalar_one():
            ledger.complain("unsettled", "leases of runs that do not run")


def _check_promises(ledger: Ledger, runs: list[Run]) -> None:
    there = {str(run.name): run for run in runs}
    for name in {*ledger.acknowledged, *ledger.ended}:
        if name not in there:
            ledger.complain("lost", f"{name} is not there; it was asked for by {ledger.acknowledged.get(name)}")
    for name, run in there.items():
        if run.deleted:
            if name not in ledger.may_be_removed:
                ledger.complain("lost", f"{name} is deleted, and nobody did that")
        elif run.state in _ASIDE:
            if not {name, run.name.experiment} & ledger.may_be_held:
                ledger.complain("lost", f"{name} is {run.state}, and nobody asked for that")
        elif not run.state.is_finished:
            ledger.complain("lost", f"{name} is {run.state} in the end")
    for name, ended in ledger.ended.items():
        found = there.get(name)
        if found is not None and (found.state, found.value, found.attempt) != (ended.state, ended.value, ended.attempt):
            ledger.complain("values lost", f"{name} was seen as {ended}, and is {found.state} with {found.value}")


def _check_numbers(ledger: Ledger, runs: list[Run]) -> None:
    numbers: dict[str, list[int]] = {}
    for run in runs:
        numbers.setdefault(run.name.experiment, []).append(run.name.number)
    for experiment, found in numbers.items():
        if sorted(found) != list(range(len(found))):
            ledger.complain("doubled", f"the runs of {experiment} are numbered {sorted(found)}")


def _check_recipe(ledger: Ledger, runs: list[Run]) -> None:
    """Its final run came to its end once; its search has as many as it wanted or, by several workers, some more."""
    complete = Counter(run.name.experiment for run in runs if run.state is RunState.COMPLETE)
    searched, final = complete[f"{RECIPE}-search"], complete[f"{RECIPE}-final"]
    if searched < NUM_SEARCHED or not final:
        ledger.complain("lost", f"the recipe has {searched} runs of its search and {final} final ones")
    if final > 1:
        ledger.complain("doubled", f"the recipe has {final} final runs")


def _check_asked_once(database: Database, ledger: Ledger, runs: list[Run]) -> None:
    """No command made two runs: each asked for a seed of its own, and what goes on from another keeps its seed."""
    asked = {seed: words[words.index("--name") + 1] for seed, words in ledger.seeds.items()}
    made: dict[int, list[str]] = {}
    for run in runs:
        if asked.get(run.seed) == run.name.experiment and listing.frozen(database, run.name).spec["start_from"] is None:
            made.setdefault(run.seed, []).append(str(run.name))
    for seed, names in made.items():
        if len(names) > 1:
            ledger.complain("doubled", f"{names} were made by one command (seed {seed})")


def _check_run(database: Database, ledger: Ledger, run: Run) -> None:
    for paths in (database.root.run(run.name), RunPaths(database.root.trashed(run.name))):
        if paths.folder.is_dir():
            _check_files(ledger, run, paths)
            _check_log(ledger, run, paths)
    paths = database.root.run(run.name)
    if run.deleted or not run.epoch:
        return
    if not paths.metrics.is_file() or not paths.last.is_file():
        ledger.complain("lost", f"{run.name} reached epoch {run.epoch}, and its files are not in {paths.folder}")
    elif run.state is RunState.COMPLETE:
        _check_complete(database, ledger, run, paths)
    elif run.state is RunState.STOPPED:
        best = min(line["value"] for line in read_metrics(paths.metrics) if line["kind"] == "epoch")
        if run.value != best:
            ledger.complain("values lost", f"{run.name} is stopped with {run.value}, and its best epoch had {best}")


def _check_files(ledger: Ledger, run: Run, paths: RunPaths) -> None:
    for file, trouble in torn(paths.folder):
        if (str(run.name), file.name) in ledger.damaged and (
            run.state is not RunState.COMPLETE or file.parent == paths.latents
        ):
            continue  # nothing has gone on from there, or will: codes of an epoch that is over are not written again
        ledger.complain("files torn", f"{file} of {run.name} ({run.state}): {trouble}")
    epochs = [line["epoch"] for line in read_metrics(paths.metrics) if line["kind"] == "epoch"]
    if epochs != list(range(1, len(epochs) + 1)):
        ledger.complain("epochs wrong", f"{run.name} ({run.state}) has the epochs {epochs} in {paths.metrics}")
    for file in paths.folder.rglob(".*.tmp"):
        parts = _TEMPORARY.fullmatch(file.name)
        # One that was killed while it wrote leaves its file for the next attempt; who slept and was killed then, for
        # none. What an attempt that came through left is a mistake.
        if parts is None or (run.state is RunState.COMPLETE and int(parts["attempt"]) == run.attempt):
            ledger.complain("leftovers", f"{file} of {run.name}, which is {run.state} at attempt {run.attempt}")


def torn(folder: Path) -> Iterator[tuple[Path, str]]:
    """Files below ``folder`` that do not open whole, and why."""
    for file in sorted(folder.rglob("*")):
        if file.name.startswith(".") or not file.is_file():
            continue
        try:
            match file.suffix:
                case ".json":
                    json.loads(file.read_text(encoding="utf-8"))
                case ".npz":
                    with np.load(file, allow_pickle=False) as arrays:
                        for name in arrays:
                            arrays[name]
                case ".safetensors":
                    weights(file)
        except Exception as error:  # of JSON, of zipfile and zlib, of safetensors: each has its own
            yield file, f"{type(error).__name__}: {error}"


def _check_log(ledger: Ledger, run: Run, paths: RunPaths) -> None:
    """Each attempt began once, and none after the run had come to its end."""
    if not paths.log.is_file():
        return
    text = paths.log.read_text(encoding="utf-8", errors="replace")
    begun = [int(number) for number in _ATTEMPT.findall(text)]
    if len(begun) != len(set(begun)) or max(begun, default=0) > run.attempt:
        ledger.complain("doubled", f"{run.name} was begun as the attempts {begun}, and is at {run.attempt}")
    _, _, behind = text.partition(" complete  ")
    if _ATTEMPT.search(behind):
        ledger.complain("doubled", f"{run.name} was begun again once it was complete")


def _check_complete(database: Database, ledger: Ledger, run: Run, paths: RunPaths) -> None:
    lines = paths.metrics.read_text(encoding="utf-8").splitlines()
    if any(decode(line) is None for line in lines):
        ledger.complain("files torn", f"{run.name} is complete, and a line of its metrics is torn")
    epochs = [line for line in read_metrics(paths.metrics) if line["kind"] == "epoch"]
    reported = listing.values(database, run.trial_id)
    values = {line["epoch"]: line["value"] for line in epochs}
    if len(epochs) != run.epoch:
        ledger.complain("epochs wrong", f"{run.name} is complete after {run.epoch} epochs, with {len(epochs)} lines")
    if any(values.get(epoch) != value for epoch, value in reported):
        ledger.complain("values lost", f"{run.name} reported {reported}, and its metrics say {values}")
    steps = [epoch for epoch, _ in reported]
    if not steps or steps != list(range(steps[0], run.epoch + 1)):
        ledger.complain("epochs wrong", f"{run.name} is complete after {run.epoch} epochs and reported {steps}")
    told = json.loads(paths.results.read_text(encoding="utf-8"))
    if not told["value"] == run.value == min(values.values(), default=None):
        ledger.complain("values lost", f"{run.name} has {run.value}, its results {told['value']}, its epochs {values}")
    if any(run.test.get(name) != figure for name, figure in told["test"].items()):
        ledger.complain("values lost", f"{run.name} has the test figures {run.test}, its results {told['test']}")


def _check_shared(place: Place, ledger: Ledger, runs: list[Run]) -> None:
    """Another host gets the very files that the last attempt of each complete run has left."""
    there = place.open(place.elsewhere)
    downloader = Downloader(there)
    for run in runs:
        if run.state is not RunState.COMPLETE or run.deleted:
            continue
        try:
            downloader.fetch(run, with_weights=True)
        except SharingTrouble as error:
            ledger.complain("files torn", f"{run.name} cannot be fetched: {error}")
            continue
        here, fetched = place.root.run(run.name), place.elsewhere.run(run.name)
        for name in ("config", "metrics", "last", "best"):
            ours, theirs = getattr(here, name), getattr(fetched, name)
            if not theirs.is_file() or theirs.read_bytes() != ours.read_bytes():
                ledger.complain("values lost", f"{theirs} is not {ours}, and {run.name} is complete")
    there.close()


def _check_root(place: Place, ledger: Ledger) -> None:
    for file in place.root.path.glob(".*.json"):
        try:
            json.loads(file.read_text(encoding="utf-8"))
        except ValueError as error:
            ledger.complain("files torn", f"{file}: {error}")
    starved = {worker_log(place.root, worker_id) for worker_id in ledger.starved}
    for log in place.root.worker_logs.glob("*.log"):
        text = log.read_text(encoding="utf-8", errors="replace")
        if log in starved and any(sign in text for sign in _NO_MEMORY):
            continue  # it may die of that: its run goes on elsewhere
        for found in _TRACEBACK.findall(text):
            if NO_MEMORY not in found:  # those are of runs that are to fail of that
                ledger.complain("workers broken", f"{log.name}: {found[-_KEPT:]}")
    for file in place.root.path.rglob("*.aside"):
        pid = file.name.split(".")[-2]
        if pid.isdecimal() and not Path(f"/proc/{pid}").exists():
            ledger.left_behind.append(str(file.relative_to(place.root.path)))


def _check_exported(place: Place, ledger: Ledger) -> None:
    """What is there of the exports is one of them, whole."""
    manifest = place.exported / "manifest.json"
    if not manifest.is_file():
        return
    for name, expected in json.loads(manifest.read_text(encoding="utf-8"))["files"].items():
        file = place.exported / name
        if not file.is_file() or hashlib.sha256(file.read_bytes()).hexdigest() != expected:
            ledger.complain("files torn", f"{file} is not what the manifest beside it says")
