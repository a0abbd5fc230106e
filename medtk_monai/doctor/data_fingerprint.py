"""What a data set is like: grids, intensities and objects, for people and for whoever plans a training."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import nibabel as nib
import numpy as np
import torch

from medtk_monai.box_ops import pairwise_iou, visible_fractions
from medtk_monai.doctor.entries import Entry
from medtk_monai.doctor.examine import Examination
from medtk_monai.doctor.examined import Examined, ImageFacts
from medtk_monai.doctor.intensities import QUANTILES, Intensities
from medtk_monai.doctor.object_checks import named_objects
from medtk_monai.doctor.readings import RAS, positions
from medtk_monai.errors import DataError
from medtk_monai.transforms.scan_facts import grid_facts
from medtk_monai.transforms.scan_ranges import fingerprint_of

_PLACED = 0.5
"""Share of an object that must lie in the image for it to be counted."""


@dataclass(frozen=True)
class CaseFacts:
    """A case as the fingerprint counts it; all axes are those of the world (right, anterior, superior), flat images keep theirs.

    Args:
        told: what the fingerprint says of the case.
        scan_facts: see ``scan_facts``; None for an image with values that are not finite.
        labels: (N,) classes of its objects; -1 for unknown.
        sizes_vox, sizes_mm: (N, D) sides of their boxes.
        volumes_mm3: (N,) of their masks, or of their boxes where there is no mask; mm^2 in 2D.
        centers: (N, D) of their boxes, as shares of the image's axes, from left, back and bottom.
        overlaps: (N,) largest IoU with another one of the class.
    """

    told: dict[str, Any]
    scan_facts: dict[str, Any] | None
    labels: tuple[int, ...]
    sizes_vox: np.ndarray
    sizes_mm: np.ndarray
    volumes_mm3: np.ndarray
    centers: np.ndarray
    overlaps: np.ndarray


def fingerprint_data(examination: Examination, point_radius_mm: float | None = None) -> dict[str, Any]:
    """The fingerprint of a data set, as JSON knows it.

    What ``fingerprint_of`` tells, so that ``unusual`` can compare scans with it, and for the whole and for each split: percentiles (0, 5,
    25, 50, 75, 95, 100) over cases of spacing (mm), size (voxels) and extent (mm) per axis; orientations; intensities of the foreground,
    inside objects and outside of them, with a guess of their unit; share of the foreground and its box (shares of the axes); objects
    per case; and for all objects and those of each class percentiles of their sides (mm and voxels, per axis), longest sides and
    volumes. The whole has the values of each case and each object as well. Cases that cannot be used, and objects that do not lie in
    their images, are left out. Ignored objects are counted by themselves. Points count as objects, but have a size only with a radius.

    Args:
        point_radius_mm: of points that tell none.

    Raises:
        DataError: no case can be used.
    """
    facts = [_case_facts(entry, scan, point_radius_mm) for entry, scan in zip(examination.entries, examination.scans) if _is_usable(scan)]
    dims = Counter(len(case.told["size"]) for case in facts).most_common(1)
    if not dims:
        raise DataError(f"no case of {examination.listing.path} can be used", remedy="see medtk check")
    usable = [case for case in facts if len(case.told["size"]) == dims[0][0]]
    ranges = fingerprint_of([{"scan_facts": case.scan_facts} for case in usable])
    whole = _summarize(usable)
    merged = {key: {**ranges.get(key, {}), **value} if isinstance(value, dict) else value for key, value in whole.items()}
    labels = [label for case in usable for label in case.labels] + [label for entry in examination.entries for label in entry.point_labels]
    classes = max([examination.listing.num_classes or 0, *(label + 1 for label in labels)])
    head = {"datalist": str(examination.listing.path), "num_classes": classes, "spatial_dims": dims[0][0]}
    head["left_out"] = len(examination.entries) - len(usable)
    splits = {split: _summarize([case for case in usable if case.told["split"] == split]) for split in examination.listing.splits}
    return {**head, **ranges, **merged, "splits": splits, "cases": [case.told for case in usable], "values": _object_values(usable)}


def _is_usable(scan: Examined) -> bool:
    return scan.image is not None and scan.image.usable_affine


def _case_facts(entry: Entry, scan: Examined, point_radius_mm: float | None) -> CaseFacts:
    image, inner = scan.image, scan.intensities
    assert image is not None
    spacing, size = grid_facts(image.affine, image.size)
    dims, order = len(size), _world_order(image)
    balls, numbers = _balls(entry, image, point_radius_mm)
    stated = scan.objects.reshape(-1, 2 * dims)
    objects, named = np.concatenate([stated, balls]), [*named_objects(entry, scan)[1], *(entry.point_labels[n] for n in numbers)]
    flags = entry.ignored if len(entry.ignored) == len(stated) else (False,) * len(stated)
    ignored = np.array([*flags, *(entry.point_ignored[n] for n in numbers)], dtype=bool)
    placed = visible_fractions(torch.from_numpy(objects), image.size).numpy() >= _PLACED if len(objects) else np.zeros(0, bool)
    seen = placed & ~ignored
    boxes, labels = objects[seen], [label for label, use in zip(named, seen) if use]
    unsized = sum(not entry.point_ignored[n] for n in range(len(entry.points)) if n not in numbers)
    sizes = (boxes[:, dims:] - boxes[:, :dims]).reshape(-1, dims)[:, order]
    volumes = (sizes * spacing).prod(axis=1)
    if scan.label_map is not None and not len(entry.boxes):
        volumes = np.array(scan.label_map.counts)[seen[: len(stated)]] * abs(np.linalg.det(scan.label_map.affine[:-1, :-1]))
    told = {
        "case_id": entry.case_id,
        "split": entry.split,
        "spacing": spacing,
        "size": size,
        "orientation": "".join(map(str, nib.orientations.aff2axcodes(image.affine))) if dims == 3 else "",  # type: ignore[attr-defined]
        "channels": image.channels,
        "objects": len(boxes) + unsized,
        "ignored": int((placed & ignored).sum()),
        "unsized": unsized,
        **(_told_intensities(inner, image, order) if inner else {}),
    }
    return CaseFacts(told, image.facts, tuple(labels), sizes, sizes * spacing, volumes, _centers(boxes, image), _overlaps(boxes, labels))


def _balls(entry: Entry, image: ImageFacts, point_radius_mm: float | None) -> tuple[np.ndarray, list[int]]:
    """Boxes (N, 2D), voxels of the image, and numbers of the points that have a radius, if only a nominal one."""
    dims = len(image.size)
    if not len(entry.points) or entry.points.shape[1] != dims:
        return np.zeros((0, 2 * dims)), []
    radii = np.where(np.isnan(entry.radii), np.nan if point_radius_mm is None else point_radius_mm, entry.radii)
    known = np.flatnonzero(~np.isnan(radii))
    centers = positions(entry.points[known], entry.space or RAS, image.affine)
    half = radii[known, None] / np.linalg.norm(image.affine[:dims, :dims], axis=0)
    return np.concatenate([centers - half, centers + half], axis=1), known.tolist()


def _centers(boxes: np.ndarray, image: ImageFacts) -> np.ndarray:
    """(N, D), see ``CaseFacts``."""
    dims = len(image.size)
    shares = (boxes[:, :dims] + boxes[:, dims:]).reshape(-1, dims) / 2 / image.size
    if dims == 3:
        backward = nib.orientations.io_orientation(image.affine)[:, 1] < 0  # type: ignore[attr-defined]
        shares = np.where(backward, 1 - shares, shares)
    return shares[:, _world_order(image)]


def _overlaps(boxes: np.ndarray, labels: Sequence[int]) -> np.ndarray:
    """(N,), see ``CaseFacts``."""
    if not len(boxes):
        return np.zeros(0)
    iou = pairwise_iou(torch.from_numpy(boxes), torch.from_numpy(boxes)).numpy()
    alike = np.equal.outer(labels, labels) & ~np.eye(len(boxes), dtype=bool)
    return np.where(alike, iou, 0.0).max(axis=1)


def _world_order(image: ImageFacts) -> np.ndarray:
    """(D,) the image axis along each axis of the world."""
    if len(image.size) != 3:
        return np.arange(len(image.size))
    return np.argsort(nib.orientations.io_orientation(image.affine)[:, 0])  # type: ignore[attr-defined]


def _told_intensities(inner: Intensities, image: ImageFacts, order: np.ndarray) -> dict[str, Any]:
    sides = np.subtract(inner.foreground_box[len(order) :], inner.foreground_box[: len(order)]) / image.size
    distributions = {"foreground": inner.whole, "inside_objects": inner.inside, "outside_objects": inner.outside}
    return {
        "unit": inner.unit,
        "foreground_share": round(inner.foreground, 5),
        "foreground_box_share": [round(float(side), 5) for side in sides[order]],
        "intensities": {name: list(values) for name, values in distributions.items() if values is not None},
    }


def _summarize(cases: Sequence[CaseFacts]) -> dict[str, Any]:
    """What some cases have in common."""
    told = [case.told for case in cases]
    spacing, size = (np.array([case[key] for case in told], dtype=float) for key in ("spacing", "size"))
    scanned = [case for case in told if "unit" in case]
    counts = [case["objects"] for case in told]
    labels = sorted({label for case in cases for label in case.labels})
    return {
        "num_cases": len(told),
        "spacing": spread(spacing),
        "size": spread(size),
        "extent_mm": spread(spacing * size) if len(told) else {},
        "orientations": dict(Counter(case["orientation"] for case in told if case["orientation"]).most_common()),
        "intensity": _summarize_intensities(scanned),
        "foreground": {
            "share": spread([case["foreground_share"] for case in scanned]),
            "box_share": spread([case["foreground_box_share"] for case in scanned]),
        },
        "objects_per_case": {**spread(counts), "cases_with": sum(map(bool, counts)), "cases_without": counts.count(0)},
        "objects": _summarize_objects(cases, None),
        "classes": {str(label): _summarize_objects(cases, label) for label in labels},
    }


def _summarize_intensities(cases: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The unit that most cases seem to have, and the medians over cases of each percentile of their intensities."""
    units = Counter(case["unit"] for case in cases)
    told: dict[str, Any] = {"unit": units.most_common(1)[0][0] if units else None, "units": dict(units.most_common())}
    for name in ("foreground", "inside_objects", "outside_objects"):
        rows = [case["intensities"][name] for case in cases if name in case["intensities"]]
        told[name] = _by_quantile(np.median(rows, axis=0)) if rows else {}
    return told


