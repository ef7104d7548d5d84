"""Fetching the files of runs that were changed on other hosts into the root of this one."""

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

from store import room
from store.artifacts import written_aside
from store.database import Database
from store.errors import SharingTrouble
from store.names import RunName
from store.records import Run
from store.sharing import ledger
from store.sharing.folders import Known, held, read_known, stamp_of, write_known
from store.sharing.ledger import SharedFile
from store.sharing.objects import MissingObject, Objects, open_objects

_WEIGHTS = ".safetensors"
_TRIES = 3

Tell = Callable[[int, int], None]
"""Is told how far it is: bytes that are here, of how many."""


class Downloader:
    """Fetches runs' files from the artifact store of ``database``; without one there is never anything to fetch."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._objects: Objects | None = None

    def fetch(self, run: Run, tell: Tell = lambda done, total: None, *, with_weights: bool) -> bool:
        """Bring the run's folder up to what was uploaded last; returns whether anything has changed in it.

        Files that are as they were when this host uploaded or fetched them last are left, also where a worker here
        has written on them since: what was uploaded is then the older.

        Raises:
            SharingTrouble: the artifact store does not answer, or what it holds is damaged. Files that came are whole.
        """
        return self.fetch_of(run.name, run.trial_id, tell, with_weights=with_weights)

    def fetch_of(
        self, name: RunName, trial_id: int, tell: Tell = lambda done, total: None, *, with_weights: bool
    ) -> bool:
        """As `fetch`."""
        if self._database.artifacts is None:
            return False
        folder = self._database.root.run(name).folder
        for is_last in (False,) * (_TRIES - 1) + (True,):
            there = self._there(trial_id, with_weights=with_weights)
            if not _wanted(there, read_known(folder), folder) and not _gone(there, read_known(folder), with_weights):
                return False
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                with held(folder):
                    self._bring(folder, self._there(trial_id, with_weights=with_weights), tell, with_weights)
                return True
            except OSError as error:
                full = room.lack(error, self._database.root.path)
                raise full or SharingTrouble(f"{folder} cannot be written: {error.strerror or error}.") from error
            except MissingObject:  # replaced between the reading of its key and that of its content
                if is_last:
                    raise
        return False

    def _there(self, trial_id: int, *, with_weights: bool) -> dict[str, SharedFile]:
        with self._database.read() as connection:
            found = ledger.files(connection, trial_id)
        return {path: file for path, file in found.items() if with_weights or not path.endswith(_WEIGHTS)}

    def _bring(self, folder: Path, there: Mapping[str, SharedFile], tell: Tell, with_weights: bool) -> None:
        known = read_known(folder)
        wanted = _wanted(there, known, folder)
        done, total = 0, sum(file.size for file in wanted)
        for file in wanted:
            tell(done, total)
            target = folder / file.path
            target.parent.mkdir(mode=0o700, exist_ok=True)
            content = self._content(file)
            with written_aside(target) as aside:
                aside.write_bytes(content)
            known[file.path] = Known(file.key, stamp_of(target))
            write_known(folder, known)
            done += file.size
        tell(total, total)
        for path in _gone(there, known, with_weights):
            (folder / path).unlink(missing_ok=True)
            del known[path]
        write_known(folder, known)

    def _content(self, file: SharedFile) -> bytes:
        if self._objects is None:
            assert self._database.artifacts is not None
            self._objects = open_objects(self._database.artifacts)
        content = self._objects.get(file.key)
        if hashlib.sha256(content).hexdigest() != file.digest:
            raise SharingTrouble(
                f"{file.key} in {self._objects.address} is damaged: its content is not what was uploaded."
            )
        return content


def _wanted(there: Mapping[str, SharedFile], known: Mapping[str, Known], folder: Path) -> list[SharedFile]:
    """What lies here in an older form or not at all."""
    return [
        file
        for path, file in there.items()
        if path not in known or known[path].key != file.key or not (folder / path).is_file()
    ]


def _gone(there: Mapping[str, SharedFile], known: Mapping[str, Known], with_weights: bool) -> list[str]:
    """What was shared once and is not any more."""
    return [path for path in known if path not in there and (with_weights or not path.endswith(_WEIGHTS))]
