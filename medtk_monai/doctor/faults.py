"""What the doctor finds, by kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from medtk_monai.errors import DataError

ERROR, WARNING, NOTE = "error", "warning", "note"
SEVERITIES = (ERROR, WARNING, NOTE)
KINDS: dict[str, str] = {
    # the file
    "repeated_key": ERROR,
    "no_cases": ERROR,
    "bad_case": ERROR,
    "duplicate_case_id": ERROR,
    # images
    "missing_image": ERROR,
    "unreadable_image": ERROR,
    "wrong_dimensions": ERROR,
    "wrong_channels": ERROR,
    "nonfinite_voxels": ERROR,
    "constant_image": ERROR,
    "degenerate_affine": ERROR,
    "sheared_affine": WARNING,
    "assumed_header": ERROR,
    "extreme_voxels": WARNING,
    "spacing_outlier": WARNING,
    "size_outlier": WARNING,
    "oblique_images": NOTE,
    "mixed_orientations": NOTE,
    "mixed_intensities": NOTE,
    # label maps
    "missing_label_map": ERROR,
    "unreadable_label_map": ERROR,
    "fractional_label_map": ERROR,
    "misplaced_label_map": ERROR,
    "label_map_grid": WARNING,
    "unmapped_value": ERROR,
    "absent_value": WARNING,
    "several_objects_one_value": WARNING,
    "empty_label_map": NOTE,
    # boxes, points and labels
    "bad_class_names": ERROR,
    "bad_labels": ERROR,
    "label_out_of_range": ERROR,
    "bad_box": ERROR,
    "nonfinite_box": ERROR,
    "inverted_box": ERROR,
    "flat_box": ERROR,
    "no_space": ERROR,
    "wrong_frame": ERROR,
    "unclear_frame": ERROR,
    "box_outside": ERROR,
    "box_sticks_out": WARNING,
    "bad_points": ERROR,
    "point_outside": ERROR,
    "boxes_and_label_map": ERROR,
    "boxes_unlike_label_map": ERROR,
    "duplicate_object": WARNING,
    "object_of_two_classes": WARNING,
    "huge_object": WARNING,
    "tiny_object": NOTE,
    # the set
    "duplicate_across_splits": ERROR,
    "patient_leak": ERROR,
    "duplicate_image": WARNING,
    "no_negatives": WARNING,
    "no_objects": WARNING,
    "absent_class": WARNING,
    "class_imbalance": NOTE,
    "similar_names": NOTE,
}
"""Severity of each kind. Errors stop a training or spoil what it is measured by; notes may well be meant."""


@dataclass(frozen=True)
class Fault:
    """Something wrong, or worth knowing.

    Args:
        kind: of ``KINDS``.
        what: in words.
        remedy: in words.
        case_id: "" for what concerns the whole set.
        split: "" for what concerns all.
        index: of the case in its split; -1 for none.
        file: the image, label map or datalist concerned.
        objects: numbers of the boxes, points or mask values concerned.
        mend: what a mending needs to know, such as the right reading of coordinates.
    """

    kind: str
    what: str
    remedy: str
    case_id: str = ""
    split: str = ""
    index: int = -1
    file: str = ""
    objects: tuple[int, ...] = ()
    mend: Any = None

    @property
    def severity(self) -> str:
        """ "error", "warning" or "note"."""
        return KINDS[self.kind]

    def as_json(self) -> dict[str, Any]:
        """Values that JSON knows."""
        told = {key: value for key, value in asdict(self).items() if key != "mend"}
        return {"kind": told.pop("kind"), "severity": self.severity} | told | {"objects": list(self.objects)}


def from_error(kind: str, error: DataError, **place: Any) -> Fault:
    """An error of a strict reader as a finding.

    Args:
        kind: of ``KINDS``.
        error: says what and how to mend it.
        place: other fields of the finding.
    """
    return Fault(kind, error.what, error.remedy, **place)


def count_severities(findings: Sequence[Fault]) -> dict[str, int]:
    """How many findings there are of each severity."""
    return {severity: sum(finding.severity == severity for finding in findings) for severity in SEVERITIES}
