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
    """``folder`` as torchvision names it; ``mirrors`` as torchvision lists them; ``sha256`` of each gzipped file."""

    folder: str
    mirrors: tuple[str, ...]
    sha256: tuple[str, str, str, str]


_SOURCES = {
    "mnist": _Source(
        folder="MNIST",
        mirrors=("https://ossci-datasets.s3.amazonaws.com/mnist/", "http://yann.lecun.com/exdb/mnist/"),
        sha256=(
            "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        ),
    ),
    "fashion-mnist": _Source(
        folder="FashionMNIST",
        mirrors=("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",),
        sha256=(
            "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
        ),
    ),
    "kmnist": _Source(
        folder="KMNIST",
        mirrors=("http://codh.rois.ac.jp/kmnist/dataset/kmnist/",),
        sha256=(
            "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4",
            "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17",
            "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5",
            "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c",
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
        missing = [
            (file, digest) for file, digest in zip(_FILES, source.sha256, strict=True) if not (raw / file).is_file()
        ]
        done = 0
        for file, digest in missing:
            packed = _fetch(source.mirrors, f"{file}.gz", digest, done, progress)
            with written_aside(raw / file) as aside:
                aside.write_bytes(gzip.decompress(packed))
            done += len(packed)
    except OSError as error:
        raise RequestError(
            f"The data set {name} cannot be written to {data_dir} ({error.strerror or error})."
        ) from error


def _fetch(mirrors: tuple[str, ...], file: str, digest: str, done: int, progress: Callable[[int, int], None]) -> bytes:
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
        if hashlib.sha256(packed).hexdigest() == digest:
            return bytes(packed)
        troubles.append(f"{mirror} sent a damaged file")
    raise RequestError(f"{file} could not be fetched ({'; '.join(troubles)}): try again, or copy it to --data-dir.")
