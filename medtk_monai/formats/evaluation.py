"""Result files of an evaluation: metrics.json, the FROC curve as CSV, and a table for the terminal."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from math import isfinite
from typing import Any, Protocol

import numpy as np

from medtk_monai.atomic import write_text_atomically
from medtk_monai.wording import counted


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


def format_froc_table(metrics: dict[str, Any]) -> str:
    """The metrics as a few lines of plain text: sensitivity at each number of false positives per case, mean and AP.

    Args:
        metrics: as computed by DetectionMetrics; None is shown as "-".
    """
    froc = metrics["froc"]
    head = ["FP per case", *(f"{value:g}" for value in froc["fp_per_case"]), "mean"]
    body = ["sensitivity", *(_fixed(value) for value in (*froc["sensitivity"], froc["mean"]))]
    table = [_row(head), _row(["-" * 11, *["-" * 5] * (len(head) - 1)]), _row(body)]
    counts = f"{counted(metrics['num_cases'], 'case')}, {counted(metrics['num_lesions'], 'lesion')}, hit: {metrics['hit']}"
    classes = metrics["per_class"] if len(metrics["per_class"]) > 1 else []
    lines = [f"class {part['label']}: {_precisions(part)}, {counted(part['num_lesions'], 'lesion')}" for part in classes]
    return "\n".join([*table, "", _precisions(metrics), *lines, counts])


def told_per_iou(values: Mapping[str, Any]) -> str:
    """AP at each IoU, of all or of one class."""
    return ", ".join(f"{_fixed(ap)} at IoU {threshold}" for threshold, ap in values["ap_per_iou"].items())


def _precisions(values: Mapping[str, Any]) -> str:
    per_iou = told_per_iou(values)
    return f"AP {_fixed(values['ap'])}" + (f" ({per_iou})" if per_iou else "")


def _row(cells: list[str]) -> str:
    return "  ".join([f"{cells[0]:<11}", *(f"{cell:>5}" for cell in cells[1:])])


def _fixed(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
