"""RSNA Intracranial Aneurysm Detection 2025 (kaggle.com/competitions/rsna-intracranial-aneurysm-detection)."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from medtk_monai.errors import DataError, import_extra
from medtk_monai.importers.cases import ImportedCase, ImportedSet, map_cases, point_objects, some
from medtk_monai.importers.dicom_points import SliceGeometry, find_slice, patient_id, read_geometry
from medtk_monai.importers.files import listed
from medtk_monai.importers.table_files import read_table, typed

_SERIES, _SLICE, _PRESENT = "SeriesInstanceUID", "SOPInstanceUID", "Aneurysm Present"
_COLUMNS = {"PatientAge": "age", "PatientSex": "sex", "Modality": "modality"}


@dataclass(frozen=True)
class _Localizer:
    """A row: a point, pixels x and y of a slice, with the frame of a file of several slices; none where it cannot be read."""

    where: str
    slice_uid: str
    coordinates: str
    location: str

    def point(self) -> tuple[float, float, int | None]:
        """x, y and the frame.

        Raises:
            DataError: the row does not tell.
        """
        try:
            values = ast.literal_eval(self.coordinates)
            x, y = float(values["x"]), float(values["y"])
            frame = None if values.get("f") is None else int(values["f"])
        except (ValueError, SyntaxError, KeyError, TypeError, AttributeError, RecursionError, MemoryError, OverflowError) as error:
            raise DataError(f"{self.where}: the coordinates are {self.coordinates[:80]!r}") from error
        if not (isfinite(x) and isfinite(y)):
            raise DataError(f"{self.where}: the coordinates are {self.coordinates[:80]!r}")
        return x, y, frame


@dataclass(frozen=True)
class _Series:
    """A row of train.csv."""

    uid: str
    folder: Path
    localizers: Sequence[_Localizer]
    columns: Mapping[str, Any] = field(default_factory=dict)


def import_rsna2025(source: Path, radius_mm: float | None = None, location_classes: bool = False) -> ImportedSet:
    """Aneurysms as points in LPS mm, without radii; series without aneurysms have none::

        SRC/train.csv    SRC/train_localizers.csv    SRC/series/SERIESINSTANCEUID/*.dcm    SRC/segmentations/UID* (optional)

    ``coordinates`` are ``{'x': .., 'y': ..}``, columns and rows of the slice that SOPInstanceUID names, where whole numbers are taken for
    pixel centers, as in DICOM; and ``'f'``, the frame from 0 in files of several slices. Age, sex, modality and locations become columns
    of the case, ``point_locations`` those of each point; the patient is the PatientID of the files, unless all have the same.
    Series that have an aneurysm but no localizer are left out, as nobody knows where it is.

    Args:
        source: SRC.
        radius_mm: of all points; None leaves it open, for ``point_radius_mm`` of load_datalist.
        location_classes: the class of a point is its location, in the order of the columns of train.csv.

    Raises:
        DataError: a file or column is missing; a row, or the header of a slice, is not as described.
    """
    import_extra("pydicom", "dicom")
    table, points = source / "train.csv", source / "train_localizers.csv"
    rows = some(read_table(table, (_SERIES, _PRESENT)), "rows", table)
    localizers = _read_localizers(points)
    locations = [name for name in rows[0] if name not in (_SERIES, _PRESENT, *_COLUMNS)]
    names = locations if location_classes else ["aneurysm"]
    here = [row for row in rows if (source / "series" / row[_SERIES]).is_dir()]
    unplaced = [row[_SERIES] for row in here if row[_PRESENT].strip() not in ("0", "0.0") and row[_SERIES] not in localizers]
    maps = _find_maps(source / "segmentations")
    kept = [_series(row, source, localizers, maps) for row in here if row[_SERIES] not in set(unplaced)]
    some(kept, "series of train.csv in series/", source)
    cases = map_cases(lambda series: _case(series, names, radius_mm), kept, "series")
    if len({case.patient for case in cases}) == 1:
        cases = [replace(case, patient="") for case in cases]
    notes = [f"{len(rows) - len(here)} series of train.csv that are not in series/ were left out"] if len(here) < len(rows) else []
    notes += [f"{len(unplaced)} series with an aneurysm but no localizer were left out, such as {unplaced[0]}"] if unplaced else []
    strays = sorted(set(localizers) - {row[_SERIES] for row in rows})
    notes += [f"localizers of {len(strays)} series that train.csv does not list were left out, such as {strays[0]}"] if strays else []
    return ImportedSet(cases, names, notes)


def _read_localizers(path: Path) -> dict[str, list[_Localizer]]:
    found: dict[str, list[_Localizer]] = {}
    rows = read_table(path, (_SERIES, _SLICE, "coordinates", "location"))
    for number, row in enumerate(rows, 2):
        localizer = _Localizer(f"{path}, row {number}", row[_SLICE], row["coordinates"], row["location"])
        found.setdefault(row[_SERIES], []).append(localizer)
    return found


def _find_maps(folder: Path) -> dict[str, Path]:
    """Series -> its segmentation, that of the vessels where there are two."""
    found = sorted(listed(folder, "**/*.nii", "**/*.nii.gz"), key=lambda path: "_cowseg" not in path.name)
    return {re.sub(r"(_cowseg)?\.nii(\.gz)?$", "", path.name): path for path in reversed(found)}


def _series(row: Mapping[str, str], source: Path, localizers: Mapping[str, Sequence[_Localizer]], maps: Mapping[str, Path]) -> _Series:
    uid = row[_SERIES]
    own = localizers.get(uid, [])
    columns: dict[str, Any] = {name: typed(row[key]) for key, name in _COLUMNS.items() if row.get(key)}
    return _Series(uid, source / "series" / uid, own, columns | ({"segmentation": maps[uid]} if uid in maps else {}))


def _case(series: _Series, names: Sequence[str], radius_mm: float | None) -> ImportedCase:
    some(listed(series.folder, "*.dcm"), "DICOM files", series.folder)
    case = ImportedCase(series.uid, series.folder, patient=patient_id(series.folder), columns=series.columns)
    points, lost = [], []
    for localizer in series.localizers:
        try:
            points.append(_point(localizer, series, names))
        except DataError as error:
            lost.append(error.what)
    if not points:
        return replace(case, lost=tuple(lost))
    fields = point_objects("LPS", [point.place for point in points], [radius_mm] * len(points), [point.label for point in points])
    locations = [point.location for point in points]
    columns = dict(case.columns) | {"location": "; ".join(sorted(set(locations))), "point_locations": locations}
    objects = fields["objects"] | _direction([point.geometry for point in points])
    return replace(case, **(fields | {"objects": objects}), columns=columns, lost=tuple(lost))


@dataclass(frozen=True)
class _Point:
    """A localizer, placed: LPS mm."""

    place: list[float]
    label: int
    location: str
    geometry: SliceGeometry


def _point(localizer: _Localizer, series: _Series, names: Sequence[str]) -> _Point:
    """Where a localizer lies.

    Raises:
        DataError: nobody knows.
    """
    x, y, frame = localizer.point()
    geometry = read_geometry(find_slice(series.folder, localizer.slice_uid), frame, series.uid)
    return _Point(geometry.place(x, y), _label(localizer.location, names, series.uid), localizer.location, geometry)


def _label(location: str, names: Sequence[str], case: str) -> int:
    if len(names) > 1 and location not in names:
        raise DataError(f"the location {location!r} is no column of train.csv", case, f"write one of {', '.join(names)}")
    return names.index(location) if location in names else 0


def _direction(geometries: Sequence[SliceGeometry]) -> dict[str, Any]:
    """The axes of the slices, along which balls become boxes; rounding leaves those of the patient as they are."""
    direction = geometries[0].direction
    return {} if np.allclose(direction, np.eye(3), atol=1e-6) else {"direction": direction.tolist()}
