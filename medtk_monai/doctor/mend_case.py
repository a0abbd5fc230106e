"""One case of a datalist, put right where there is no doubt how."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from medtk_monai.box_ops import boxes_to_world, clip_boxes
from medtk_monai.doctor.entries import Entry
from medtk_monai.doctor.examined import Examined
from medtk_monai.doctor.faults import Fault
from medtk_monai.doctor.readings import read_boxes, rewritten, stated_reading

DROPPED_CASES = ("missing_image", "unreadable_image", "missing_label_map", "unreadable_label_map")
_DROPPED_BOXES = ("bad_box", "nonfinite_box", "flat_box", "box_outside", "duplicate_object")
_BOX_KEYS = ("boxes", "labels", "space", "direction", "ignored")


@dataclass
class Draft:
    """A case on its way to a better one.

    Args:
        entry, scan: as they were read.
        item: to be written; a copy that may be changed.
        mended: the findings that no longer hold, with what was done about each.
    """

    entry: Entry
    scan: Examined
    item: dict[str, Any]
    mended: list[tuple[Fault, str]] = field(default_factory=list)


def mend_case(draft: Draft, findings: Sequence[Fault]) -> None:
    """Change the draft's item by what was found about its case; whole cases are dropped elsewhere."""
    by_kind: dict[str, list[Fault]] = defaultdict(list)
    for finding in findings:
        by_kind[finding.kind].append(finding)
    for kind, mend in _MENDERS.items():
        for finding in by_kind[kind]:
            done = mend(draft, finding)
            if done:
                draft.mended.append((finding, done))
    _clip(draft, by_kind["box_sticks_out"])
    _drop_boxes(draft, [finding for kind in _DROPPED_BOXES for finding in by_kind[kind]])
    _drop_points(draft, by_kind["point_outside"])


def _convert_label(draft: Draft, finding: Fault) -> str:
    """Class numbers that were written as 1.0 or "1"."""
    labels = draft.item.get("labels")
    if not finding.objects or not isinstance(labels, (list, dict)):
        return ""
    key: Any = finding.objects[0] if isinstance(labels, list) else str(finding.objects[0])
    try:
        label = labels[key]
        number = float(label)
    except (TypeError, ValueError, KeyError, IndexError, OverflowError):
        return ""
    if isinstance(label, bool) or not number.is_integer() or number < 0:
        return ""
    labels[key] = int(number)
    return f"label {label!r} became {int(number)}"


def _add_space(draft: Draft, finding: Fault) -> str:
    if not finding.mend:
        return ""
    draft.item["space"] = finding.mend
    return f'"space" became "{finding.mend}"'


def _reread(draft: Draft, finding: Fault) -> str:
    """Rewrite the boxes of a wrong frame; those that are no boxes are still in their places, and are dropped later."""
    assert draft.scan.image is not None
    fields = rewritten(draft.entry, finding.mend, draft.scan.image.affine)
    for number, box in zip(draft.entry.numbers, fields.pop("boxes")):  # type: ignore[call-overload]
        draft.item["boxes"][number] = box
    draft.item.update(fields)
    return f"boxes were read as {finding.mend}"


def _make_sizes_positive(draft: Draft, finding: Fault) -> str:
    (number,) = finding.objects
    box = draft.item["boxes"][number]
    dims = len(box) // 2
    if 0 in box[dims:]:
        return ""
    draft.item["boxes"][number] = box[:dims] + [abs(size) for size in box[dims:]]
    return f"box {number} got the size {draft.item['boxes'][number][dims:]}"


def _keep_label_map(draft: Draft, finding: Fault) -> str:
    """Of boxes and a label map that agree; not where boxes are ignored, which a label map cannot tell."""
    item, classes = draft.item, finding.mend
    if not classes or any(item.get("ignored") or []) or min(classes.values()) < 0:
        return ""
    for key in _BOX_KEYS:
        item.pop(key, None)
    if any(classes.values()):
        item["labels"] = {str(value): label for value, label in sorted(classes.items())}
    return "boxes were left out, as the label map has the same objects"


