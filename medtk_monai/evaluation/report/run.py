"""What a training left in its folder: run.json, and the curves of its TensorBoard files."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from medtk_monai.digests import values_sha256
from medtk_monai.errors import DataError
from medtk_monai.json_files import read_json

_DAMAGED = "leave out --run, or train again"
Curve = tuple[np.ndarray, np.ndarray]
"""Epochs and values."""


@dataclass(frozen=True)
class Run:
    """A training.

    Args:
        folder: of its files.
        capsule: the content of run.json.
        losses: mean of each epoch, by name.
        validations: by name.
        trouble: why there are no curves; "" where there are.
    """

    folder: str
    capsule: Mapping[str, Any]
    losses: Mapping[str, Curve] = field(default_factory=dict)
    validations: Mapping[str, Curve] = field(default_factory=dict)
    trouble: str = ""

    @property
    def config_digest(self) -> str:
        """SHA-256 of the configuration."""
        return values_sha256(self.capsule.get("config"))


def read_run(folder: str | Path) -> Run:
    """A training's folder; curves that cannot be read are told of in ``trouble``.

    Raises:
        DataError: there is no run.json in it, or it is damaged.
    """
    path = Path(folder) / "run.json"
    if not path.is_file():
        raise DataError(f"no file {path}", remedy="give --run the output_dir of a training, which holds run.json")
    capsule = read_json(path, _DAMAGED, dict)
    try:
        steps = int(capsule["epochs"][0]["steps"]) if capsule.get("epochs") else 1
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError) as error:
        raise DataError(f"{path} is damaged: {error!r}", remedy=_DAMAGED) from error
    try:
        scalars = _read_scalars(Path(folder))
    except Exception as error:
        return Run(str(folder), capsule, trouble=f"The TensorBoard files cannot be read: {error}".splitlines()[0])
    losses = {name: _per_epoch(*curve, max(steps, 1)) for name, curve in scalars.items() if name.split("/")[0] == "loss"}
    others = {name: curve for name, curve in scalars.items() if name.split("/")[0] != "loss"}
    trouble = "" if scalars else "There are no TensorBoard files in the folder of the run, so no curves."
    return Run(str(folder), capsule, losses, others, trouble)


def _read_scalars(folder: Path) -> dict[str, Curve]:
    """All scalars of all event files in a folder and those below; of one that was written twice the later one."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    logging.getLogger("tensorboard").setLevel(logging.ERROR)
    found: dict[str, dict[int, float]] = {}
    for path in sorted(folder.rglob("events.out.tfevents.*")):
        events = EventAccumulator(str(path), size_guidance={"scalars": 0})
        events.Reload()
        for name in events.Tags()["scalars"]:
            found.setdefault(name, {}).update({event.step: event.value for event in events.Scalars(name)})
    return {
        name: (np.array(sorted(values), dtype=float), np.array([values[step] for step in sorted(values)])) for name, values in found.items()
    }


def _per_epoch(steps: np.ndarray, values: np.ndarray, per_epoch: int) -> Curve:
    """Means over the epochs of values at steps from 1."""
    epochs = np.ceil(steps / per_epoch).astype(int)
    known = np.unique(epochs)
    return known.astype(float), np.array([values[epochs == epoch].mean() for epoch in known])
