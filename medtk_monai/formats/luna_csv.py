"""CSV files as LUNA16 uses them: one finding a row, centers in LPS millimeters.

Columns: ``seriesuid,coordX,coordY,coordZ,probability,width_mm,height_mm,depth_mm,label,space``. The sizes are side lengths along the
box's own axes: width along the one closest to the patient's left-right axis, height front-back, depth head-feet. In 2D, ``coordZ`` and
``depth_mm`` stay empty. The file cannot tell the direction of oblique boxes, nor the cases without findings.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.optimize import linear_sum_assignment

from medtk_monai.atomic import write_text_atomically
from medtk_monai.errors import DataError
from medtk_monai.formats.cases import Case, make_case, world_boxes
from medtk_monai.formats.file_format import Format
from medtk_monai.formats.values import parse_number, rounded

_CENTER = ("coordX", "coordY", "coordZ")
_SIZE = ("width_mm", "height_mm", "depth_mm")
COLUMNS = ("seriesuid", *_CENTER, "probability", *_SIZE, "label", "space")
_REQUIRED = ("seriesuid", *_CENTER)
_DIAMETER = "diameter_mm"


@dataclass(frozen=True)
class _Finding:
    """One row: center and size (D,), mm."""

    center: tuple[float, ...]
    size: tuple[float, ...]
    score: float
    label: int
    space: str


def write_luna_csv(path: str | os.PathLike, cases: Iterable[Case]) -> None:
    """Write all findings of cases, one a row, with every column of ``COLUMNS``; the file appears whole or not at all."""
    rows, text = [row for case in cases for row in _rows(case)], io.StringIO()
    has_returns = any("\r" in str(row[0]) for row in rows)  # which end a line unless they are quoted
    writer = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL if has_returns else csv.QUOTE_MINIMAL)
    writer.writerows([COLUMNS, *rows])
    write_text_atomically(path, text.getvalue())


def _rows(case: Case) -> Iterator[list[object]]:
    centers, sizes, direction = world_boxes(case, "LPS")
    padding = [""] * (3 - len(direction))
    _, order = linear_sum_assignment(-np.abs(direction))
    for center, size, score, label in zip(rounded(centers), rounded(sizes[:, order]), case["scores"], case["labels"]):
        yield [case["case_id"], *center, *padding, float(score), *size, *padding, label, "LPS"]


def read_luna_csv(path: str | os.PathLike) -> list[Case]:
    """The cases of a CSV file in the order of their first rows, with boxes along the axes of the world.

    Reads what ``write_luna_csv`` writes and LUNA16's own lists. Without sizes findings are points; a ``diameter_mm`` is the side of a
    cube; without ``probability`` scores are 1; without ``label`` the class is 0; without ``space`` the frame is LPS.

    Raises:
        DataError: columns are missing, unknown or contradict each other, or a row has no fitting numbers. The message names the line.
    """
    path = Path(path)
    found: dict[str, list[_Finding]] = {}
    for line, row in _read_rows(path):
        found.setdefault(row["seriesuid"], []).append(_parse(row, f"{path}, line {line}"))
    return [_make_case(case_id, findings, path) for case_id, findings in found.items()]


def _read_rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Line numbers and rows."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            _check_columns(reader.fieldnames or [], path)
            for row in reader:
                if None in row or None in row.values() or not row["seriesuid"]:
                    names = ",".join(reader.fieldnames or [])
                    raise DataError(f"{path}, line {reader.line_num}: values do not fit the columns {names}", row["seriesuid"] or "")
                yield reader.line_num, row
    except (csv.Error, OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} is not a CSV file that can be read: {error}", remedy="write it again, in UTF-8") from error


def _check_columns(names: Sequence[str], path: Path) -> None:
    missing = [name for name in _REQUIRED if name not in names]
    unknown = [name for name in names if name not in (*COLUMNS, _DIAMETER)]
    sizes = [name for name in _SIZE if name in names]
    if missing or unknown or len(set(names)) < len(names):
        problem = f"lacks {', '.join(missing)}" if missing else f"has unknown or repeated columns ({', '.join(unknown or names)})"
        raise DataError(f"{path} {problem}", remedy=f"known columns are {', '.join(COLUMNS)} and {_DIAMETER}")
    if len(sizes) not in (0, len(_SIZE)) or (sizes and _DIAMETER in names):
        raise DataError(f"{path} has the sizes {', '.join(sizes)}", remedy=f"give {', '.join(_SIZE)}, or {_DIAMETER}, or none")


def _parse(row: dict[str, str], where: str) -> _Finding:
    dims = 2 if row["coordZ"].strip() == "" else 3
    center = tuple(_number(row, name, where) for name in _CENTER[:dims])
    size = (0.0,) * dims
    if _DIAMETER in row:
        size = (_number(row, _DIAMETER, where),) * dims
    elif _SIZE[0] in row:
        size = tuple(_number(row, name, where) for name in _SIZE[:dims])
    score = _number(row, "probability", where) if "probability" in row else 1.0
    label, space = row.get("label", "0").strip(), row.get("space", "LPS").strip()
    if min(size) < 0 or (dims == 2 and row.get(_SIZE[2], "").strip()):
        raise DataError(f"{where}: the size does not fit", row["seriesuid"], "sizes are at least 0, and as many as coordinates")
    if space not in ("RAS", "LPS") or not (label.isascii() and label.isdecimal()):
        raise DataError(f"{where}: label {label!r}, space {space!r}", row["seriesuid"], "labels count from 0, the space is LPS or RAS")
    return _Finding(center, size, score, int(label), space)


def _number(row: dict[str, str], name: str, where: str) -> float:
    value = parse_number(row[name])
    if value is None:
        raise DataError(f"{where}: {name} is {row[name]!r}, not a finite number", row["seriesuid"], "correct or remove the row")
    return value


def _make_case(case_id: str, findings: Sequence[_Finding], path: Path) -> Case:
    if len({(len(finding.center), finding.space) for finding in findings}) > 1:
        raise DataError(f"{path}: rows of one case differ in dimensions or space", case_id, "write them alike")
    centers, sizes = np.array([finding.center for finding in findings]), np.array([finding.size for finding in findings])
    scores, labels = [finding.score for finding in findings], [finding.label for finding in findings]
    return make_case(case_id, findings[0].space, centers, sizes, None, scores, labels)


LUNA = Format(
    "luna",
    (".csv",),
    read=lambda path, find_grid, names: read_luna_csv(path),
    write=lambda path, cases, names: write_luna_csv(path, cases),
    aliases=("csv",),
    sign=lambda line: set(_REQUIRED) <= set(line.strip().split(",")),
    one_case=False,
    only_volumes=True,
    loses=("cases without findings", "the direction of oblique boxes", "prior ids", "image paths", "voxel grids"),
    file_name="predictions.csv",
    by_default=True,
)
