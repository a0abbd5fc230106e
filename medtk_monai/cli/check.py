"""``medtk check``: what is wrong with a data set."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from medtk_monai.doctor.examine import Examination


def check(
    datalist: str,
    out: str | None = None,
    fix: str | None = None,
    strict: bool = False,
    headers_only: bool = False,
    dataset_dir: str | None = None,
    num_classes: int | None = None,
    num_channels: int | None = None,
    spatial_dims: int | None = None,
    num_workers: int | None = None,
) -> None:
    """Find every fault of a data set in one run: files, boxes, frames, label maps, doubles, leaks between splits.

    Exits with code 0 if there are notes at most, or warnings; with 1 for warnings and --strict; with 2 for errors, or if the datalist
    cannot be read. With --fix the code is that of the datalist as it was.

    Args:
        datalist: its JSON file.
        out: JSON file for all findings.
        fix: a new datalist to write, without the faults that can be mended without doubt; what is changed and what is left is told.
        strict: warnings matter.
        headers_only: read no voxels and no label maps.
        dataset_dir: folder that relative paths start from; by default that of the datalist.
        num_classes: labels must lie in [0, num_classes); by default as many as the datalist's class_names, or any.
        num_channels: of every image; by default what most have.
        spatial_dims: 2 or 3; by default what most boxes or images have.
        num_workers: processes; one per CPU unless given, fewer for little data.
    """
    from medtk_monai.doctor.examine import Demands, examine
    from medtk_monai.doctor.faults import ERROR, WARNING, count_severities
    from medtk_monai.doctor.words import format_examination
    from medtk_monai.errors import DataError

    try:
        _check_targets(datalist, out, fix)
        found = examine(datalist, dataset_dir, Demands(num_classes, num_channels, spatial_dims), bool(headers_only), num_workers)
    except DataError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(2)
    print(format_examination(found))
    if out:
        _write_json(Path(out), found.as_json())
    if fix:
        _write_mended(found, fix, keep_paths=dataset_dir is not None)
    counts = count_severities(found.findings)
    code = 2 if counts[ERROR] else int(bool(counts[WARNING] and strict))
    if code:
        sys.exit(code)


def _check_targets(datalist: str, out: str | None, fix: str | None) -> None:
    """Refuse to write over what is read."""
    from medtk_monai.errors import DataError

    paths = [Path(path).expanduser().resolve() for path in (datalist, out, fix) if path]
    if len(set(paths)) < len(paths):
        raise DataError(
            f"the datalist {datalist} and the files to write are not different files", remedy="name other files by --out and --fix"
        )


def _write_mended(found: Examination, fix: str, keep_paths: bool) -> None:
    from medtk_monai.doctor.mend import mend
    from medtk_monai.doctor.words import format_mended

    mended = mend(found, None if keep_paths else Path(fix).expanduser().absolute().parent)
    _write_json(Path(fix), mended.content)
    print(format_mended(mended, fix))


def _write_json(path: Path, content: object) -> None:
    import json

    from medtk_monai.atomic import write_text_atomically

    write_text_atomically(path.expanduser(), json.dumps(content, indent=1) + "\n")
