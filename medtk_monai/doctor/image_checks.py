"""Faults of one case's image and label map."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from medtk_monai.box_ops import transform_boxes, visible_fractions
from medtk_monai.doctor.entries import Entry
from medtk_monai.doctor.examined import Examined, ImageFacts
from medtk_monai.doctor.faults import Fault, from_error
from medtk_monai.transforms.extremes import tell_extremes
from medtk_monai.transforms.load import ALLOW_ASSUMED

_SHEAR = 1e-3
"""Cosine between axes from which they are not at right angles."""
_GRID_TOLERANCE_MM = 1e-2


def check_files(entry: Entry, scan: Examined) -> Iterator[Fault]:
    """What is wrong with the files of a case, each by itself and with one another."""
    for kind, error in scan.problems:
        file = entry.label_map if kind == "unreadable_label_map" else entry.image
        yield from_error(kind, error, **entry.place, file=file)
    if scan.image is not None:
        yield from _check_image(entry, scan.image)
        yield from _check_map_grid(entry, scan, scan.image)
    if scan.label_map is not None:
        yield from _check_values(entry, scan)


def _check_image(entry: Entry, image: ImageFacts) -> Iterator[Fault]:
    place = {**entry.place, "file": entry.image}
    if image.nonfinite:
        what = f"{image.nonfinite} voxels are NaN or infinite"
        yield Fault("nonfinite_voxels", what, "replace them, e.g. by numpy.nan_to_num", **place)
    if image.constant:
        yield Fault("constant_image", "all voxels have one value", "export the image again, or remove the case", **place)
    if not image.usable_affine:
        what = f"the affine has zero spacing or dependent axes: {image.affine[:-1].tolist()}"
        yield Fault("degenerate_affine", what, "write the scan's affine into the file", **place)
    if not entry.item.get(ALLOW_ASSUMED):
        yield from _check_assumed(image.assumed, place)
    extremes = (image.facts or {}).get("extremes")
    if extremes:
        remedy = "look at these voxels; clip the image, or leave the case out, if they are damaged"
        yield Fault("extreme_voxels", tell_extremes(extremes, image.facts["intensity"]), remedy, **place)  # type: ignore[index]
    if image.usable_affine and _shear(image.affine) > _SHEAR:
        what = f"axes are not at right angles (cosine {_shear(image.affine):.3g})"
        yield Fault("sheared_affine", what, "correct the affine, or resample the image to a straight grid", **place)


def _check_assumed(assumed: tuple[str, ...], place: dict[str, Any]) -> Iterator[Fault]:
    for clause in assumed:
        yield Fault(
            "assumed_header", f"the file {clause}", f'write it into the file, or allow it: "{ALLOW_ASSUMED}": true in the case', **place
        )


def _shear(affine: np.ndarray) -> float:
    """The largest cosine between two axes."""
    axes = affine[:-1, :-1] / np.linalg.norm(affine[:-1, :-1], axis=0)
    return float(np.abs(axes.T @ axes - np.eye(len(axes))).max())


def _check_map_grid(entry: Entry, scan: Examined, image: ImageFacts) -> Iterator[Fault]:
    if scan.map_grid is None or not image.usable_affine:
        return
    size, affine = scan.map_grid
    place = {**entry.place, "file": entry.label_map or entry.segmentation}
    if not entry.item.get(ALLOW_ASSUMED):
        yield from _check_assumed(scan.map_assumed, place)
    if len(size) != len(image.size):
        yield Fault("misplaced_label_map", f"the label map has {len(size)} axes, the image {len(image.size)}", "export it again", **place)
        return
    extent = torch.tensor([[0.0] * len(size) + list(size)], dtype=torch.float64)
    in_image = transform_boxes(extent, torch.from_numpy(np.linalg.inv(image.affine) @ affine))
    if float(visible_fractions(in_image, image.size)[0]) == 0:
        remedy = "check that both are of one scan and that their headers agree"
        yield Fault("misplaced_label_map", "the label map does not overlap the image in the world", remedy, **place)
    elif tuple(size) != image.size:
        what = f"the label map has {_shown(size)} voxels, the image {_shown(image.size)}"
        yield Fault("label_map_grid", what, "correct it if they should agree; boxes are found on the label map's own grid", **place)
    elif np.abs(in_image.numpy()[0] - extent.numpy()[0]).max() * _spacing(image).max() > _GRID_TOLERANCE_MM:
        shift = np.abs(in_image.numpy()[0] - extent.numpy()[0]).reshape(2, -1).max(axis=0) * _spacing(image)
        what = f"label map and image have one size, but other affines: corners differ by up to {_shown(shift)} mm"
        yield Fault("label_map_grid", what, "copy the image's affine into the label map, if they are of one grid", **place)


def _check_values(entry: Entry, scan: Examined) -> Iterator[Fault]:
    """Whether mask values are whole, known, there, and one object each."""
    facts, place = scan.label_map, {**entry.place, "file": entry.label_map}
    assert facts is not None
    if not facts.whole:
        remedy = "store 0 for background and 1, 2, ... for objects in one channel, and resample masks without interpolation"
        yield Fault("fractional_label_map", "values are not whole numbers in one channel", remedy, **place)
        return
    if not facts.values and not entry.classes:
        yield Fault("empty_label_map", "the label map is empty: the case has no objects", "none, if that is meant", **place)
    unmapped = [value for value in facts.values if entry.classes and value not in entry.classes]
    if unmapped:
        remedy = f'add "{unmapped[0]}": CLASS to the "labels" of the case'
        yield Fault("unmapped_value", f"values {_list(unmapped)} have no class", remedy, **place, objects=tuple(unmapped))
    absent = tuple(value for value in entry.classes if value not in facts.values)
    if absent:
        what = f'"labels" names values {_list(absent)}, which the label map lacks'
        yield Fault("absent_value", what, "check that the label map is the right one, and whole", **place, objects=absent)
    for value, parts in zip(facts.values, facts.parts):
        if parts > 1:
            what = f"mask value {value} has {parts} separate parts of like size: one box would go around them all"
            remedy = "give each object a value of its own, as medtk import semantic does"
            yield Fault("several_objects_one_value", what, remedy, **place, objects=(value,))


def _spacing(image: ImageFacts) -> np.ndarray:
    return np.linalg.norm(image.affine[:-1, :-1], axis=0)


def _shown(values: object) -> str:
    return " x ".join(f"{value:.4g}" for value in np.asarray(values).tolist())


def _list(values: object) -> str:
    numbers = [str(value) for value in np.asarray(values).tolist()]
    return ", ".join(numbers[:5]) + (f" and {len(numbers) - 5} more" if len(numbers) > 5 else "")
