"""``medtk check``: what is wrong with a data set."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from medtk_monai.cli.options.data import Expected, Reading
from medtk_monai.cli.options.declare import flat
from medtk_monai.cli.options.kinds import Target

if TYPE_CHECKING:
    from medtk_monai.doctor.check import Checked


@flat
def check(
    datalist: Target,
    out: Target | None = None,
    fix: Target | None = None,
    *,
    strict: bool = False,
    headers_only: bool = False,
    reading: Reading,
    expected: Expected,
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
    """
    from medtk_monai.errors import DataError

    try:
        _refuse_missing(datalist)
        from medtk_monai.doctor.check import check as check_files

        found = check_files(datalist, out, fix, reading.dataset_dir, expected.demands(), bool(headers_only), reading.num_workers)
    except DataError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(2)
    code = _tell(found, fix, strict)
    if code:
        sys.exit(code)


def _refuse_missing(datalist: str) -> None:
    """Before anything heavy is imported."""
    from pathlib import Path

    from medtk_monai.errors import DataError

    if not Path(datalist).expanduser().is_file():
        raise DataError(f"{datalist} does not exist", remedy="give the JSON file of a datalist")


def _tell(found: Checked, fix: str | None, strict: bool) -> int:
    """Prints what is found; the exit code."""
    from medtk_monai.doctor.faults import ERROR, WARNING, count_severities
    from medtk_monai.doctor.words import format_examination, format_mended

    print(format_examination(found.examination))
    if found.mended is not None:
        print(format_mended(found.mended, str(fix)))
    counts = count_severities(found.examination.findings)
    return 2 if counts[ERROR] else int(bool(counts[WARNING] and strict))