def _summarize_objects(cases: Sequence[CaseFacts], label: int | None) -> dict[str, Any]:
    """Sides and volumes of the objects of one class; None for all."""
    chosen = [[label is None or own == label for own in case.labels] for case in cases]
    parts = {
        name: [getattr(case, name)[np.array(use, dtype=bool)] for case, use in zip(cases, chosen)]
        for name in ("sizes_vox", "sizes_mm", "volumes_mm3")
    }
    values = {name: np.concatenate(rows) if rows else np.zeros((0, 1)) for name, rows in parts.items()}
    longest = values["sizes_mm"].max(axis=1) if len(values["sizes_mm"]) else np.zeros(0)
    spreads = {name: spread(rows) for name, rows in [*values.items(), ("longest_mm", longest)]}
    return {"count": len(longest), "cases": sum(map(any, chosen)), **spreads}


def _object_values(cases: Sequence[CaseFacts]) -> dict[str, Any]:
    """Case, class, sides, volume, place and overlap of every object."""
    return {
        "case_id": [case.told["case_id"] for case in cases for _ in case.labels],
        "split": [case.told["split"] for case in cases for _ in case.labels],
        "label": [label for case in cases for label in case.labels],
        "size_mm": [np.round(row, 4).tolist() for case in cases for row in case.sizes_mm],
        "size_vox": [np.round(row, 4).tolist() for case in cases for row in case.sizes_vox],
        "volume_mm3": [round(float(volume), 4) for case in cases for volume in case.volumes_mm3],
        "center": [np.round(row, 4).tolist() for case in cases for row in case.centers],
        "overlap": [round(float(iou), 4) for case in cases for iou in case.overlaps],
    }


def spread(values: Any) -> dict[str, Any]:
    """Percentiles of values (N,) or (N, D), per axis; empty for none."""
    rows = np.asarray(values, dtype=float)
    if not len(rows):
        return {}
    found = _by_quantile(np.percentile(rows, QUANTILES, axis=0))
    return {"median": found["50"], "percentiles": found}


def _by_quantile(rows: np.ndarray) -> dict[str, Any]:
    return {str(quantile): _shortened(row) for quantile, row in zip(QUANTILES, rows.tolist())}


def _shortened(value: Any) -> Any:
    """Six digits are more than is known."""
    return [_shortened(part) for part in value] if isinstance(value, list) else float(f"{value:.6g}")
