"""Where bfloat16 pays: matrix units of a GPU or CPU multiply it several times as fast as float32."""

import torch

from engine.spec import Precision


def mixed(precision: Precision, device: torch.device) -> torch.autocast:
    """The context for the forward pass of training: weights, losses and everything that is kept stay float32.

    ``auto`` takes bfloat16 where the hardware multiplies it (NVIDIA since Ampere, Intel's AMX): elsewhere it is
    emulated, and slower.
    """
    wanted = precision == "bfloat16" or (precision == "auto" and _multiplies_bfloat16(device))
    return torch.autocast(device.type, torch.bfloat16, enabled=wanted)


def _multiplies_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    # Told by torch since 2.9: before, float32 it is.
    capabilities: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(capabilities.get("amx_bf16", False))
