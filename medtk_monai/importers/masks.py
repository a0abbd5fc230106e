"""Folders of images and label maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from glob import escape
from pathlib import Path
from typing import Any

from medtk_monai.data.datalist import IMAGE_SUFFIXES
from medtk_monai.errors import DataError
from medtk_monai.importers.cases import ImportedSet, some
from medtk_monai.importers.files import is_there, listed
from medtk_monai.importers.mask_cases import MaskCase, import_components, import_instances
from medtk_monai.importers.mask_objects import MaskRules
from medtk_monai.importers.pairing import find_files, pair_files
from medtk_monai.importers.splits import patients_by_pattern
from medtk_monai.importers.table_files import TABLES, patient_in, rows_of_cases, table_columns

IMAGE_FOLDERS = ("images", "imagesTr", "scans")
MAP_FOLDERS = ("masks", "labels", "label_maps", "labelsTr", "segmentations")
KNOWN_NAMES = (("volume-*", "segmentation-*"), ("imaging.nii*", "segmentation.nii*"), ("img[0-9]*", "label[0-9]*"))
"""Of images and label maps in LiTS, KiTS and BTCV, found in any folders."""


def import_masks(
    source: Path,
    images: str | None = None,
    label_maps: str | None = None,
    table: str | None = None,
    patients: str | None = None,
    class_names: Sequence[str] | None = None,
    rules: MaskRules | None = None,
) -> ImportedSet:
    """Label maps in which each value is an object::

        SRC/images/case_01.nii.gz    SRC/masks/case_01.nii.gz    SRC/manifest.csv

    Args:
        source: SRC. Folders may be named as in ``IMAGE_FOLDERS`` and ``MAP_FOLDERS``, or files as in ``KNOWN_NAMES``; names are paired as
            by ``pair_files``.
        images, label_maps: patterns or folders within SRC, such as "*_FLAIR.nii.gz".
        table: file within SRC whose rows tell of the cases; by default one of ``TABLES``, "" for none.
        patients: regular expression that finds the patient in a case id; by default the table's column.
        class_names: of class 0, 1, ..., which ``CASE.json`` beside a label map tells, as nnDetection has it.
        rules: on small objects.

    Raises:
        DataError: files are missing or have no partner, or a label map is not fit.
    """
    if rules is not None and rules.connectivity is not None:
        raise DataError(
            "masks takes no --connectivity", remedy="there each value is an object; `medtk import semantic` looks for components"
        )
    cases, notes = _find_cases(source, images, label_maps, table, patients)
    return import_instances(cases, class_names, rules or MaskRules(), notes)


def import_semantic(
    source: Path,
    images: str | None = None,
    label_maps: str | None = None,
    table: str | None = None,
    patients: str | None = None,
    class_names: Sequence[str] | None = None,
    rules: MaskRules | None = None,
) -> ImportedSet:
    """Label maps in which each value is a class, whose connected components are the objects; files as for ``import_masks``.

    Args:
        class_names: of the values 1, 2, ..., or of those that occur, in ascending order.
        rules: on connectivity and small objects.

    Raises:
        DataError: files are missing or have no partner, or a label map is not fit.
    """
    cases, notes = _find_cases(source, images, label_maps, table, patients)
    return import_components(cases, class_names, rules or MaskRules(), notes)


def _find_cases(
    source: Path, images: str | None, label_maps: str | None, table: str | None, patients: str | None
) -> tuple[list[MaskCase], list[str]]:
    """The cases, and notes on images that were left out."""
    image_files, map_files, notes = _find_pairs(source, images, label_maps)
    pairs = pair_files(image_files, map_files)
    path = (
        next((source / name for name in TABLES if is_there(source / name, "table")), None)
        if table is None
        else source / table
        if table
        else None
    )
    rows = rows_of_cases(path, list(pairs)) if path else {}
    found = patients_by_pattern(pairs, patients) if patients else {case: patient_in(row) for case, row in rows.items()}
    cases = [
        MaskCase(case, files["image"], files["label_map"], found.get(case, ""), columns=_other_columns(rows.get(case, {}), case))
        for case, files in pairs.items()
    ]
    return cases, notes


def _find_pairs(source: Path, images: str | None, label_maps: str | None) -> tuple[list[Path], list[Path], list[str]]:
    """Images, label maps, and notes on images that were left out: as named, or in the usual folders, or by their usual names."""
    if not images and not label_maps and not any((source / name).is_dir() for name in IMAGE_FOLDERS):
        for names in KNOWN_NAMES:
            found, maps = (_named(source, name) for name in names)
            if found and maps:
                return _with_maps(found, maps)
    places = [
        _place(source, given) if given else _first_folder(source, names)
        for given, names in ((images, IMAGE_FOLDERS), (label_maps, MAP_FOLDERS))
    ]
    return find_files(places[0], "images"), find_files(places[1], "label maps"), []


def _named(source: Path, name: str) -> list[Path]:
    return [path for path in listed(source, f"**/{name}") if path.name.lower().endswith(IMAGE_SUFFIXES)]


def _with_maps(images: Sequence[Path], maps: Sequence[Path]) -> tuple[list[Path], list[Path], list[str]]:
    """Images without those whose folders have no label map, where each image has a folder of its own."""
    folders = {path.parent for path in maps}
    if len({path.parent for path in images}) < len(images):
        return list(images), list(maps), []
    alone = [path for path in images if path.parent not in folders]
    notes = [f"{len(alone)} images without a label map were left out, such as {alone[0]}"] if alone else []
    return [path for path in images if path.parent in folders], list(maps), notes


def _place(source: Path, given: str) -> str:
    """A folder, or a pattern whose signs are those of ``given`` alone."""
    path = source / Path(given).expanduser()
    return str(path) if path.exists() or Path(given).is_absolute() else f"{escape(str(source))}/{given}"


def _other_columns(row: Mapping[str, str], case: str) -> dict[str, Any]:
    """What a row tells beside the case and its patient."""
    known = (case, patient_in(row))
    return table_columns({key: value for key, value in row.items() if value not in known})


def _first_folder(source: Path, names: Sequence[str]) -> str:
    found = [source / name for name in names if (source / name).is_dir()]
    return str(some(found, f"folder {', '.join(names)}", source)[0])
