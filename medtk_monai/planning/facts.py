"""What a plan is made from: the parts of a fingerprint that decide something."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

import numpy as np

from medtk_monai.errors import DataError

_AT_BORDER = 0.75
"""Voxels between an object and the border of its image that it reaches: more than rounding, less than one."""


@dataclass(frozen=True)
class DataFacts:
    """A training set in numbers; all axes are those of the fingerprint.

    Args:
        spacing: (N, D) of the cases, mm.
        size: (N, D) of the cases, voxels.
        channels: of the images.
        orientations: those that occur; empty in 2D.
        unit: of the intensities, as the fingerprint guesses it.
        foreground: median share of voxels that are not background.
        intensity: percentile -> median intensity of the foreground.
        sides_mm: (M, D) of the objects.
        labels: (M,) int64.
        centers: (M, D) of the objects, as shares of the image's axes.
        overlap: 99th percentile of an object's largest IoU with another one of its class.
        most_objects: in one case.
        at_border: share of the objects that reach the border of their image, which may cut them.
        known_classes: of the data as a whole, though the split may lack some.
    """

    spacing: np.ndarray
    size: np.ndarray
    channels: int
    orientations: tuple[str, ...]
    unit: str
    foreground: float
    intensity: Mapping[str, float]
    sides_mm: np.ndarray
    labels: np.ndarray
    centers: np.ndarray
    overlap: float
    most_objects: int
    at_border: float = 0.0
    known_classes: int = 0

    @property
    def dims(self) -> int:
        return self.spacing.shape[1]

    @property
    def num_classes(self) -> int:
        return max(int(self.labels.max()) + 1, self.known_classes)

    def class_percentiles(self, percent: float, sides: np.ndarray) -> np.ndarray:
        """(C, D) or (C,): a percentile of values (M, ...) of the objects, for each class that has any."""
        return np.array([np.percentile(sides[self.labels == label], percent, axis=0) for label in np.unique(self.labels)])


def read_facts(
    fingerprint: Mapping[str, Any], split: str = "training", min_volume_mm3: float = 0.0, max_volume_mm3: float | None = None
) -> DataFacts:
    """The facts of a split of a fingerprint; objects outside of the volumes are ignored in training, and have no say.

    Raises:
        DataError: the split has no cases or no objects, or images of different numbers of channels; a point of the data has no radius.
    """
    cases = [case for case in fingerprint["cases"] if case["split"] == split]
    if not cases:
        raise DataError(f"there is no split {split!r}", remedy=f"choose from {', '.join(fingerprint['splits'])}")
    values = fingerprint["values"]
    largest = inf if max_volume_mm3 is None else max_volume_mm3
    own = [index for index, name in enumerate(values["split"]) if name == split]
    chosen = [index for index in own if min_volume_mm3 <= values["volume_mm3"][index] <= largest]
    _refuse_unsized(fingerprint["cases"])
    if not chosen:
        volumes = f" of {min_volume_mm3:g} to {largest:g} mm3; it has {len(own)} of other volumes" if own else ""
        raise DataError(f"split {split!r} has no objects to fit{volumes}", remedy="see medtk fingerprint for its objects")
    if min(values["label"][index] for index in chosen) < 0:
        raise DataError(f"objects of split {split!r} have no class that can be used", remedy="see medtk check")
    channels = {case["channels"]: case["case_id"] for case in cases}
    if len(channels) > 1:
        counts = ", ".join(f"{number} (as {case!r})" for number, case in sorted(channels.items()))
        raise DataError(f"images of split {split!r} differ in their channels: {counts}", remedy="use images of one kind")
    part = fingerprint["splits"][split]
    sizes = {case["case_id"]: np.array(case["size"], dtype=float) for case in cases}
    intensity = part["intensity"]
    return DataFacts(
        np.array([case["spacing"] for case in cases], dtype=float),
        np.array([case["size"] for case in cases], dtype=float),
        max(*channels, 1),
        tuple(part["orientations"]),
        str(intensity["unit"]),
        float(part["foreground"]["share"].get("median", 1.0)),
        intensity["foreground"],
        np.array([values["size_mm"][index] for index in chosen], dtype=float),
        np.array([values["label"][index] for index in chosen], dtype=np.int64),
        np.array([values["center"][index] for index in chosen], dtype=float),
        float(np.percentile([values["overlap"][index] for index in chosen], 99)),
        max(case["objects"] for case in cases),
        float(np.mean([_is_at_border(values, index, sizes[values["case_id"][index]]) for index in chosen])),
        fingerprint["num_classes"],
    )


def _refuse_unsized(cases: Sequence[Mapping[str, Any]]) -> None:
    count = sum(case["unsized"] for case in cases)
    if count:
        first = next(case["case_id"] for case in cases if case["unsized"])
        raise DataError(f"{count} points of the data have no radius", first, "give a nominal one by --point_radius_mm")


def _is_at_border(values: Mapping[str, Any], index: int, size: np.ndarray) -> bool:
    center, half = np.array(values["center"][index]) * size, np.array(values["size_vox"][index]) / 2
    return bool(((center - half < _AT_BORDER) | (center + half > size - _AT_BORDER)).any())
