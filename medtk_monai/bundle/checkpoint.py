"""Checkpoints of trainings, as files."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from zipfile import is_zipfile

import torch

from medtk_monai.errors import DataError

PROGRESS = "progress"
"""Key of what a checkpoint says about the training itself."""
NOTES = "notes"
"""Key of what it says to those who use the network."""
AVERAGE = "average"
"""Key of the state of an AveragedNetwork, if there is one."""


def read_checkpoint(path: Path, mapped: bool = False) -> dict[str, Any]:
    """The content of a checkpoint, on the CPU.

    Args:
        mapped: tensors are read from the file when they are used, for those who want the rest; the file must stay as it is meanwhile.

    Raises:
        DataError: there is no such file, or it is broken.
    """
    if not path.is_file():
        raise DataError(f"no checkpoint {path}", remedy="train first, or give the path of one")
    try:
        return torch.load(path, map_location="cpu", weights_only=True, mmap=mapped and is_zipfile(path))
    except Exception as error:
        what = f"checkpoint {path} is broken: {type(error).__name__}: {error}".splitlines()[0]
        raise DataError(what, remedy="remove it, and go on from another one or start anew with --resume none") from error


def load_weights(path: str | Path, network: torch.nn.Module) -> None:
    """Give a network the weights of a checkpoint: the averaged ones, if it has them.

    Raises:
        DataError: there is no such file, it is broken, or of another network.
    """
    content = read_checkpoint(Path(path))
    try:
        network.load_state_dict(content.get(AVERAGE, {}).get("network") or content["network"])
    except (KeyError, RuntimeError, AttributeError) as error:
        what = f"checkpoint {path} is of another network: {error}".splitlines()[0]
        raise DataError(what, remedy="give the configuration it was made with") from error
