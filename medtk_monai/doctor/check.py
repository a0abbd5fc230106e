"""A data set from its datalist to a mended one."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from medtk_monai.atomic import write_text_atomically
from medtk_monai.doctor.examine import Demands, Examination, examine
from medtk_monai.doctor.mend import Mended, mend
from medtk_monai.errors import DataError


@dataclass(frozen=True)
class Checked:
    """What a check has found.

    Args:
        examination: of the data set as it was.
        mended: what was mended, and what was left; None where that was not asked for.
    """

    examination: Examination
    mended: Mended | None = None


def check(
    datalist: str | Path,
    out: str | Path | None = None,
    fix: str | Path | None = None,
    dataset_dir: str | Path | None = None,
    demands: Demands | None = None,
    headers_only: bool = False,
    num_workers: int | None = None,
) -> Checked:
    """Find every fault of a data set, and mend what can be mended without doubt.

    Args:
        datalist: its JSON file.
        out: JSON file for all findings.
        fix: a new datalist to write, without what was mended.
        dataset_dir, demands, headers_only, num_workers: see ``examine``.

    Raises:
        DataError: there is no such datalist, or the files are not different ones.
    """
    refuse_same(datalist, out, fix)
    found = examine(datalist, dataset_dir, demands, headers_only, num_workers)
    if out:
        _write(out, found.as_json())
    if not fix:
        return Checked(found)
    mended = mend(found, None if dataset_dir is not None else Path(fix).expanduser().absolute().parent)
    _write(fix, mended.content)
    return Checked(found, mended)


def refuse_same(*files: str | Path | None) -> None:
    """Refuse to write over what is read; None stands for a file that is not given.

    Raises:
        DataError: two files are one.
    """
    paths = [Path(path).expanduser().resolve() for path in files if path]
    if len(set(paths)) < len(paths):
        what = f"the datalist {files[0]} and the files to write are not different files"
        raise DataError(what, remedy="name other files by --out and --fix")


def _write(path: str | Path, content: object) -> None:
    # Numbers of the data set stand there as they are, NaN among them.
    write_text_atomically(Path(path).expanduser(), json.dumps(content, indent=1) + "\n")
