"""The files of MNIST and of its kin: where they belong, whether they are here, and how they are fetched.

Free of torch, so that `aetui data` answers at once; torchvision reads the same files (``torchvision_sets``).
"""

import gzip
import hashlib
import http.client
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from store.artifacts import written_aside
from store.errors import RequestError

_FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
_CHUNK = 1 << 16
_TIMEOUT_S = 30


@dataclass(frozen=True, kw_only=True)
class _Source:
    """``folder`` as torchvision names it; ``mirrors`` as torchvision lists them; ``md5`` of each gzipped file."""

    folder: str
    mirrors: tuple[str, ...]
    md5: tuple[str, str, str, str]


_SOURCES = {
    "mnist": _Source(
        folder="MNIST",
        mirrors=("https://ossci-datasets.s3.amazonaws.com/mnist/", "http://yann.lecun.com/exdb/mnist/"),
        md5=(
            "f68b3c2dcbeaaa9fbdd348bbdeb94873",
            "d53e105ee54ea40749a09fcbcd1e9432",
            "9fb629c4189551a2d022fa330f9573f3",
            "ec29112dd5afa0611ce80d1b7f02629c",
        ),
    ),
    "fashion-mnist": _Source(
        folder="FashionMNIST",
        mirrors=("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",),
        md5=(
            "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
            "25c81989df183df01b3e8a0aad5dffbe",
            "bef4ecab320f06d8554ea6380940ec79",
            "bb300cfdad3c16e7a12a480ee83cd310",
        ),
    ),
    "kmnist": _Source(
        folder="KMNIST",
        mirrors=("http://codh.rois.ac.jp/kmnist/dataset/kmnist/",),
        md5=(
            "bdb82020997e1d708af4cf47b453dcf7",
            "e144d726b3acfaa3e44228e80efcd344",
            "5c965bf0a639b31b8f53240b1b52f4d7",
            "7320c461ea6c1c855c0b718fb2a4b134",
        ),
    ),
}


def is_present(name: str, data_dir: Path) -> bool:
    """Whether all files of ``name`` are in ``data_dir``; data sets without files of their own always are."""
    source = _SOURCES.get(name)
    return source is None or all((data_dir / source.folder / "raw" / file).is_file() for file in _FILES)


def require_present(name: str, data_dir: Path) -> None:
    """Raises RequestError: files of ``name`` are missing in ``data_dir``."""
    if not is_present(name, data_dir):
        raise RequestError(
            f"The data set {name} is not in {data_dir}: fetch it with `aetui data get {name}`, "
            "or say where it is with --data-dir."
        )


def download(name: str, data_dir: Path, progress: Callable[[int, int], None] = lambda done, total: None) -> None:
    """Fetch the files of ``name`` that are missing, check them, and unpack them into ``data_dir``.

    Args:
        progress: called as ``progress(bytes done, bytes in all)``; the total grows as each file says its size.

    Raises:
        RequestError: nothing is to be fetched for ``name``, no mirror answers, what came is damaged, or ``data_dir``
            cannot be written.
    """
    source = _SOURCES.get(name)
    if source is None:
        raise RequestError(f"{name} needs no download: only {', '.join(_SOURCES)} are fetched.")
    raw = data_dir / source.folder / "raw"
    try:
        raw.mkdir(parents=True, exist_ok=True)
        missing = [(file, md5) for file, md5 in zip(_FILES, source.md5, strict=True) if not (raw / file).is_file()]
        done = 0
        for file, md5 in missing:
            packed = _fetch(source.mirrors, f"{file}.gz", md5, done, progress)
            with written_aside(raw / file) as aside:
                aside.write_bytes(gzip.decompress(packed))
            done += len(packed)
    except OSError as error:
        raise RequestError(
            f"The data set {name} cannot be written to {data_dir} ({error.strerror or error})."
        ) from error


def _fetch(mirrors: tuple[str, ...], file: str, md5: str, done: int, progress: Callable[[int, int], None]) -> bytes:
    """The bytes of ``file`` from the first mirror that has them undamaged."""
    troubles = []
    for mirror in mirrors:
        try:
            with urllib.request.urlopen(mirror + file, timeout=_TIMEOUT_S) as response:
                total = done + int(response.headers.get("Content-Length") or 0)
                packed = bytearray()
                while chunk := response.read(_CHUNK):
                    packed += chunk
                    progress(done + len(packed), max(total, done + len(packed)))
        except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
            troubles.append(f"{mirror} {getattr(error, 'reason', error)}")
            continue
        if hashlib.md5(packed, usedforsecurity=False).hexdigest() == md5:
            return bytes(packed)
        troubles.append(f"{mirror} sent a damaged file")
    raise RequestError(f"{file} could not be fetched ({'; '.join(troubles)}): try again, or copy it to --data-dir.")
