"""From files of one format to files of another, with a measured account of what is lost."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from medtk_monai.atomic import make_folder, move_into
from medtk_monai.errors import DataError
from medtk_monai.formats.cases import Case, in_space
from medtk_monai.formats.fidelity import find_losses
from medtk_monai.formats.file_format import Format, Names
from medtk_monai.formats.format_table import FORMATS, format_named
from medtk_monai.formats.grids import Grid, fit_grid
from medtk_monai.formats.guessing import guess_target, source_files
from medtk_monai.formats.image_headers import NIFTI_SUFFIXES, ImageFiles, find_images, read_grid

_LONGEST_NAME = 200
"""Bytes of a case id in the name of a file, which has a suffix besides."""


def convert(
    source: str | os.PathLike,
    target: str | os.PathLike,
    source_format: str | None = None,
    target_format: str | None = None,
    images: str | os.PathLike | Sequence[str] | None = None,
    class_names: Sequence[str] | None = None,
    overwrite: bool = False,
) -> list[str]:
    """Convert findings between formats, read the result back, and tell what was lost.

    Args:
        source: a file, or a folder whose files of one format are read.
        target: a file, or a folder for formats with one file per case.
        source_format, target_format: names of ``FORMATS``; found by suffix and content unless given.
        images: file, folder, pattern or list of these, for formats that count voxels; matched by case id and file name.
        class_names: of class 0, 1, ..., for formats that name classes.
        overwrite: existing files, other than images and parts of the source.

    Returns:
        A line for each kind of loss, with counts and the largest deviation.

    Raises:
        DataError: a file is wrong, the target's format cannot express the cases, or the target exists.
    """
    source, target = Path(source).expanduser(), Path(target).expanduser()
    reading, files = source_files(source, format_named(source_format) if source_format else None)
    writing = format_named(target_format) if target_format else guess_target(target)
    headers = find_images(images)
    cases = _read(reading, files, headers, class_names)
    for case in cases:
        _check(case, writing)
    folder = source if source.is_dir() else source.parent
    prepared = [_with_grid(case, headers, "images" in writing.needs, folder, len(cases) == 1) for case in cases]
    own_images = [path for case in cases for path in _own_images(case, folder)]
    side_files = [reading.side_file(path) for path in files] if reading.side_file else []
    spared = {path.resolve() for path in [*files, *side_files, *own_images, *headers.by_name.values()]}
    written = _write(prepared, target, writing, class_names, spared, overwrite)
    return find_losses(cases, _read_back(prepared, written, writing, class_names))


def read_cases(
    source: str | os.PathLike,
    source_format: str | None = None,
    images: str | os.PathLike | Sequence[str] | None = None,
    class_names: Sequence[str] | None = None,
) -> list[Case]:
    """The findings in a file, or in a folder of files, of one format; arguments as for ``convert``.

    Raises:
        DataError: a file is wrong, or a case is found twice.
    """
    reading, files = source_files(Path(source).expanduser(), format_named(source_format) if source_format else None)
    return _read(reading, files, find_images(images), class_names)


def _read(reading: Format, files: Sequence[Path], headers: ImageFiles, class_names: Names) -> list[Case]:
    """The cases of all files."""
    alone = len(files) == 1 and reading.one_case

    def find_grid(case_id: str) -> Grid | None:
        path = headers.find(case_id, alone)
        return None if path is None else read_grid(path, case_id)

    cases = [case for path in files for case in reading.read(path, find_grid, class_names)]
    seen: set[str] = set()
    for case in cases:
        if case["case_id"] in seen:
            raise DataError("the case is found twice", case["case_id"], "give each case an id, or a file name, of its own")
        seen.add(case["case_id"])
    return cases


def _check(case: Case, writing: Format) -> None:
    """Refuse what the format cannot express at all."""
    case_id, dims = case["case_id"], len(case["direction"])
    if dims not in writing.dims:
        raise DataError(f"the findings are {dims}D, which the format {writing.name!r} cannot hold", case_id, "choose another format")
    odd = case_id.startswith(".") or any(sign in "/\\" or not sign.isprintable() for sign in case_id)
    if writing.one_case and (odd or not case_id.strip() or len(case_id.encode()) > _LONGEST_NAME):
        remedy = "rename the case, or choose a format of one file for all cases"
        raise DataError("the case id cannot be the name of a file", case_id or "''", remedy)


def _with_grid(case: Case, headers: ImageFiles, needed: bool, folder: Path, alone: bool) -> Case:
    """The case with the grid of its image, if it has none and the image is at hand."""
    if "grid" in case:
        return case
    case_id = case["case_id"]
    path = headers.find(case_id, alone)
    if path is None and needed:
        path = next(iter(_own_images(case, folder)), None)
        if path is None:
            remedy = "give the images (--images), with file names that are the case ids"
            raise DataError("the format counts voxels, and the scan of the case is not known", case_id, remedy)
    if path is None:
        return case
    return in_space(case, "RAS") | {"grid": fit_grid(read_grid(path, case_id), len(case["direction"]), case_id)}


def _own_images(case: Case, folder: Path) -> list[Path]:
    """The case's own image, if it exists, here or in the folder of the source."""
    return [path for path in (Path(case["image"]), folder / case["image"]) if case["image"] and path.is_file()]


