from __future__ import annotations

import torch

from medtk_monai.errors import DataError


def device_kind(device: str) -> str:
    """The kind of a device that a user has named: "cpu" or "cuda" for "cuda:1".

    Raises:
        DataError: it is neither.
    """
    try:
        kind = torch.device(device).type
    except (RuntimeError, TypeError):
        kind = ""
    if kind not in ("cpu", "cuda"):
        raise DataError(f"--device {device}: no such device, or none that this can use", remedy="give cpu, cuda, or cuda:1")
    return kind


def check_device(device: str | torch.device) -> None:
    """Refuse a device that this machine cannot compute on.

    Raises:
        DataError: it is neither a CPU nor a GPU, or there is no GPU.
    """
    if device_kind(str(device)) == "cuda" and not torch.cuda.is_available():
        raise DataError(f"--device {device}: this machine has no GPU that torch can use", remedy="leave --device out, or give cpu")
