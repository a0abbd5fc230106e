"""What is known to be in the scans of a datalist, without a look at their voxels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from medtk_monai.box_ops import apply_affine, spatial_affine
from medtk_monai.data.datalist import chosen_split, load_datalist
from medtk_monai.digests import values_sha256
from medtk_monai.errors import DataError
from medtk_monai.formats import read_grid
from medtk_monai.transforms.boxes import WorldBoxes
from medtk_monai.transforms.load import LoadCased

NOT_COLUMNS = ("image", "case_id", "patient_id", "boxes", "labels", "space", "direction", "ignored", "label_map", "segmentation")
"""Keys of a case that are no columns to group cases by."""


@dataclass(frozen=True)
class TruthCase:
    """The objects of one case.

    Args:
        case_id: as in the datalist.
        boxes: (M,) objects, RAS mm.
        labels: (M,) int64.
        ignored: (M,) bool.
        patient: whom the scan is of; the case id where the datalist has no ``patient_id``.
        grid: size (D,) and affine (D + 1, D + 1) of the image, as in ``medtk_monai.formats.grids``; None where it cannot be read.
        mask: (*spatial) int32, i + 1 in the voxels of object i, and its affine; None where the objects are boxes.
        columns: the case's other values, such as its site.
        image: file of the scan.
    """

    case_id: str
    boxes: WorldBoxes
    labels: Tensor
    ignored: Tensor
    patient: str
    grid: Mapping[str, Any] | None = None
    mask: tuple[np.ndarray, Tensor] | None = None
    columns: Mapping[str, Any] = field(default_factory=dict)
    image: str = ""

    def read_image(self) -> tuple[Tensor, Tensor]:
        """The scan (C, *spatial) and its affine (D + 1, D + 1), voxel centers -> RAS mm.

        Raises:
            DataError: it cannot be read.
        """
        dims = self.boxes.centers.shape[1]
        image = LoadCased(dims, num_channels=None, allow_assumed=True)({"image": self.image, "case_id": self.case_id})["image"]
        return image.as_tensor(), spatial_affine(image.affine, dims)

    def voxels_of(self, points: Tensor) -> tuple[Tensor, Tensor, Tensor] | None:
        """Points (N, D), RAS mm, in voxels of the image's grid, half open, with its size (D,) and spacing (D,) mm; None without a grid."""
        dims = points.shape[1]
        if self.grid is None or len(self.grid["size"]) < dims:
            return None
        affine = spatial_affine(torch.tensor(self.grid["affine"], dtype=torch.float64), dims)
        voxels = apply_affine(points, torch.linalg.inv(affine)) + 0.5
        return voxels, torch.tensor(self.grid["size"][:dims]), affine[:-1, :-1].norm(dim=0)


def read_truth(
    datalist: str | Path,
    split: str | None = None,
    dataset_dir: str | Path | None = None,
    num_classes: int | None = None,
    label_map_kind: str = "instance",
    min_volume_mm3: float = 0.0,
    max_volume_mm3: float | None = None,
    point_radius_mm: float | None = None,
) -> list[TruthCase]:
    """The objects of a split of a datalist.

    Args:
        datalist: JSON file, see ``load_datalist``.
        split: None for "test" where there is one, else the only one.
        dataset_dir: where relative paths start.
        num_classes: labels must lie in [0, num_classes); None takes any.
        label_map_kind, min_volume_mm3, max_volume_mm3: as for ``LoadCased``; smaller and larger objects are ignored.
        point_radius_mm: as for ``load_datalist``.

    Raises:
        DataError: the datalist, a label map or a box is not as described.
    """
    chosen = chosen_split(datalist, split)
    cases = load_datalist(datalist, chosen, dataset_dir, num_classes, point_radius_mm=point_radius_mm)
    if not cases:
        raise DataError(f"split {chosen!r} of {datalist} has no cases", remedy="name another by --split")
    return truth_of(cases, num_classes, label_map_kind, min_volume_mm3, max_volume_mm3)


def truth_of(
    cases: Sequence[Mapping[str, Any]],
    num_classes: int | None = None,
    label_map_kind: str = "instance",
    min_volume_mm3: float = 0.0,
    max_volume_mm3: float | None = None,
) -> list[TruthCase]:
    """The objects of cases as ``load_datalist`` gives them; see ``read_truth``.

    Raises:
        DataError: a label map or a box is not as described.
    """
    return [_read_case(case, num_classes, label_map_kind, min_volume_mm3, max_volume_mm3) for case in cases]


def _read_case(
    case: Mapping[str, Any], num_classes: int | None, label_map_kind: str, min_volume_mm3: float, max_volume_mm3: float | None
) -> TruthCase:
    case_id = str(case["case_id"])
    try:
        grid = read_grid(case["image"], case_id)
    except DataError:
        grid = None  # a folder of DICOM files, or a file that only the training's reader knows
    dims = len(case["boxes"][0]) // 2 if case.get("boxes") else len(grid["size"]) if grid else 3
    if case.get("label_map"):
        dims = len(read_grid(case["label_map"], case_id)["size"])
    read = LoadCased(dims, num_classes, None, label_map_kind, min_volume_mm3, max_volume_mm3, allow_assumed=True)
    objects = read.read_objects(case, case_id)
    return TruthCase(
        case_id,
        objects.world,
        objects.labels,
        objects.ignored,
        str(case.get("patient_id", case_id)),
        grid,
        objects.mask,
        {key: value for key, value in case.items() if key not in NOT_COLUMNS and isinstance(value, (str, int, float))},
        str(case["image"]),
    )


def identify_truth(truths: Sequence[TruthCase]) -> dict[str, Any]:
    """What tells whether two evaluations are on the same cases and objects, whatever the order of the cases.

    Returns:
        ``num_cases`` and ``num_objects`` (those that count), and digests: ``cases_sha256`` of case ids and patients, ``objects_sha256`` of
        the boxes to 0.001 mm, their labels, and which are ignored.
    """
    ordered = sorted(truths, key=lambda truth: truth.case_id)
    return {
        "num_cases": len(ordered),
        "cases_sha256": values_sha256([[truth.case_id, truth.patient] for truth in ordered]),
        "num_objects": sum(int((~truth.ignored).sum()) for truth in ordered),
        "objects_sha256": values_sha256([[truth.case_id, _objects(truth)] for truth in ordered]),
    }


def _objects(truth: TruthCase) -> list[Any]:
    numbers = torch.cat([truth.boxes.centers, truth.boxes.sizes], dim=1).double() if len(truth.boxes) else torch.zeros(0, 0)
    rows = [[round(value, 3) + 0.0 for value in row] for row in numbers.tolist()]
    direction = [[round(value, 6) + 0.0 for value in row] for row in truth.boxes.direction.tolist()] if rows else []
    return [rows, direction, truth.labels.tolist(), truth.ignored.tolist()]
