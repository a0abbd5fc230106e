"""Rows of lesions.csv and false_positives.csv."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import Any

import numpy as np
import torch
from torch import Tensor

from medtk_monai.box_ops import boxes_from_world
from medtk_monai.evaluation.errors.kinds import CaseErrors, Kind
from medtk_monai.evaluation.errors.seen_images import SeenImage
from medtk_monai.evaluation.matching import MatchedCase
from medtk_monai.evaluation.printed import csv_text
from medtk_monai.evaluation.truth import TruthCase
from medtk_monai.metrics.matching import UNMATCHED
from medtk_monai.structures import UNKNOWN_PRIOR

Row = dict[str, Any]


def case_rows(errors: CaseErrors, seen: SeenImage | None = None, intensity: bool = False) -> tuple[list[Row], list[Row]]:
    """Rows of the lesions that count, and of the false positives from the threshold on, best scores first.

    Args:
        seen: the image as the network saw it; adds the origins of findings, distances to seams, and how lesions are assigned.
        intensity: adds the mean of the image in each box; reads the image.

    Raises:
        DataError: the image cannot be read, or a prior lies outside the grid.
    """
    case, match = errors.case, errors.match
    head = {"case_id": case.truth.case_id, "patient_id": case.truth.patient}
    lesions = np.flatnonzero(errors.lesions)
    alarms = np.flatnonzero(errors.kinds != Kind.NONE)
    alarms = alarms[np.argsort(-match.scores[alarms], kind="stable")]
    sides = case.target.boxes.shape[1] // 2
    centers = [case.truth.boxes.centers[lesions], case.world_centers[alarms]]
    boxes = [case.target.boxes[lesions], case.detections.boxes[alarms]]
    sizes = [part[:, sides:] - part[:, :sides] for part in boxes]
    places = [_places(*part, case) for part in zip(centers, (case.truth.boxes.sizes[lesions], sizes[1]))]
    found: tuple[list[Row], list[Row]] = (
        [head | place | _of_lesion(errors, index) for place, index in zip(places[0], lesions.tolist())],
        [head | place | _of_alarm(errors, index) for place, index in zip(places[1], alarms.tolist())],
    )
    extra: list[list[Row]] = [[{} for _ in rows] for rows in found]
    if seen is not None:
        extra = [_origins(seen, lines, part, case.truth.case_id) for lines, part in zip(found, centers)]
        extra[0] = [row | seen.assigned(index) for row, index in zip(extra[0], lesions.tolist())]
    if intensity:
        means = _intensities(case, torch.cat(centers), torch.cat(sizes))
        split = [means[: len(lesions)], means[len(lesions) :]]
        extra = [[row | {"intensity": value} for row, value in zip(rows, values)] for rows, values in zip(extra, split)]
    lesion_rows, alarm_rows = ([row | more for row, more in zip(rows, added)] for rows, added in zip(found, extra))
    return lesion_rows, alarm_rows


def _places(centers: Tensor, sizes: Tensor, case: MatchedCase) -> list[Row]:
    """Center, RAS mm, longest side, and distance of the center to the border of the scan, negative outside of it."""
    borders = _border_distances(centers, case.truth)
    return [
        dict(zip("xyz", center.tolist())) | {"size_mm": float(size.max()), "border_mm": border}
        for center, size, border in zip(centers, sizes, borders)
    ]


def _border_distances(centers: Tensor, truth: TruthCase) -> list[float | None]:
    placed = truth.voxels_of(centers)
    if placed is None:
        return [None] * len(centers)
    voxels, size, spacing = placed
    return (torch.minimum(voxels, size - voxels) * spacing).amin(dim=1).tolist()


def _of_lesion(errors: CaseErrors, index: int) -> Row:
    match, detection = errors.match, int(errors.detections[index])
    is_found = bool(errors.found[index])
    return {
        "object": index,
        "label": int(match.object_labels[index]),
        "kind": "found" if is_found else Kind(errors.lesion_kinds[index]).text,
        "found_score": _number(match.found_scores[index]),
        "near_score": _number(errors.near_scores[index]),
        "other_class_score": _number(errors.other_class_scores[index]),
        **_pair(errors, detection, index),
        "prior_id": _prior(errors, detection),
    }


def _of_alarm(errors: CaseErrors, index: int) -> Row:
    match, concerned = errors.match, int(errors.objects[index])
    return {
        "kind": Kind(errors.kinds[index]).text,
        "label": int(match.labels[index]),
        "score": float(match.scores[index]),
        "object": None if concerned == UNMATCHED else concerned,
        "object_label": None if concerned == UNMATCHED else int(match.object_labels[concerned]),
        **_pair(errors, index, concerned),
        "prior_id": _prior(errors, index),
    }


def _pair(errors: CaseErrors, detection: int, index: int) -> Row:
    if UNMATCHED in (detection, index):
        return {"iou": None, "distance_mm": None}
    return {"iou": float(errors.iou[detection, index]), "distance_mm": float(errors.distances[detection, index])}


def _prior(errors: CaseErrors, detection: int) -> int | None:
    prior = UNKNOWN_PRIOR if detection == UNMATCHED else int(errors.case.detections.prior_ids[detection])
    return None if prior == UNKNOWN_PRIOR else prior


def _origins(seen: SeenImage, rows: Sequence[Row], centers: Tensor, case_id: str) -> list[Row]:
    distances = seen.seam_distances(centers)
    return [seen.origin(row["prior_id"], case_id) | {"seam_mm": distance} for row, distance in zip(rows, distances)]


def _intensities(case: MatchedCase, centers: Tensor, sizes: Tensor) -> list[float | None]:
    """Mean of the image's first channel in each box, in the voxels that it touches; None outside of the image."""
    if not len(centers):
        return []
    dims = centers.shape[1]
    image, affine = case.truth.read_image()
    voxels = boxes_from_world(centers, sizes, case.direction, affine)
    size = torch.tensor(image.shape[1:])
    lower = torch.minimum(voxels[:, :dims].floor().long().clamp(min=0), size)
    upper = torch.minimum(voxels[:, dims:].ceil().long().clamp(min=0), size)
    parts = (image[0][tuple(slice(a, b) for a, b in zip(*ends))] for ends in zip(lower.tolist(), upper.tolist()))
    return [float(part.double().mean()) if part.numel() else None for part in parts]


def _number(value: float) -> float | None:
    return float(value) if isfinite(value) else None


def as_csv(rows: Sequence[Row], columns: Sequence[str]) -> str:
    """Rows as CSV; numbers that are no whole ones with six digits, and nothing for None."""
    values = ([row.get(name) for name in columns] for row in rows)
    return csv_text(columns, ([f"{value:.6g}" if isinstance(value, float) else value for value in line] for line in values))
