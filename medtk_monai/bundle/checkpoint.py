"""Checkpoints of trainings, as files."""

from __future__ import annotations

import warnings
from pathlib import Path
from pickle import UnpicklingError
from typing import Any
from zipfile import BadZipFile, ZipFile, is_zipfile

import torch

from medtk_monai.bundle.weights import check_values, give_weights
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
        if not mapped:
            _check_sums(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of files that are none, which torch tells of as well
            content = torch.load(path, map_location="cpu", weights_only=True, mmap=mapped and is_zipfile(path))
    except Exception as error:
        what = f"checkpoint {path} is broken: {_reason(error)}".splitlines()[0]
        raise DataError(what, remedy="give the best.pt or last.pt of a training, or start anew with --resume none") from error
    if not isinstance(content, dict):
        raise DataError(f"{path} is no checkpoint of a training, but a {type(content).__name__}", remedy="give the best.pt of one")
    return content


def _reason(error: Exception) -> str:
    """Without what torch advises: to load a file of unknown origin in a way that runs whatever it says."""
    if isinstance(error, UnpicklingError) or "weights_only" in str(error):
        return "it holds something else than weights and plain values"
    return f"{type(error).__name__}: {error}"


def _check_sums(path: Path) -> None:
    """Torch writes the sums of its zip files, and does not look at them."""
    if is_zipfile(path):
        with ZipFile(path) as file:
            broken = file.testzip()
        if broken is not None:
            raise BadZipFile(f"{broken} is damaged")


def network_state(content: dict[str, Any], path: str | Path) -> dict[str, Any]:
    """The weights of a checkpoint's network: the averaged ones, if it has them.

    Raises:
        DataError: it has none.
    """
    try:
        return content.get(AVERAGE, {}).get("network") or content["network"]
    except (KeyError, AttributeError) as error:
        raise DataError(f"{path} is no checkpoint of a training: it has no network", remedy="give the best.pt of one") from error


def load_weights(path: str | Path, network: torch.nn.Module) -> None:
    """Give a network the weights of a checkpoint: the averaged ones, if it has them.

    Raises:
        DataError: there is no such file, it is broken, of another network, or its weights are not finite.
    """
    state = network_state(read_checkpoint(Path(path)), path)
    check_values(state, f"checkpoint {path}")
    give_weights(network, state, f"checkpoint {path}")
