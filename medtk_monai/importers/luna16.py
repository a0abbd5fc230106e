"""LUNA16: CT scans of the LIDC-IDRI with pulmonary nodules (luna16.grand-challenge.org)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from medtk_monai.errors import DataError
from medtk_monai.formats.values import parse_number
from medtk_monai.importers.cases import ImportedCase, ImportedSet, box_objects, some
from medtk_monai.importers.table_files import need_columns, read_table

_NODULES, _EXCLUDED = "annotations.csv", "annotations_excluded.csv"
_COLUMNS = ("seriesuid", "coordX", "coordY", "coordZ", "diameter_mm")
_NOMINAL_RADIUS_MM = 5.0
"""As the challenge's own evaluation takes it for findings without a diameter."""
Ball = tuple[list[float], float]


def import_luna16(source: Path, annotations: str | None = None, radius_mm: float = _NOMINAL_RADIUS_MM) -> ImportedSet:
    """Nodules as boxes along the axes of the world, LPS mm, whose sides are the diameters; scans without rows have none::

        SRC/subset0/SERIESUID.mhd ... SRC/subset9/    SRC/annotations.csv    SRC/annotations_excluded.csv (optional, anywhere below SRC)

    Irrelevant findings of annotations_excluded.csv are ignored objects. The number of a scan's subset, its fold in the challenge, is the
    column ``subset``: ``--test subset=9`` makes one of them the test split.

    Args:
        source: SRC.
        annotations: folder of the CSV files within SRC.
        radius_mm: of irrelevant findings whose diameter is unknown, which the file writes as -1.

    Raises:
        DataError: files are missing, or a row has no fitting numbers.
    """
    images = {path.stem: path for path in sorted(source.rglob("*.mhd")) if "seg" not in path.parent.name}
    some(list(images), "MHD files in folders subset0 ... subset9", source)
    folder = source / annotations if annotations else source
    nodules = _read(_find(folder, _NODULES), None)
    excluded = _read(path, radius_mm) if (path := _find(folder, _EXCLUDED, needed=False)) else {}
    cases = [_case(uid, path, nodules.get(uid, []), excluded.get(uid, [])) for uid, path in images.items()]
    lost = {uid: len(balls) for uid, balls in nodules.items() if uid not in images}
    notes = [f"{sum(lost.values())} nodules of {len(lost)} scans that are not below {source} were left out"] if lost else []
    return ImportedSet(cases, ["nodule"], notes)


def _find(folder: Path, name: str, needed: bool = True) -> Path | None:
    found = sorted(folder.rglob(name))
    if not found and needed:
        raise DataError(
            f"{folder} has no {name}", remedy="put the challenge's CSV files beside the subsets, or name their folder by --annotations"
        )
    return found[0] if found else None


def _read(path: Path | None, radius_mm: float | None) -> dict[str, list[Ball]]:
    """Series -> center (3,) and diameter, LPS mm."""
    balls: dict[str, list[Ball]] = {}
    if path is None:
        return balls
    for number, row in enumerate(need_columns(read_table(path), _COLUMNS, path), 2):
        balls.setdefault(row["seriesuid"], []).append(_ball(row, f"{path}, row {number}", radius_mm))
    return balls


def _ball(row: Mapping[str, str], where: str, radius_mm: float | None) -> Ball:
    numbers = [parse_number(row[name]) for name in _COLUMNS[1:]]
    *center, diameter = [np.nan if number is None else number for number in numbers]
    if diameter < 0 and radius_mm is not None:
        diameter = 2 * radius_mm
    if not np.isfinite(center).all() or not diameter > 0:
        what = f"{where}: {', '.join(row[name] for name in _COLUMNS[1:])} is no center and diameter"
        raise DataError(what, row["seriesuid"], "correct or remove the row")
    return center, diameter


def _case(uid: str, path: Path, nodules: list[Ball], excluded: list[Ball]) -> ImportedCase:
    balls = [*nodules, *excluded]
    ignored = [False] * len(nodules) + [True] * len(excluded)
    centers, diameters = np.array([center for center, _ in balls]).reshape(-1, 3), np.array([diameter for _, diameter in balls])
    subset = re.fullmatch(r"subset(\d+)", path.parent.name)
    columns = {"subset": int(subset[1])} if subset else {}
    fields = box_objects("LPS", centers, np.repeat(diameters[:, None], 3, axis=1), [0] * len(balls), ignored)
    return ImportedCase(uid, path, **fields, columns=columns)
