"""Checkpoints that are cut off, changed, or lie about themselves: refused by name, never unpickled."""

import json
import struct
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine.recipes.figures import num_parameters
from engine.training import checkpoints
from store.errors import RequestError
from tests.properties.awkward import DEEP, documents
from tests.properties.refusal import read_or_refused

_HEADER = {"format": 1, "epoch": 2, "step": 20, "spec": {}, "record": {}, "state": {}}


def written(header: Any, metadata: dict[str, str] | None = None) -> bytes:
    tensors = {"rng.cpu": torch.get_rng_state(), "model.weight": torch.ones(3, 4)}
    return safetensors.torch.save(tensors, {"aetui": json.dumps(header), **(metadata or {})})


_SOUND = written(_HEADER)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    match draw(st.integers(0, 3)):
        case 0:
            return _SOUND[: draw(st.integers(0, len(_SOUND)))]
        case 1:
            changed = bytearray(_SOUND)
            for _ in range(draw(st.integers(1, 6))):
                changed[draw(st.integers(0, min(400, len(_SOUND) - 1)))] = draw(st.integers(0, 255))
            return bytes(changed)
        case 2:
            length = draw(st.sampled_from((0, 1, 2**20, 2**40, 2**63, 2**64 - 1)))
            return struct.pack("<Q", length) + _SOUND[8:]
    return written(draw(st.dictionaries(st.sampled_from(sorted(_HEADER)), documents).map(_with_header)))


def _with_header(changes: dict[str, Any]) -> dict[str, Any]:
    return {**_HEADER, **changes}


@given(content=damaged())
def test_damaged_checkpoints_are_refused_by_name(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "last.safetensors"
    path.write_bytes(content)
    read_or_refused(lambda: checkpoints.read(path))
    number = num_parameters(path)
    assert number is None or number >= 0


def test_a_sound_one_is_read(tmp_path: Path) -> None:
    path = tmp_path / "last.safetensors"
    path.write_bytes(_SOUND)
    assert checkpoints.read(path).epoch == 2
    assert num_parameters(path) == 12


@pytest.mark.parametrize(
    "metadata",
    [
        pytest.param('"x"', id="text"),
        pytest.param(DEEP, id="deep"),
        pytest.param("1", id="number"),
        pytest.param("null", id="null"),
        pytest.param("[]", id="list"),
    ],
)
def test_a_header_that_is_none_is_refused(metadata: str, tmp_path: Path) -> None:
    path = tmp_path / "last.safetensors"
    path.write_bytes(safetensors.torch.save({"rng.cpu": torch.zeros(1)}, {"aetui": metadata}))
    with pytest.raises(RequestError, match=r"last\.safetensors"):
        checkpoints.read(path)
