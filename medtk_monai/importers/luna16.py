"""LUNA16: CT scans of the LIDC-IDRI with pulmonary nodules (luna16.grand-challenge.org)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from medtk_monai.errors import DataError
from medtk_monai.formats.values import parse_number
from medtk_monai.importers.cases import ImportedCase, ImportedSet, box_objects, some
from medtk_monai.importers.files import listed
from medtk_monai.importers.table_files import read_table

_NODULES, _EXCLUDED = "annotations.csv", "annotations_excluded.csv"
_COLUMNS = ("seriesuid", "coordX", "coordY", "coordZ", "diameter_mm")
_NOMINAL_RADIUS_MM = 5.0
"""As the challenge's own evaluation takes it for findings without a diameter."""


@dataclass(frozen=True)
class _Ball:
    """A row: center (3,) and diameter, LPS mm, and what is wrong with it; the diameter is NaN where the place is not known."""

    center: list[float]
    diameter: float
    ignored: bool
    problem: str = ""


def import_luna16(source: Path, annotations: str | None = None, radius_mm: float = _NOMINAL_RADIUS_MM) -> ImportedSet:
    """Nodules as boxes along the axes of the world, LPS mm, whose sides are the diameters; scans without rows have none::

        SRC/subset0/SERIESUID.mhd ... SRC/subset9/    SRC/annotations.csv    SRC/annotations_excluded.csv (optional, anywhere below SRC)

    Irrelevant findings of annotations_excluded.csv are ignored objects. Nodules whose diameter cannot be read are so as well, as their place is
    known. The number of a scan's subset, its fold in the challenge, is the column ``subset``: ``--test subset=9`` makes one of them the test
    split.

    Args:
        source: SRC.
        annotations: folder of the CSV files within SRC.
        radius_mm: of findings whose diameter is unknown, which the file of irrelevant ones writes as -1.

    Raises:
        DataError: files are missing, or two scans have one name.
    """
    scans = [path for path in listed(source, "**/*.mhd") if "seg" not in path.parent.name]
    images = {path.stem.strip(): path for path in some(scans, "MHD files in folders subset0 ... subset9", source)}
    if len(images) < len(scans):
        double = next(path for path in scans if images[path.stem.strip()] != path)
        raise DataError(f"scans {double} and {images[double.stem.strip()]} have one name", double.stem, "remove one of them")
    folder = source / annotations if annotations else source
    nodules = _read(_find(folder, _NODULES), radius_mm, False)
    excluded = _read(_find(folder, _EXCLUDED, needed=False), radius_mm, True)
    cases = [_case(uid, path, [*nodules.get(uid, []), *excluded.get(uid, [])]) for uid, path in images.items()]
    return ImportedSet(cases, ["nodule"], _strays(nodules, images, source))


def _strays(nodules: Mapping[str, Sequence[_Ball]], images: Mapping[str, Path], source: Path) -> list[str]:
    """A note on nodules of scans that are not there."""
    lost = {uid: len(balls) for uid, balls in nodules.items() if uid not in images}
    if not lost:
        return []
    return [
        f"{sum(lost.values())} nodules of {len(lost)} scans that are not below {source} were left out, such as {', '.join([*lost][:3])}"
    ]


def _find(folder: Path, name: str, needed: bool = True) -> Path | None:
    found = listed(folder, f"**/{name}")
    if not found and needed:
        raise DataError(
            f"{folder} has no {name}", remedy="put the challenge's CSV files beside the subsets, or name their folder by --annotations"
        )
    return found[0] if found else None


def _read(path: Path | None, radius_mm: float, ignored: bool) -> dict[str, list[_Ball]]:
    """Series -> its rows."""
    balls: dict[str, list[_Ball]] = {}
    if path is None:
        return balls
    for number, row in enumerate(read_table(path, _COLUMNS), 2):
        balls.setdefault(row["seriesuid"], []).append(_ball(row, f"{path}, row {number}", radius_mm, ignored))
    return balls


def _ball(row: Mapping[str, str], where: str, radius_mm: float, ignored: bool) -> _Ball:
    numbers = [parse_number(row[name]) for name in _COLUMNS[1:]]
    *center, diameter = [np.nan if number is None else number for number in numbers]
    told = f"{where}: {', '.join(row[name] for name in _COLUMNS[1:])}"
    if not np.isfinite(center).all():
        return _Ball(center, np.nan, ignored, f"{told}, which is no center and diameter")
    if diameter > 0:
        return _Ball(center, diameter, ignored)
    return _Ball(center, 2 * radius_mm, True, "" if ignored else f"{told}, which has no diameter and became an ignored object")


def _case(uid: str, path: Path, balls: Sequence[_Ball]) -> ImportedCase:
    placed = [ball for ball in balls if np.isfinite(ball.diameter)]
    centers, sizes = np.array([ball.center for ball in placed]).reshape(-1, 3), np.array([[ball.diameter] * 3 for ball in placed])
    subset = re.fullmatch(r"subset(\d+)", path.parent.name)
    columns = {"subset": int(subset[1])} if subset else {}
    fields = box_objects("LPS", centers, sizes.reshape(-1, 3), [0] * len(placed), [ball.ignored for ball in placed])
    lost = tuple(ball.problem for ball in balls if not np.isfinite(ball.diameter))
    left_out = tuple(ball.problem for ball in placed if ball.problem)
    return ImportedCase(uid, path, **(fields | {"lost": lost}), columns=columns, left_out=left_out)
