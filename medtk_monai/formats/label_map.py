"""Label maps in NIfTI, for viewers such as ITK-SNAP: each finding is a number in the voxels of the scan.

Beside ``CASE.nii.gz`` lies ``CASE.json``, as in nnDetection's data sets: ``{"instances": {"1": 0}, "scores": {"1": 0.93}}``, the class and
score of each number. The affine is that of the scan, RAS.
"""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import nibabel as nib
import numpy as np
from scipy.ndimage import find_objects

from medtk_monai.atomic import replacing
from medtk_monai.errors import DataError
from medtk_monai.formats.cases import Case, grid_of
from medtk_monai.formats.file_format import Format
from medtk_monai.formats.grids import case_from_voxels, make_grid
from medtk_monai.formats.painting import best_first, paint_boxes
from medtk_monai.formats.predictions import case_id_beside
from medtk_monai.formats.values import as_index, as_number
from medtk_monai.images.image_file import read_labels
from medtk_monai.images.label_values import whole_numbers
from medtk_monai.json_files import read_json, write_json

_LIMIT = 65535


def write_label_map(path: str | os.PathLike, case: Case) -> None:
    """Write the findings of one case as numbers from 1, the best, painted over worse ones, and the file beside it.

    Each box paints at least one voxel, unless all of it lies outside the scan. Boxes come back as hulls of whole voxels, those that
    better ones cover do not.

    Args:
        path: ``CASE.nii.gz`` or ``CASE.nii``.
        case: with its grid.

    Raises:
        DataError: the case has no grid, too many findings, or the file another suffix.
    """
    path = Path(path)
    if not LABEL.suffix_of(path):
        raise DataError(f"{path} is not named as a NIfTI file", case["case_id"], "name it CASE.nii.gz")
    canvas = paint_boxes(case)
    order = best_first(case)
    _write_nifti(path, canvas, grid_of(case)[1].numpy())
    classes = {str(rank): case["labels"][index] for rank, index in enumerate(order, 1)}
    scores = {str(rank): case["scores"][index] for rank, index in enumerate(order, 1)}
    write_json(side_file(path), {"instances": classes, "scores": scores})


def side_file(path: str | os.PathLike) -> Path:
    """The file of classes and scores beside a label map: "a/CASE.nii.gz" -> "a/CASE.json"."""
    path = Path(path)
    return path.with_name(f"{LABEL.case_name(path)}.json")


def _write_nifti(path: Path, array: np.ndarray, affine: np.ndarray) -> None:
    dims = len(affine) - 1
    whole = np.eye(4)
    whole[:dims, :dims], whole[:dims, 3] = affine[:-1, :-1], affine[:-1, -1]
    image = nib.Nifti1Image(array, whole)  # type: ignore[attr-defined]
    image.set_qform(whole, code=1)
    image.set_sform(whole, code=1)
    image.header.set_xyzt_units("mm")
    with replacing(path) as temporary, temporary.open("wb") as file:
        if path.suffix == ".gz":  # nibabel's own gzip files carry the time of writing
            with gzip.GzipFile("", "wb", compresslevel=1, fileobj=file, mtime=0) as packed:
                image.to_stream(packed)
        else:
            image.to_stream(file)


def read_label_map(path: str | os.PathLike) -> Case:
    """The case of a label map, in RAS: boxes tight around the voxels of each number, along the axes of the grid.

    Without a file beside it findings have class 0; without scores in that file their score is 1. The file's name without suffix is the
    case id; findings.nii.gz beside a predictions.json of one case has that of this case.

    Raises:
        DataError: the file cannot be read, has other values than whole numbers up to 65535, or the file beside it lacks one of them.
    """
    path = Path(path)
    case_id = case_id_beside(path, LABEL)
    mask, affine = _read_mask(path, case_id)
    grid = make_grid(mask.shape, affine, case_id)
    found = [(value, where) for value, where in enumerate(find_objects(mask), 1) if where is not None]
    boxes = np.array([[part.start for part in where] + [part.stop for part in where] for _, where in found])
    labels, scores = _read_side_file(side_file(path), [value for value, _ in found], case_id)
    return case_from_voxels(case_id, boxes, grid, scores, labels)


def _read_mask(path: Path, case_id: str) -> tuple[np.ndarray, np.ndarray]:
    """The mask, 2D or 3D, int32, and its affine (D + 1, D + 1)."""
    numbers, header = read_labels(path, case_id)
    if len(numbers) != 1:
        raise DataError(f"label map {path} has {len(numbers)} channels", case_id, "write one number per voxel")
    mask = whole_numbers(numbers[0])
    if mask is None or mask.min() < 0 or mask.max() > _LIMIT:
        remedy = "store 0 for background and 1, 2, ... for objects"
        raise DataError(f"label map {path} has values that are not whole numbers from 0 to {_LIMIT}", case_id, remedy)
    return mask, header.affine


def _read_side_file(path: Path, values: list[int], case_id: str) -> tuple[list[int], list[float]]:
    """Class and score of each value."""
    if not path.exists():
        return [0] * len(values), [1.0] * len(values)
    document = read_json(path)
    classes = document.get("instances") if isinstance(document, dict) else None
    scores = document.get("scores", {str(value): 1.0 for value in values}) if isinstance(document, dict) else None
    if not isinstance(classes, dict) or not isinstance(scores, dict):
        raise DataError(f'{path} has no object "instances", or "scores" is none', case_id, 'write {"instances": {"1": 0}}')
    for value in values:
        if str(value) not in classes or str(value) not in scores:
            raise DataError(f"{path} does not tell class and score of the value {value}", case_id, f'add "{value}" to it')
    labels = [as_index(classes[str(value)], f"{path}: the class of {value}", case_id) for value in values]
    return labels, [as_number(scores[str(value)], f"{path}: the score of {value}", case_id) for value in values]


LABEL = Format(
    "label",
    (".nii.gz", ".nii"),
    read=lambda path, find_grid, names: [read_label_map(path)],
    write=lambda path, cases, names: write_label_map(path, cases[0]),
    needs=("images",),
    loses=("positions within a voxel", "what lies under a better finding", "prior ids", "image paths"),
    file_name="findings.nii.gz",
    by_default=True,
    side_file=side_file,
)
