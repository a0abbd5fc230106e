"""Result files of an evaluation: metrics.json and the FROC curve as CSV."""

from __future__ import annotations

import json
import os
from math import isfinite
from typing import Any, Protocol

import numpy as np

from medtk_monai.atomic import write_text_atomically


class Curve(Protocol):
    """A FROC curve: three (K,) arrays."""

    @property
    def thresholds(self) -> np.ndarray: ...
    @property
    def fp_per_case(self) -> np.ndarray: ...
    @property
    def sensitivity(self) -> np.ndarray: ...


def write_metrics(path: str | os.PathLike, metrics: dict[str, Any]) -> None:
    """Write metrics as strict JSON: a number that is NaN or infinite becomes null. The file appears whole or not at all.

    Raises:
        TypeError: a value is no number, string, list or dict.
    """
    write_text_atomically(path, json.dumps(_without_nan(metrics), indent=2, allow_nan=False) + "\n")


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(item) for item in value]
    if isinstance(value, float):
        return float(value) if isfinite(value) else None
    return value


def write_froc_csv(path: str | os.PathLike, curve: Curve) -> None:
    """Write every operating point of a FROC curve: columns fp_per_case, sensitivity, threshold.

    The first row is the origin, where nothing is reported: its threshold is ``inf``.
    """
    rows = zip(curve.fp_per_case, curve.sensitivity, curve.thresholds)
    lines = ["fp_per_case,sensitivity,threshold", *(",".join(f"{value:.9g}" for value in row) for row in rows)]
    write_text_atomically(path, "\n".join(lines) + "\n")
