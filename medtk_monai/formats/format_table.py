"""The formats by name, each with a reader and a writer of one signature."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from medtk_monai.errors import DataError
from medtk_monai.formats.adam import read_adam, write_adam
from medtk_monai.formats.cases import Case
from medtk_monai.formats.coco import image_grid, read_coco, write_coco
from medtk_monai.formats.grand_challenge import read_points, write_points
from medtk_monai.formats.grids import Grid
from medtk_monai.formats.label_map import read_label_map, write_label_map
from medtk_monai.formats.luna_csv import read_luna_csv, write_luna_csv
from medtk_monai.formats.nndetection import case_of, read_nndetection, write_nndetection
from medtk_monai.formats.predictions import read_predictions, write_predictions
from medtk_monai.formats.slicer_markups import read_slicer_markups, write_slicer_markups

Names = Sequence[str] | None
FindGrid = Callable[[str], Grid | None]
"""Case id -> the grid of its scan, if it is known."""


@dataclass(frozen=True)
class Format:
    """A file format."""

    name: str
    ending: str
    """Of the names of its files."""
    read: Callable[[Path, FindGrid, Names], list[Case]]
    write: Callable[[Path, Sequence[Case], Names], None]
    one_case: bool = True
    """A file holds one case."""
    dims: tuple[int, ...] = (2, 3)
    needs_grid: bool = False
    """To be written."""
    stored_grid: Callable[[Case], Grid | None] = lambda case: case.get("grid")
    """What a file tells of a case's grid, from the case that was read with the grid at hand."""


def _known(find_grid: FindGrid, path: Path) -> Grid:
    grid = find_grid(path.stem)
    if grid is None:
        raise DataError(f"{path} counts voxels of a scan that is not known", path.stem, "give the images, from which it can be read")
    return grid


_ALL = (
    Format(
        "medtk",
        ".json",
        lambda path, find_grid, names: read_predictions(path),
        lambda path, cases, names: write_predictions(path, cases),
        one_case=False,
    ),
    Format(
        "luna",
        ".csv",
        lambda path, find_grid, names: read_luna_csv(path),
        lambda path, cases, names: write_luna_csv(path, cases),
        one_case=False,
    ),
    Format(
        "coco",
        ".json",
        lambda path, find_grid, names: read_coco(path, names, find_grid),
        lambda path, cases, names: write_coco(path, cases, names),
        one_case=False,
        dims=(2,),
        needs_grid=True,
        stored_grid=lambda case: image_grid(case["grid"]["size"]),
    ),
    Format(
        "nndetection",
        "_boxes.json",
        lambda path, find_grid, names: [read_nndetection(path, find_grid(case_of(path)))],
        lambda path, cases, names: write_nndetection(path, cases[0]),
        needs_grid=True,
    ),
    Format(
        "slicer",
        ".mrk.json",
        lambda path, find_grid, names: [read_slicer_markups(path)],
        lambda path, cases, names: write_slicer_markups(path, cases[0], names),
        dims=(3,),
    ),
    Format(
        "adam",
        ".txt",
        lambda path, find_grid, names: [read_adam(path, _known(find_grid, path))],
        lambda path, cases, names: write_adam(path, cases[0]),
        dims=(3,),
        needs_grid=True,
        stored_grid=lambda case: None,
    ),
    Format(
        "points",
        ".json",
        lambda path, find_grid, names: [read_points(path, names)],
        lambda path, cases, names: write_points(path, cases[0], names),
        dims=(3,),
    ),
    Format(
        "label",
        ".nii.gz",
        lambda path, find_grid, names: [read_label_map(path)],
        lambda path, cases, names: write_label_map(path, cases[0]),
        needs_grid=True,
    ),
)
FORMATS = {entry.name: entry for entry in _ALL}


def format_named(name: str) -> Format:
    """The format of a name.

    Raises:
        DataError: there is none.
    """
    if name not in FORMATS:
        raise DataError(f"there is no format {name!r}", remedy=f"the formats are {', '.join(FORMATS)}")
    return FORMATS[name]
