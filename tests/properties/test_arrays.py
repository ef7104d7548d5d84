"""Data sets, codes and pictures in ``.npz`` files, and folders of images: read whole and sound, or refused by name."""

import io
import struct
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from engine.analysis.projections import read_projection
from engine.arrays_file import UnreadableArrays, read_arrays
from engine.data import own_files
from engine.kept_codes import read_codes
from store.errors import RequestError
from store.paths import RunPaths
from tests.properties.awkward import ESCAPES
from tests.properties.refusal import read_or_refused
from tui.panes.images.kept import Noisy, Strip
from tui.panes.latent.frames import Codes, Frames, project
from tui.panes.numbers.health import HealthReader

_SHAPES = st.lists(st.sampled_from((0, 1, 2, 3, 8, 9, 12)), max_size=5).map(tuple)
_TYPES = st.sampled_from(
    ("u1", "i1", "i8", "f2", "f4", "f8", "c8", "?", "U3", "S2", "M8[s]", "m8[s]", "V4", "O", "u1,f4")
)


@st.composite
def arrays(draw: st.DrawFn, shapes: st.SearchStrategy[tuple[int, ...]] = _SHAPES) -> np.ndarray:
    shape, kind = draw(shapes), np.dtype(draw(_TYPES))
    if draw(st.booleans()) and kind.kind in "fiu":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return np.full(shape, draw(st.sampled_from((0, 1, 200, -5, np.nan, np.inf, 1e30)))).astype(kind)
    return np.zeros(shape, kind)


def packed(members: dict[str, np.ndarray]) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, allow_pickle=True, **members)
    return file.getvalue()


@st.composite
def damaged(draw: st.DrawFn, content: bytes) -> bytes:
    """Cut off, with bytes changed, or with one of its sizes a lie."""
    match draw(st.integers(0, 2)):
        case 0:
            return content[: draw(st.integers(0, len(content)))]
        case 1:
            changed = bytearray(content)
            for _ in range(draw(st.integers(1, 8))):
                changed[draw(st.integers(0, len(content) - 1))] = draw(st.integers(0, 255))
            return bytes(changed)
    place = draw(st.integers(0, len(content) - 4))
    return (
        content[:place]
        + struct.pack("<I", draw(st.sampled_from((0, 1, 2**16, 2**31, 2**32 - 1))))
        + content[place + 4 :]
    )


_IMAGES = st.sampled_from(((12, 9, 8), (12, 1, 9, 8), (12, 9, 8, 3), (12, 2, 2), (3, 9, 8))) | _SHAPES
_LABELS = st.sampled_from(((12,), (12, 1), (11,))) | _SHAPES


@given(images=arrays(_IMAGES), labels=arrays(_LABELS), data=st.data())
def test_any_arrays_are_a_data_set_or_refused(
    images: np.ndarray, labels: np.ndarray, data: st.DataObject, tmp_path: Path
) -> None:
    path = tmp_path / "own.npz"
    content = packed({"images": images, "labels": labels})
    path.write_bytes(data.draw(st.just(content) | damaged(content)))
    found = read_or_refused(lambda: own_files.read(path))
    if found is not None:
        assert found.pixels.dtype == np.uint8
        assert found.pixels.ndim == 4
        assert found.labels.shape == (len(found.pixels),)
        assert len(found.class_names) > found.labels.max()


_KEPT = {"codes": (12, 3), "labels": (12,), "indices": (12,)}
_STRIP = {
    **dict.fromkeys(("originals", "inputs", "reconstructions"), (4, 1, 9, 8)),
    "errors": (4,),
    "labels": (4,),
}
_NOISY = {
    "noises": (2,),
    "originals": (4, 1, 9, 8),
    "inputs": (2, 4, 1, 9, 8),
    "reconstructions": (2, 4, 1, 9, 8),
    "labels": (4,),
}
_SOUND_TYPES = {"codes": "f2", "noises": "U8", "errors": "f4", "labels": "i8", "indices": "i8"}


@st.composite
def kept(draw: st.DrawFn, sound: dict[str, Any]) -> bytes:
    """A file as a run keeps it, with some of its arrays replaced by others, and perhaps its bytes damaged."""
    members = {name: np.ones(shape, _SOUND_TYPES.get(name, "u1")) for name, shape in sound.items()}
    for name in draw(st.lists(st.sampled_from(sorted(sound)), max_size=2)):
        members[name] = draw(arrays(st.just(sound[name]) | _SHAPES))
    if draw(st.booleans()):
        members.pop(draw(st.sampled_from(sorted(sound))))
    content = packed(members)
    return draw(st.just(content) | damaged(content))


