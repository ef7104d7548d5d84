"""Uploading what has changed in a run's folder since it was uploaded, or fetched, last."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from sqlalchemy import Connection, select

from store import schema
from store.database import Database
from store.errors import SharingTrouble
from store.leases import fence
from store.names import RunName
from store.records import Claim, Run
from store.sharing import ledger
from store.sharing.folders import Known, held, read_known, shareable_files, stamp_of, write_known
from store.sharing.objects import Objects, open_objects

_GROWING = ("metrics.jsonl", "log.txt")
"""Appended to while they are read: they end with the last whole line."""

_MayUpload = Callable[[ledger.SharedFile | None, Known | None], bool]


def upload(database: Database, run: Run) -> None:
    """Let others have what was changed in the folder of a run that no worker has; without an artifact store nothing.

    Raises:
        SharingTrouble: the artifact store does not answer.
    """
    if database.artifacts is not None:
        Uploader(database).of_run(run)


class Uploader:
    """Uploads runs' files to the artifact store of ``database``, which must have one."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._objects: Objects | None = None

    def of_attempt(self, claim: Claim) -> int:
        """Upload what the attempt has changed; returns how many bytes that were.

        Raises:
            LeaseLost: the run is no longer this attempt's; the others' files stay.
            SharingTrouble: the artifact store does not answer; nothing has changed in it.
        """
        return self._upload(claim.name, claim.trial_id, lambda connection: fence(connection, claim), _always)

    def of_run(self, run: Run) -> int:
        """As `of_attempt`, of what was changed in the folder of a run that no worker has; nothing of one that has."""

        def is_free(connection: Connection) -> None:
            query = select(schema.trials.c.state).where(schema.trials.c.trial_id == run.trial_id)
            if connection.execute(query).scalar_one() == "RUNNING":
                raise _Taken

        try:
            return self._upload(run.name, run.trial_id, is_free, _where_ours_is_the_newest)
        except _Taken:
            return 0

    def _upload(self, name: RunName, trial_id: int, check: Callable[[Connection], None], may_upload: _MayUpload) -> int:
        database, folder = self._database, self._database.root.run(name).folder
        if not folder.is_dir():
            return 0
        with held(folder):
            with database.read() as connection:
                before = ledger.files(connection, trial_id)
            known = read_known(folder)
            changed: dict[str, ledger.SharedFile] = {}
            try:
                for path, file in _in_order(shareable_files(folder)):
                    with suppress(FileNotFoundError):  # thinned out just now
                        stamp = stamp_of(file)
                        if may_upload(before.get(path), known.get(path)) and (
                            not before or path not in known or known[path].stamp != stamp
                        ):
                            changed[path] = self._put(name, path, file)
                            known[path] = Known(changed[path].key, stamp)
                gone = {path for path in known if not (folder / path).is_file()}
                if not changed and not gone:
                    return 0
                with database.write() as connection:
                    check(connection)
                    ledger.replace(connection, trial_id, changed, gone)
            except BaseException:
                self._remove(file.key for file in changed.values())
                raise
            write_known(folder, {path: each for path, each in known.items() if path not in gone})
        self._remove(before[path].key for path in (*changed, *gone) if path in before)
        return sum(file.size for file in changed.values())

    def _put(self, name: RunName, path: str, file: Path) -> ledger.SharedFile:
        content = file.read_bytes()
        if path in _GROWING:
            content = content[: content.rfind(b"\n") + 1]
        key = ledger.new_key(name, path)
        self._opened().put(key, content)
        return ledger.SharedFile(path=path, key=key, size=len(content), digest=hashlib.sha256(content).hexdigest())

    def _remove(self, keys: Iterable[str]) -> None:
        """What is left where this fails takes room and nothing else."""
        with suppress(SharingTrouble):
            for key in keys:
                self._opened().remove(key)

    def _opened(self) -> Objects:
        if self._objects is None:
            assert self._database.artifacts is not None
            self._objects = open_objects(self._database.artifacts)
        return self._objects


def _in_order(files: Mapping[str, Path]) -> Sequence[tuple[str, Path]]:
    """The last checkpoint first: the training that goes on meanwhile writes it after the best one.

    So what is uploaded is as a crash could have left it: the best checkpoint and the metrics may be ahead of the last.
    """
    return sorted(files.items(), key=lambda each: each[0] != "last.safetensors")


def _always(_there: ledger.SharedFile | None, _known: Known | None) -> bool:
    """An attempt has fetched what there was, and nobody else uploads as long as it has the run."""
    return True


def _where_ours_is_the_newest(there: ledger.SharedFile | None, known: Known | None) -> bool:
    """What another host uploaded since is newer, also where something was written here meanwhile.

    Such as by a worker that had lost the run already, or had not come to upload.
    """
    return there is None or (known is not None and known.key == there.key)


class _Taken(Exception):
    """A worker has the run, and it alone says what its files are."""