def _write(cases: Sequence[Case], target: Path, writing: Format, class_names: Names, spared: set[Path], overwrite: bool) -> list[Path]:
    """Write all cases or none: first beside their places, then there. Returns the paths of the cases' files."""
    to_folder = writing.one_case and (target.is_dir() or not any(entry.suffix_of(target) for entry in FORMATS.values()))
    if target.is_dir() and not to_folder:
        raise DataError(f"{target} is a folder", remedy=f"name a file: the format {writing.name!r} has one for all cases")
    if writing.one_case and not to_folder and len(cases) != 1:
        raise DataError(
            f"{target} cannot hold {len(cases)} cases", remedy=f"name a folder: the format {writing.name!r} has one file per case"
        )
    folder = target if to_folder else target.parent
    parts = {f"{case['case_id']}{writing.suffixes[0]}": [case] for case in cases} if to_folder else {target.name: list(cases)}
    place = next(path for path in (target.absolute(), *target.absolute().parents) if path.is_dir())
    with tempfile.TemporaryDirectory(prefix=".medtk-", dir=place) as draft:
        for name, part in parts.items():
            writing.write(Path(draft, name), part, class_names)
        drafts = sorted(Path(draft).iterdir())
        for path in drafts:
            _spare(folder / path.name, writing, spared, overwrite)
        make_folder(folder)
        for path in drafts:
            move_into(path, folder)
    return [folder / name for name in parts]


def _spare(path: Path, writing: Format, spared: set[Path], overwrite: bool) -> None:
    """Refuse to write over an image or a part of the source; a NIfTI file that is no label map of ours may be an image."""
    is_ours = writing.side_file is not None and writing.side_file(path).exists()
    is_scan = path.name.endswith(NIFTI_SUFFIXES) and path.exists() and not is_ours
    if is_scan or path.resolve() in spared:
        raise DataError(f"{path} exists, and is an image or part of the source", remedy="choose another target")
    if path.exists() and not overwrite:
        raise DataError(f"{path} exists", remedy="choose another target, or give --overwrite")


def _read_back(cases: Sequence[Case], files: Sequence[Path], writing: Format, class_names: Names) -> list[Case]:
    """What the written files hold: read with the grids at hand, but left with those that the files tell."""
    grids = {case["case_id"]: in_space(case, "RAS")["grid"] for case in cases if "grid" in case}

    def find_grid(case_id: str) -> Grid | None:
        return next(iter(grids.values())) if len(grids) == 1 else grids.get(case_id)

    back = [case for path in files for case in writing.read(path, find_grid, class_names)]
    return [_with_stored_grid(case, writing) for case in back]


def _with_stored_grid(case: Case, writing: Format) -> Case:
    stored = writing.stored_grid(case)
    bare = {key: value for key, value in case.items() if key != "grid"}
    return bare if stored is None else bare | {"grid": stored}
