"""Faults of one case's objects: boxes, points, and boxes beside a label map."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment

from medtk_monai.box_ops import pairwise_iou, visible_fractions
from medtk_monai.doctor.entries import Entry
from medtk_monai.doctor.examined import Examined, ImageFacts, map_boxes
from medtk_monai.doctor.faults import Fault
from medtk_monai.doctor.readings import LPS, RAS, positions

STICKS_OUT_VOX = 0.5
"""Voxels by which a box may leave the image: conventions of corners and centers of voxels differ by as much."""
_SAME_IOU, _AGREED_IOU = 0.9, 0.5
_SMALL_VOX, _LARGE_SHARE = 2.0, 0.5
_ROUNDING_VOX = 1e-3


def check_objects(entry: Entry, scan: Examined, in_wrong_frame: bool) -> Iterator[Fault]:
    """What is wrong with the objects of a case.

    Args:
        in_wrong_frame: its boxes are told to be in a wrong frame, so that nothing is to be said of each.
    """
    image = scan.image
    if image is None or not image.usable_affine:
        if len(entry.boxes):
            yield from _check_sizes(entry)
        return
    if len(entry.boxes) and not in_wrong_frame and entry.boxes.shape[1] == 2 * len(image.size):
        yield from _check_sizes(entry)
        yield from _check_places(entry, scan.objects, image)
    if not in_wrong_frame:
        yield from _check_extents(entry, scan, image)
    yield from _check_points(entry, image)
    if entry.label_map and len(entry.boxes):
        yield from _compare_with_map(entry, scan, image, in_wrong_frame)


def _check_sizes(entry: Entry) -> Iterator[Fault]:
    place = {**entry.place, "file": entry.image}
    for number, box in zip(entry.numbers, entry.boxes):
        sizes = box[len(box) // 2 :]
        if (sizes < 0).any():
            what = f"box {number} has the size {sizes.tolist()}"
            yield Fault("inverted_box", what, "write sizes above 0", **place, objects=(number,))
        elif (sizes == 0).any():
            yield Fault("flat_box", f"box {number} has the size {sizes.tolist()}", "correct or remove it", **place, objects=(number,))


def _check_places(entry: Entry, boxes: np.ndarray, image: ImageFacts) -> Iterator[Fault]:
    place = {**entry.place, "file": entry.image}
    dims = len(image.size)
    for number, box, seen in zip(entry.numbers, boxes, visible_fractions(torch.from_numpy(boxes), image.size).tolist()):
        flat_inside = (box[dims:] - box[:dims] < 1e-6).any() and (box[:dims] >= 0).all() and (box[dims:] <= image.size).all()
        out = max(float((-box[:dims]).max()), float((box[dims:] - image.size).max()))
        if seen == 0 and not flat_inside:
            what = f"box {number}, voxels {np.round(box, 1).tolist()}, lies outside the image {image.size}"
            yield Fault("box_outside", what, "correct or remove the box", **place, objects=(number,))
        elif out > STICKS_OUT_VOX:
            what = f"box {number} sticks {out:.1f} voxels out of the image; {seen:.0%} of it are inside"
            yield Fault("box_sticks_out", what, "clip it to the image, or correct it", **place, objects=(number,))


def _check_extents(entry: Entry, scan: Examined, image: ImageFacts) -> Iterator[Fault]:
    """Objects that are tiny or huge, of boxes or of a label map, and boxes that are there twice."""
    numbers, labels = named_objects(entry, scan)
    dims, place = len(image.size), {**entry.place, "file": entry.image if len(entry.boxes) else entry.label_map}
    sides = scan.objects[:, dims:] - scan.objects[:, :dims]
    tiny = [i for i in range(len(sides)) if 0 < sides[i].min() < _SMALL_VOX - _ROUNDING_VOX]
    if tiny:
        smallest = " x ".join(f"{length:.1f}" for length in sides[min(tiny, key=lambda i: sides[i].prod())])
        what = f"{len(tiny)} of {len(sides)} objects are thinner than {_SMALL_VOX:g} voxels; the smallest is {smallest}"
        remedy = "ignore such objects by min_volume_mm3, or use finer voxels"
        yield Fault("tiny_object", what, remedy, **place, objects=tuple(numbers[i] for i in tiny))
    for i in np.flatnonzero(sides.prod(axis=1) > _LARGE_SHARE * np.prod(image.size)).tolist():
        what = f"object {numbers[i]} is {' x '.join(f'{length:.1f}' for length in sides[i])} voxels, more than half of the image"
        yield Fault("huge_object", what, "check it and its units", **place, objects=(numbers[i],))
    if len(entry.boxes):
        yield from _check_overlaps(scan.objects, numbers, labels, place)


def _check_overlaps(boxes: np.ndarray, numbers: Sequence[int], labels: Sequence[int], place: dict[str, Any]) -> Iterator[Fault]:
    same_place = np.triu(pairwise_iou(*[torch.from_numpy(boxes)] * 2).numpy() > _SAME_IOU, k=1)
    for first, second in np.argwhere(same_place).tolist():
        same = labels[first] == labels[second]
        pair = (numbers[first], numbers[second])
        what = f"boxes {pair[0]} and {pair[1]} overlap almost wholly, of {'one class' if same else 'different classes'}"
        yield Fault("duplicate_object" if same else "object_of_two_classes", what, "keep one of them", **place, objects=pair)


def named_objects(entry: Entry, scan: Examined) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Number (of the box, or mask value) and class, -1 if unknown, of each of a scan's objects."""
    if len(entry.boxes):
        return entry.numbers, entry.labels
    values = scan.label_map.values if scan.label_map is not None else ()
    return values, tuple(entry.classes.get(value, -1) if entry.classes else 0 for value in values)


