"""Checkpoints: one safetensors file with all tensors, and the rest as JSON in its header. Nothing is ever pickled.

safetensors notices a file that was cut off, not one whose bytes have changed: the header holds a sum over all of it.
"""

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn, optim

from engine.training.averaging import WeightAverage
from store.errors import RequestError

_HEADER = "aetui"
_FORMAT = 1
_SUM = b'"aetui_crc32":"'
_UNSUMMED = "0" * 8


class DamagedCheckpoint(RequestError):
    """What lies there is no checkpoint any more, or is not as it was written."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Checkpoint:
    """A run as it stood after ``epoch`` epochs and ``step`` steps.

    ``state`` is what else the loop wants back (see ``engine.training.fit``), ``spec`` the configuration as JSON,
    ``record`` the metrics line of ``epoch``.
    """

    epoch: int
    step: int
    spec: Mapping[str, Any]
    record: Mapping[str, Any]
    state: Mapping[str, Any]
    tensors: Mapping[str, Tensor]

    @property
    def weights(self) -> dict[str, Tensor]:
        """The model's tensors by its own names: those to be used."""
        return _under("model.", self.tensors)

    def restore_model(self, model: nn.Module) -> None:
        """Put the weights to be used into ``model``.

        Raises:
            ValueError: they are another model's.
        """
        _load(model, self.weights)

    def restore_trained(self, model: nn.Module) -> None:
        """Put the weights to train on with into ``model``: others than those to be used where these are an average.

        Raises:
            ValueError: they are another model's.
        """
        _load(model, _under("trained.", self.tensors) or self.weights)

    def restore_optimizer(self, optimizer: optim.Optimizer) -> None:
        """Put the optimizer's tensors back; rates and other settings stay those of ``optimizer``."""
        parameters = _parameters(optimizer)
        for name, tensor in _under("optimizer.", self.tensors).items():
            position, _, key = name.partition(".")
            parameter = parameters[int(position)]
            # Fused kernels walk a weight and its moments side by side in memory: they must lie in the same order.
            like = parameter if tensor.shape == parameter.shape else tensor
            place = torch.empty_like(like, dtype=tensor.dtype, device=parameter.device)
            optimizer.state[parameter][key] = place.copy_(tensor)

    def restore_rng(self, device: torch.device) -> None:
        """Set torch's default generators as they were (the one of a GPU, if both runs have one)."""
        torch.set_rng_state(self.tensors["rng.cpu"])
        if device.type == "cuda" and "rng.cuda" in self.tensors:
            torch.cuda.set_rng_state(self.tensors["rng.cuda"], device)


def pack(
    *,
    epoch: int,
    step: int,
    spec: Mapping[str, Any],
    record: Mapping[str, Any],
    state: Mapping[str, Any],
    average: WeightAverage[nn.Module],
    optimizer: optim.Optimizer,
    device: torch.device,
) -> bytes:
    """The checkpoint as the bytes of its file."""
    tensors = {f"model.{name}": tensor for name, tensor in average.model.state_dict().items()}
    if average.is_apart:
        tensors |= {f"trained.{name}": tensor for name, tensor in average.trained.state_dict().items()}
    for position, parameter in enumerate(_parameters(optimizer)):
        moments = optimizer.state.get(parameter, {})
        tensors |= {f"optimizer.{position}.{key}": tensor for key, tensor in moments.items()}
    tensors["rng.cpu"] = torch.get_rng_state()
    if device.type == "cuda":
        tensors["rng.cuda"] = torch.cuda.get_rng_state(device)
    header = {"format": _FORMAT, "epoch": epoch, "step": step, "spec": spec, "record": record, "state": state}
    packed = safetensors.torch.save(
        {name: tensor.detach().contiguous() for name, tensor in tensors.items()},
        {_HEADER: json.dumps(header), "aetui_crc32": _UNSUMMED},
    )
    place = _place_of_sum(packed)
    assert place is not None
    return b"".join((packed[:place], f"{zlib.crc32(packed):08x}".encode(), packed[place + len(_UNSUMMED) :]))


def read(path: Path) -> Checkpoint:
    """Raises DamagedCheckpoint, RequestError: it is absent, or of another version."""
    try:
        content = path.read_bytes()
        if not _sums_up(content):
            raise ValueError("its bytes are not those that were written")
        header = json.loads(_metadata(content)[_HEADER])
        tensors = safetensors.torch.load(content)
        if header.pop("format") != _FORMAT:
            raise RequestError(f"The checkpoint {path} was written by another version of aetui.")
        if "rng.cpu" not in tensors:
            raise KeyError("rng.cpu")
        return Checkpoint(**header, tensors=tensors)
    except FileNotFoundError as error:
        raise RequestError(f"The checkpoint {path} is not there.") from error
    except RequestError:
        raise
    except (SafetensorError, OSError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise DamagedCheckpoint(f"The checkpoint {path} is damaged and cannot be read ({error}).") from error


def _parameters(optimizer: optim.Optimizer) -> list[nn.Parameter]:
    """In the order by which its file numbers them."""
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]


def _metadata(content: bytes) -> dict[str, str]:
    length = int.from_bytes(content[:8], "little")
    found: dict[str, str] = json.loads(content[8 : 8 + length])["__metadata__"]
    return found


def _sums_up(content: bytes) -> bool:
    """Whether the bytes are those that `pack` made; of a file without a sum nobody knows."""
    place = _place_of_sum(content)
    if place is None:
        return True
    end = place + len(_UNSUMMED)
    found = zlib.crc32(content[end:], zlib.crc32(_UNSUMMED.encode(), zlib.crc32(content[:place])))
    return content[place:end] == f"{found:08x}".encode()


def _place_of_sum(content: bytes) -> int | None:
    found = content.find(_SUM, 0, 8 + int.from_bytes(content[:8], "little"))
    return None if found < 0 else found + len(_SUM)


def _load(model: nn.Module, weights: Mapping[str, Tensor]) -> None:
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        raise ValueError(f"the checkpoint is of another model ({str(error).splitlines()[-1].strip()})") from error


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
