"""Fetching MNIST's files, from a mirror that is a folder."""

import dataclasses
import gzip
import hashlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

from engine.data import idx_files
from store.errors import RequestError


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that serves small stand-ins for MNIST's four files."""
    folder = tmp_path / "mirror"
    folder.mkdir()
    sums = []
    for file in idx_files._FILES:
        packed = gzip.compress(file.encode() * 20_000)
        (folder / f"{file}.gz").write_bytes(packed)
        sums.append(hashlib.sha256(packed).hexdigest())
    source = idx_files._SOURCES["mnist"]
    ours = dataclasses.replace(source, mirrors=("file:///nowhere/", f"{folder.as_uri()}/"), sha256=tuple(sums))
    monkeypatch.setitem(idx_files._SOURCES, "mnist", ours)
    return folder


def test_download_takes_the_next_mirror_checks_unpacks_and_tells_how_far_it_is(mirror: Path, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    idx_files.download("mnist", tmp_path / "data", lambda done, total: seen.append((done, total)))
    assert idx_files.is_present("mnist", tmp_path / "data")
    file = tmp_path / "data" / "MNIST" / "raw" / idx_files._FILES[0]
    assert file.read_bytes() == idx_files._FILES[0].encode() * 20_000
    sizes = sum(path.stat().st_size for path in mirror.iterdir())
    assert seen[-1] == (sizes, sizes)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert sorted(path.name for path in file.parent.iterdir()) == sorted(idx_files._FILES)


def test_a_damaged_file_is_not_kept(mirror: Path, tmp_path: Path) -> None:
    (mirror / f"{idx_files._FILES[1]}.gz").write_bytes(b"damaged")
    with pytest.raises(RequestError, match="sent a damaged file"):
        idx_files.download("mnist", tmp_path / "data")
    assert not idx_files.is_present("mnist", tmp_path / "data")


def test_no_mirror_and_nothing_to_fetch(mirror: Path, tmp_path: Path) -> None:
    (mirror / f"{idx_files._FILES[0]}.gz").unlink()
    with pytest.raises(RequestError, match="could not be fetched"):
        idx_files.download("mnist", tmp_path / "data")
    with pytest.raises(RequestError, match="needs no download"):
        idx_files.download("digits", tmp_path / "data")
    assert idx_files.is_present("digits", tmp_path / "data")


def test_the_table_is_torchvisions() -> None:
    from torchvision import datasets

    for name, theirs in (
        ("mnist", datasets.MNIST),
        ("fashion-mnist", datasets.FashionMNIST),
        ("kmnist", datasets.KMNIST),
    ):
        source = idx_files._SOURCES[name]
        assert source.folder == theirs.__name__
        assert source.mirrors == tuple(theirs.mirrors)
        assert [f"{file}.gz" for file in idx_files._FILES] == [file for file, _ in theirs.resources]
        assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in source.sha256)


def test_checking_files_and_own_images_needs_no_torch() -> None:
    code = (
        "import sys, engine.data.idx_files, engine.data.own_files, engine.analysis.projections;"
        "sys.exit(bool({'torch', 'sklearn', 'torchvision'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], check=False).returncode == 0