_MENDERS: dict[str, Callable[[Draft, Fault], str]] = {
    "bad_labels": _convert_label,
    "no_space": _add_space,
    "wrong_frame": _reread,
    "inverted_box": _make_sizes_positive,
    "boxes_and_label_map": _keep_label_map,
}


def _clip(draft: Draft, findings: Sequence[Fault]) -> None:
    """Cut boxes to the image, if their axes are those of the image, so that they stay what they are otherwise."""
    entry, image = draft.entry, draft.scan.image
    if not findings or image is None or "boxes" not in draft.item or not _axes_agree(entry, image.affine):
        return
    reading = stated_reading(entry)
    hulls = clip_boxes(torch.from_numpy(read_boxes(entry, reading, image.affine)[0]), image.size)
    centers, sides, _ = (part.numpy() for part in boxes_to_world(hulls, torch.from_numpy(image.affine)))
    flip = np.array([-1.0, -1.0, 1.0][: centers.shape[1]]) if reading.frame == "LPS" else 1.0
    order = _axis_of(entry, image.affine)
    for finding in findings:
        (number,) = finding.objects
        i = entry.numbers.index(number)
        draft.item["boxes"][number] = [round(float(value), 4) for value in (*(centers[i] * flip), *sides[i][order])]
        draft.mended.append((finding, f"box {number} was clipped to the image"))


def _axis_of(entry: Entry, affine: np.ndarray) -> np.ndarray:
    """(D,) the image axis that each of the boxes' axes lies along."""
    return np.abs(_cosines(entry, affine)).argmax(axis=1)


def _axes_agree(entry: Entry, affine: np.ndarray) -> bool:
    return bool((np.abs(_cosines(entry, affine)).max(axis=1) > 1 - 1e-5).all())


def _cosines(entry: Entry, affine: np.ndarray) -> np.ndarray:
    """(D, D) cosines between the boxes' axes, in rows, and those of the image."""
    direction = np.eye(len(affine) - 1) if entry.direction is None else entry.direction
    if entry.space == "LPS":
        direction = direction * np.array([-1.0, -1.0, 1.0][: len(direction)])[:, None]
    axes = affine[:-1, :-1] / np.linalg.norm(affine[:-1, :-1], axis=0)
    return direction.T @ axes


def _drop_boxes(draft: Draft, findings: Sequence[Fault]) -> None:
    item = draft.item
    boxes = item.get("boxes")
    lists = [key for key in ("boxes", "labels", "ignored") if item.get(key)]
    if not findings or not isinstance(boxes, list) or any(not isinstance(item[key], list) for key in lists):
        return
    count = len(boxes) + len(draft.entry.points)
    if any(len(item[key]) != count for key in lists if key != "boxes"):
        return
    gone = {finding.objects[-1] for finding in findings}
    for key in lists:
        item[key] = [value for number, value in enumerate(item[key]) if number not in gone]
    draft.mended += [(finding, f"box {finding.objects[-1]} was left out") for finding in findings]


def _drop_points(draft: Draft, findings: Sequence[Fault]) -> None:
    """Drop points outside of the image, unless they may be in the other frame; enough of them alone tell that they are."""
    item = draft.item
    if not findings:
        return
    if findings[0].mend:
        if len(draft.entry.points) >= 3 and not item.get("boxes"):
            item["space"] = "RAS" if draft.entry.space == "LPS" else "LPS"
            draft.mended += [(finding, f'"space" became "{item["space"]}"') for finding in findings]
        return
    gone, count, boxes = {finding.objects[0] for finding in findings}, len(item["points"]), len(item.get("boxes") or [])
    for key, first in (("points", 0), ("radii", 0), ("labels", boxes), ("ignored", boxes)):
        if isinstance(item.get(key), list) and len(item[key]) == first + count:
            item[key] = [value for number, value in enumerate(item[key]) if number - first not in gone]
    draft.mended += [(finding, f"point {finding.objects[0]} was left out") for finding in findings]