def _check_points(entry: Entry, image: ImageFacts) -> Iterator[Fault]:
    if not len(entry.points) or entry.points.shape[1] != len(image.size):
        return
    inside = {frame: _are_inside(positions(entry.points, frame, image.affine), image.size) for frame in (RAS, LPS)}
    stated = entry.space or RAS
    other = LPS if stated == RAS else RAS
    wrong = np.flatnonzero(~inside[stated])
    mirrored = bool(len(wrong)) and bool(inside[other].all())
    remedy = f'"space" should be "{other}"' if mirrored else "correct or remove the point"
    for number in wrong.tolist():
        what = f"point {number}, {entry.points[number].tolist()} in {stated}, lies outside the image"
        yield Fault("point_outside", what, remedy, **entry.place, file=entry.image, objects=(number,), mend=mirrored)


def _are_inside(places: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    return np.all((places >= 0) & (places <= size), axis=1)


def _compare_with_map(entry: Entry, scan: Examined, image: ImageFacts, in_wrong_frame: bool) -> Iterator[Fault]:
    """Whether the boxes of a case are those of its label map, one to one."""
    place = {**entry.place, "file": entry.label_map}
    remedy = "keep one of them"
    if scan.label_map is None or not scan.label_map.whole or in_wrong_frame or entry.boxes.shape[1] != 2 * len(image.size):
        yield Fault("boxes_and_label_map", "the case has both boxes and a label map", remedy, **place)
        return
    masks = map_boxes(scan.label_map, image)
    iou = pairwise_iou(torch.from_numpy(scan.objects), torch.from_numpy(masks)).numpy()
    rows, columns = linear_sum_assignment(-iou)
    agreed = iou[rows, columns] >= _AGREED_IOU
    if len(entry.boxes) == len(masks) and agreed.all():
        classes = {scan.label_map.values[column]: entry.labels[row] for row, column in zip(rows.tolist(), columns.tolist())}
        what = f"the case has both boxes and a label map, which agree on its {len(masks)} objects"
        yield Fault("boxes_and_label_map", what, f"{remedy}: the label map tells more", **place, mend=classes)
    else:
        what = f"{len(entry.boxes)} boxes and {len(masks)} objects of the label map agree in {int(agreed.sum())}"
        yield Fault("boxes_unlike_label_map", what, "find out which are right, and keep those", **place)
