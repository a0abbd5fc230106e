from __future__ import annotations

import torch

from medtk_monai.errors import DataError


def device_kind(device: str) -> str:
    """The kind of a device that a user has named: "cpu" or "cuda" for "cuda:1".

    Raises:
        DataError: torch knows no such device.
    """
    try:
        return torch.device(device).type
    except (RuntimeError, TypeError) as error:
        raise DataError(f"--device {device}: no such device", remedy="give cpu, cuda, or cuda:1") from error