@given(content=kept(_KEPT))
def test_codes_are_drawn_or_passed_over(content: bytes, tmp_path: Path) -> None:
    paths = RunPaths(tmp_path)
    paths.latents.mkdir(exist_ok=True)
    path = paths.latents_of(3)
    path.write_bytes(content)
    codes = Codes.load(path)
    if codes is None:
        with pytest.raises(UnreadableArrays, match=r"3\.npz"):
            read_codes(path)
    else:
        frame = project(codes, None)
        assert frame.points.shape == (len(codes.codes), 2)
        frames = Frames().grown(codes).grown(Codes(4, np.ones((12, 3)), np.arange(12), np.arange(12)))
        assert len(frames.frames) == 2
        frame.nearest(np.zeros(2))
    HealthReader(paths).read()


@given(content=kept({**_KEPT, "points": (12, 2), "source": ()}))
def test_projections_are_read_or_made_anew(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "3.tsne.npz"
    path.write_bytes(content)
    points = read_projection(path)
    assert points is None or points.shape[1:] == (2,)


@given(content=kept(_STRIP))
def test_strips_are_shown_or_passed_over(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "3.npz"
    path.write_bytes(content)
    strip = Strip.load(path)
    if strip is not None:
        assert strip.originals.shape == strip.inputs.shape == strip.reconstructions.shape
        assert len(strip.errors) == len(strip.labels) == len(strip.originals)


@given(content=kept(_NOISY))
def test_pictures_under_noise_are_shown_or_passed_over(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "noisy.npz"
    path.write_bytes(content)
    noisy = Noisy.load(path)
    if noisy is not None:
        assert len(noisy.noises) == len(noisy.inputs) == len(noisy.reconstructions)
        assert noisy.inputs.shape[1:] == noisy.originals.shape


def _lying(path: Path, shape: tuple[int, ...], size: int) -> None:
    """A small file that says of itself that it holds an array of that shape, ``size`` bytes long."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": shape})
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("images.npy", header.getvalue() + b"\0" * 100)
    if size:
        content = path.read_bytes()
        true = struct.pack("<I", archive.infolist()[0].file_size)
        path.write_bytes(content.replace(true, struct.pack("<I", size)))


@pytest.mark.parametrize("shape", [(10**12, 28, 28), (10**7, 28, 28), (2**62, 4), (-1, 28, 28)])
def test_shapes_that_are_lies_are_refused_at_once(shape: tuple[int, ...], tmp_path: Path) -> None:
    path = tmp_path / "own.npz"
    _lying(path, shape, 0)
    with pytest.raises(RequestError, match=r"own\.npz cannot be read"):
        own_files.read(path)


def test_what_would_fill_the_memory_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "own.npz"
    np.savez_compressed(path, images=np.zeros((100, 100, 100), np.uint8))
    assert path.stat().st_size < 10_000
    own_files.read(path)
    memory = psutil.virtual_memory()._replace(available=1_500_000)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)
    with pytest.raises(RequestError, match=r"own\.npz cannot be read: its arrays take 0\.001 GB"):
        own_files.read(path)


def test_what_needs_pickle_is_refused_and_not_run(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (tmp_path / "sprung",))

    np.savez(tmp_path / "own.npz", images=np.array([Trap()], object))
    with pytest.raises(RequestError, match="cannot be read"):
        own_files.read(tmp_path / "own.npz")
    with pytest.raises(UnreadableArrays):
        read_arrays(tmp_path / "own.npz", ("images",))
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("content", [b"", b"no array", b"\x93NUMPY\x01\x00"])
def test_members_that_are_no_arrays_are_refused(content: bytes, tmp_path: Path) -> None:
    """numpy gives those back as bytes that have not even its mark in front."""
    path = tmp_path / "own.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("images.npy", content)
    with pytest.raises(RequestError, match=r"own\.npz cannot be read"):
        own_files.read(path)


@pytest.fixture(scope="module")
def pictures() -> dict[str, bytes]:
    found = {}
    for suffix in ("png", "jpg", "bmp", "gif", "webp", "tif", "ppm"):
        file = io.BytesIO()
        kind = {"jpg": "jpeg", "tif": "tiff"}.get(suffix, suffix)
        Image.fromarray(np.arange(300, dtype=np.uint8).reshape(10, 10, 3) % 250).save(file, kind)
        found[suffix] = file.getvalue()
    return found


@given(data=st.data())
def test_folders_with_anything_in_them_are_a_data_set_or_refused(
    data: st.DataObject, pictures: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("photos")
    names = st.sampled_from(
        ("a", "b", ".hidden", *(each.replace("\0", "0").replace("/", "") for each in ESCAPES if each != "\ud800"))
    )
    inner = folder / data.draw(st.just("") | names)
    inner.mkdir(exist_ok=True)
    suffix = data.draw(st.sampled_from(sorted(pictures)))
    for number in range(data.draw(st.sampled_from((0, 3, 12)))):
        (inner / f"{number}.{suffix}").write_bytes(pictures[suffix])
    (inner / f"x.{suffix}").write_bytes(
        data.draw(st.just(pictures[suffix]) | damaged(pictures[suffix]) | st.binary(max_size=9))
    )
    found = read_or_refused(lambda: own_files.read(folder))
    if found is not None:
        assert found.pixels.shape[1:] == (3, 10, 10)
