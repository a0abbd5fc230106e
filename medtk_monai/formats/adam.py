"""``result.txt`` as the ADAM challenge wants it: the voxel that holds the center of each finding, 3D.

Each line is ``x, y, z``: whole numbers that count voxels of the original image from 0, along its axes as stored (NIfTI order). There are
no scores and no sizes; the best finding comes first.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from medtk_monai.atomic import write_text_atomically
from medtk_monai.errors import DataError
from medtk_monai.formats.cases import Case, voxel_boxes
from medtk_monai.formats.file_format import FindGrid, Format, Names
from medtk_monai.formats.grids import Grid, case_from_voxels, fit_grid
from medtk_monai.formats.values import parse_number

_NOISE = 1e-3


def write_adam(path: str | os.PathLike, case: Case) -> None:
    """Write the voxels of one case, best finding first; the file appears whole or not at all.

    Raises:
        DataError: the case has no grid, or is not 3D.
    """
    if len(case["direction"]) != 3:
        raise DataError("result.txt of ADAM takes 3D findings", case["case_id"], "choose another format")
    lower, upper = np.split(voxel_boxes(case), 2, axis=1)
    # A center between two voxels goes to the upper one, also when rounding has moved it a little.
    voxels = np.floor((lower + upper) / 2 + _NOISE).astype(int)
    best_first = np.argsort([-score for score in case["scores"]], kind="stable")
    write_text_atomically(path, "".join(f"{x}, {y}, {z}\n" for x, y, z in voxels[best_first]))


def read_adam(path: str | os.PathLike, grid: Grid) -> Case:
    """The case of a result.txt: points at the centers of the voxels, with score 1 and class 0.

    Args:
        path: its name without suffix is the case id.
        grid: of the original image.

    Raises:
        DataError: a line does not hold three numbers; the message names it.
    """
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read: {error}", remedy="write it again") from error
    voxels = [_parse(line, f"{path}, line {number}") for number, line in enumerate(lines, 1) if line.strip()]
    points = np.array(voxels, dtype=np.float64).reshape(-1, 3) + 0.5
    count = len(points)
    case_id = ADAM.case_name(path)
    return case_from_voxels(case_id, np.hstack([points, points]), fit_grid(grid, 3, case_id), [1.0] * count, [0] * count)


def _parse(line: str, where: str) -> list[float]:
    numbers = [number for number in map(parse_number, line.split(",")) if number is not None]
    if len(numbers) != 3 or line.count(",") != 2:
        raise DataError(f"{where}: {line[:60]!r} is not x, y, z", remedy="write three numbers, voxels from 0, between commas")
    return numbers


def _read(path: Path, find_grid: FindGrid, names: Names) -> list[Case]:
    case_id = ADAM.case_name(path)
    grid = find_grid(case_id)
    if grid is None:
        raise DataError(f"{path} counts voxels of a scan that is not known", case_id, "give the images, from which it can be read")
    return [read_adam(path, grid)]


ADAM = Format(
    "adam",
    (".txt",),
    read=_read,
    write=lambda path, cases, names: write_adam(path, cases[0]),
    dims=(3,),
    needs=("images",),
    loses=("sizes", "scores", "labels", "positions within a voxel", "prior ids", "image paths", "voxel grids"),
    stored_grid=lambda case: None,
)
