"""The artifact store itself: objects under keys, written once and never changed."""

import functools
import importlib
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from store.address import S3_SCHEME
from store.artifacts import sync
from store.errors import RequestError, SharingTrouble

_CONNECT_S, _READ_S, _TRIES = 5, 30, 3


class MissingObject(SharingTrouble):
    """Nothing lies under the key: it was replaced just now, or this is another artifact store."""


class _Artifacts(Protocol):
    """What Optuna's artifact stores have in common (``optuna.artifacts``)."""

    def open_reader(self, artifact_id: str) -> Any: ...
    def write(self, artifact_id: str, content_body: Any) -> None: ...
    def remove(self, artifact_id: str) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Objects:
    """Objects at ``address``. Keys are relative to it, as `store.sharing.ledger.new_key` makes them."""

    address: str
    folder: Path | None
    """Where the objects lie as files; None: in S3."""
    prefix: str
    artifacts: _Artifacts = field(repr=False)

    def put(self, key: str, content: bytes) -> None:
        """Raises SharingTrouble: the store does not take it."""
        with self._told():
            if self.folder is None:
                self.artifacts.write(self.prefix + key, io.BytesIO(content))
                return
            path = self.folder / key
            for folder in (self.folder, *reversed(path.relative_to(self.folder).parents[:-1])):
                (self.folder / folder).mkdir(mode=0o700, exist_ok=True)  # its owner's alone, unless it was there
            self.artifacts.write(key, io.BytesIO(content))
            sync(path)  # the storage will say that it is there: it must be, even if the machine loses power

    def get(self, key: str) -> bytes:
        """Raises MissingObject, SharingTrouble: the store does not answer."""
        with self._told(), self.artifacts.open_reader(self.prefix + key) as reader:
            content: bytes = reader.read()
        return content

    def remove(self, key: str) -> None:
        """What is gone already is well.

        Raises:
            SharingTrouble: the store does not answer.
        """
        try:
            with self._told():
                self.artifacts.remove(self.prefix + key)
        except MissingObject:
            pass

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turn what goes wrong, in any of the libraries, into one sentence."""
        try:
            yield
        except SharingTrouble:
            raise
        except Exception as error:
            raise self._trouble(error) from error

    def _trouble(self, error: Exception) -> SharingTrouble:
        if type(error).__name__ == "ArtifactNotFound":  # Optuna's, which is not imported for its name alone
            if _lacks_bucket(error.__cause__):
                return SharingTrouble(f"The artifact store {self.address} is not there: make its bucket first.")
            return MissingObject(
                f"A file of the run is not in {self.address}: is it the artifact store that its worker has?"
            )
        cause = getattr(error, "strerror", None) or str(error).strip().partition("\n")[0].rstrip(".")
        return SharingTrouble(f"The artifact store {self.address} cannot be used just now: {cause}.")


def open_objects(address: str) -> Objects:
    """The artifact store at ``address``, as `store.address.check_artifacts` takes it; nothing is asked of it yet.

    Raises:
        RequestError: the package that S3 needs is not here, or there are no credentials for it.
        SharingTrouble: the folder cannot be made.
    """
    from optuna.artifacts import Boto3ArtifactStore, FileSystemArtifactStore  # with Optuna: 0.4 s

    if not address.startswith(S3_SCHEME):
        folder = Path(address)
        return Objects(address=address, folder=folder, prefix="", artifacts=FileSystemArtifactStore(folder))
    bucket, _, prefix = address.removeprefix(S3_SCHEME).partition("/")
    client = _s3_client(os.environ.get("AWS_ENDPOINT_URL_S3"))
    artifacts = Boto3ArtifactStore(bucket, client, avoid_buf_copy=True)  # the buffers are ours
    return Objects(address=address, folder=None, prefix=f"{prefix.strip('/')}/" if prefix else "", artifacts=artifacts)


@functools.lru_cache(maxsize=4)
def _s3_client(_endpoint: str | None) -> Any:
    """One for all of this process (to make one takes half a second), and another where the endpoint changes.

    Endpoint, region and credentials are those of AWS's own variables and files.
    """
    try:
        boto3, config = importlib.import_module("boto3"), importlib.import_module("botocore.config")
    except ImportError:
        raise RequestError("The artifact store s3://... needs a package: `pip install 'aetui[s3]'`.") from None
    session = boto3.session.Session()
    options = config.Config(
        connect_timeout=_CONNECT_S, read_timeout=_READ_S, retries={"max_attempts": _TRIES, "mode": "standard"}
    )
    # Without a region boto3 refuses to begin; those who have a store of their own often have none.
    return session.client("s3", region_name=session.region_name or "us-east-1", config=options)


def _lacks_bucket(error: BaseException | None) -> bool:
    """Of an answer of S3: the bucket is what is missing, not the object alone."""
    response = getattr(error, "response", {})
    return bool(response.get("Error", {}).get("Code") == "NoSuchBucket")
