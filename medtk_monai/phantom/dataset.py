"""Phantom scans on disk: NIfTI images, instance masks, and a datalist."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

from medtk_monai.atomic import make_folder
from medtk_monai.case_mapper import case_mapper
from medtk_monai.errors import DataError
from medtk_monai.images.write_nifti import write_nifti
from medtk_monai.json_files import read_json, write_json
from medtk_monai.phantom.case import SHAPES, PhantomCase, make_phantom_case
from medtk_monai.phantom.head.case import HeadCase, make_head_case
from medtk_monai.phantom.head.protocols import SIZES

GENERATOR, HEAD_GENERATOR = 1, 1
"""Raised whenever equal arguments give other files than before."""
DATALIST, UNFINISHED = "datalist.json", "unfinished.json"


def write_phantom_dataset(
    out: str | os.PathLike[str],
    num_cases: int,
    seed: int,
    spatial_dims: int = 3,
    num_validation: int | None = None,
    num_test: int | None = None,
    num_workers: int | None = None,
    shape: tuple[int, int, int] | None = None,
) -> Path:
    """Writes simulated angiograms, unless ``out`` holds them already.

    A case depends on the seed and its own index alone: more cases extend a data set, and the number of workers changes nothing.
    In each split every third case has no aneurysm.

    Args:
        out: folder for ``images/``, ``label_maps/`` (values number the aneurysms of a case) and ``datalist.json``.
        num_cases: cases in all splits together.
        seed: from 0.
        spatial_dims: 3, or 2 for maximum intensity projections.
        num_validation: cases for validation; None takes a tenth.
        num_test: cases for testing; None takes a fifth.
        num_workers: processes; None takes one per CPU, fewer for few cases.
        shape: voxels of the simulated volume, whose last axis is projected away in 2D; None takes the usual one.

    Returns:
        Path of the datalist, which is written last.

    Raises:
        DataError: an argument is out of range, or the folder holds something else.
    """
    splits = _split_sizes(num_cases, num_validation, num_test)
    if spatial_dims not in (2, 3):
        raise DataError(f"spatial_dims is {spatial_dims}", remedy="ask for 2 or 3")
    size = list(shape or SHAPES[spatial_dims])
    settings = {"generator": GENERATOR, "seed": seed, "spatial_dims": spatial_dims, "shape": size, "num_cases": splits}
    make = partial(make_phantom_case, seed, spatial_dims=spatial_dims, shape=tuple(size))
    return _write_dataset(Path(out), settings, make, num_workers)


def write_head_dataset(
    out: str | os.PathLike[str],
    num_cases: int,
    seed: int,
    num_validation: int | None = None,
    num_test: int | None = None,
    num_workers: int | None = None,
    size: str = "crop",
    shape: tuple[int, int, int] | None = None,
) -> Path:
    """Writes simulated angiograms of whole heads or of parts of them, as ``write_phantom_dataset`` writes those of vessel trees.

    Modality, voxels, slab and background of each case are drawn; ``scan`` and ``look_alikes`` of its item in the datalist tell them.

    Args:
        out: folder for ``images/``, ``label_maps/`` (values number the aneurysms of a case) and ``datalist.json``.
        num_cases: cases in all splits together.
        seed: from 0.
        num_validation: cases for validation; None takes a tenth.
        num_test: cases for testing; None takes a fifth.
        num_workers: processes; None takes one per CPU, fewer for few cases.
        size: ``crop``, ``slab`` for all that a scanner images, or ``mixed`` for a slab in one case of four.
        shape: voxels of each case; None takes what ``size`` says.

    Returns:
        Path of the datalist, which is written last.

    Raises:
        DataError: an argument is out of range, or the folder holds something else.
    """
    splits = _split_sizes(num_cases, num_validation, num_test)
    if size not in SIZES:
        raise DataError(f"size is {size}", remedy=f"choose from {', '.join(SIZES)}")
    settings = {"generator": HEAD_GENERATOR, "seed": seed, "kind": "head", "size": size, "shape": list(shape or ()), "num_cases": splits}
    make = partial(make_head_case, seed, shape=shape, size=size)
    return _write_dataset(Path(out), settings, make, num_workers)


def _write_dataset(folder: Path, settings: dict[str, Any], make: Callable[[int], PhantomCase | HeadCase], num_workers: int | None) -> Path:
    """Writes the cases that ``make`` makes of their indices, unless the folder holds them already."""
    seed, splits = settings["seed"], settings["num_cases"]
    if not _is_count(seed):
        raise DataError(f"seed is {seed}", remedy="give a whole number from 0")
    if not _is_finished(folder, settings):
        _prepare_folder(folder, settings)
        cases = _write_cases(folder, sum(splits.values()), partial(_write_case, folder, make), num_workers)
        write_json(folder / DATALIST, {**_header(seed, settings), **_split(cases, splits)})
        (folder / UNFINISHED).unlink()
    return folder / DATALIST


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _split_sizes(num_cases: int, num_validation: int | None, num_test: int | None) -> dict[str, int]:
    """Cases per split; by default 70 %, 10 % and 20 %, at least one each where there are three."""
    if not _is_count(num_cases) or num_cases == 0:
        raise DataError(f"num_cases is {num_cases}", remedy="give a whole number from 1")
    least = int(num_cases >= 3)
    validation = max(round(0.1 * num_cases), least) if num_validation is None else num_validation
    test = max(round(0.2 * num_cases), least) if num_test is None else num_test
    if not _is_count(validation) or not _is_count(test) or validation + test > num_cases:
        raise DataError(f"{validation} cases for validation and {test} for testing", remedy=f"the data set has {num_cases} cases in all")
    return {"training": num_cases - validation - test, "validation": validation, "test": test}


def _header(seed: int, settings: dict[str, Any]) -> dict[str, Any]:
    description = "Simulated time-of-flight angiograms; label maps number the aneurysms of a case from 1."
    return {"name": "phantom aneurysms", "description": description, "labels": ["aneurysm"], "seed": seed, "settings": settings}


def _is_finished(folder: Path, settings: dict[str, Any]) -> bool:
    """Whether the folder holds this data set, whole.

    Raises:
        DataError: it holds another one.
    """
    if not (folder / DATALIST).exists():
        return False
    found = _read(folder / DATALIST)
    if not isinstance(found, dict) or found.get("settings") != settings:
        raise DataError(f"{folder} holds another data set", remedy="choose another folder, or delete this one")
    items = [item for split in settings["num_cases"] for item in found[split]]
    missing = [item["case_id"] for item in items if not all((folder / item[key]).exists() for key in ("image", "label_map"))]
    if missing:
        raise DataError(f"{folder} lacks files that its {DATALIST} lists", missing[0], "delete the folder and run again")
    return True


def _prepare_folder(folder: Path, settings: dict[str, Any]) -> None:
    """Makes the folder and marks it as unfinished; an interrupted run with the same settings is taken up again."""
    if folder.exists() and not folder.is_dir():
        raise DataError(f"{folder} is a file", remedy="choose a folder")
    resumed = (folder / UNFINISHED).exists() and _read(folder / UNFINISHED) == settings
    if not resumed and folder.exists() and any(folder.iterdir()):
        raise DataError(f"{folder} holds other data", remedy="choose an empty folder, or delete this one")
    for part in ("images", "label_maps"):
        make_folder(folder / part)
    write_json(folder / UNFINISHED, settings)


def _write_cases(folder: Path, num_cases: int, write: partial[dict[str, Any]], num_workers: int | None) -> list[dict[str, Any]]:
    """The datalist items of all cases, in order."""
    # Starting a process takes about as long as simulating a few cases.
    workers = min(os.cpu_count() or 1, num_cases // 12) if num_workers is None else num_workers
    with case_mapper(workers) as mapper:
        return list(tqdm(mapper(write, range(num_cases)), total=num_cases, desc=str(folder), unit="case", disable=None))


def _split(cases: list[dict[str, Any]], splits: dict[str, int]) -> dict[str, list[dict[str, Any]]]:
    remaining = iter(cases)
    return {name: [next(remaining) for _ in range(count)] for name, count in splits.items()}


def _write_case(folder: Path, make: Callable[[int], PhantomCase | HeadCase], index: int) -> dict[str, Any]:
    """Simulates and writes one case, and returns its item in the datalist."""
    case = make(index)
    name = f"case_{index:03d}"
    write_nifti(folder / f"images/{name}.nii.gz", case.image, case.affine)
    write_nifti(folder / f"label_maps/{name}.nii.gz", case.label_map, case.affine)
    files = {"image": f"images/{name}.nii.gz", "label_map": f"label_maps/{name}.nii.gz"}
    return {"case_id": name, **files, **case.facts}


def _read(path: Path) -> Any:
    return read_json(path, "choose another folder, or delete this one")
