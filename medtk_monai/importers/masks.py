"""Folders of images and label maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from medtk_monai.errors import DataError
from medtk_monai.importers.cases import ImportedSet, some
from medtk_monai.importers.mask_cases import MaskCase, import_components, import_instances
from medtk_monai.importers.mask_objects import MaskRules
from medtk_monai.importers.pairing import find_files, pair_files
from medtk_monai.importers.splits import patients_by_pattern
from medtk_monai.importers.table_files import TABLES, patient_in, rows_of_cases, table_columns

IMAGE_FOLDERS = ("images", "imagesTr", "scans")
MAP_FOLDERS = ("masks", "labels", "label_maps", "labelsTr", "segmentations")


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
        source: SRC. Folders may be named as in ``IMAGE_FOLDERS`` and ``MAP_FOLDERS``; names are paired as by ``pair_files``.
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
    return import_instances(_find_cases(source, images, label_maps, table, patients), class_names, rules or MaskRules())


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
    return import_components(_find_cases(source, images, label_maps, table, patients), class_names, rules or MaskRules())


def _find_cases(source: Path, images: str | None, label_maps: str | None, table: str | None, patients: str | None) -> list[MaskCase]:
    folders = [
        str(source / given) if given else _first_folder(source, names)
        for given, names in ((images, IMAGE_FOLDERS), (label_maps, MAP_FOLDERS))
    ]
    pairs = pair_files(find_files(folders[0], "images"), find_files(folders[1], "label maps"))
    path = (
        next((source / name for name in TABLES if (source / name).exists()), None) if table is None else source / table if table else None
    )
    rows = rows_of_cases(path, list(pairs)) if path else {}
    found = patients_by_pattern(pairs, patients) if patients else {case: patient_in(row) for case, row in rows.items()}
    return [
        MaskCase(case, files["image"], files["label_map"], found.get(case, ""), columns=_other_columns(rows.get(case, {}), case))
        for case, files in pairs.items()
    ]


def _other_columns(row: Mapping[str, str], case: str) -> dict[str, Any]:
    """What a row tells beside the case and its patient."""
    known = (case, patient_in(row))
    return table_columns({key: value for key, value in row.items() if value not in known})


def _first_folder(source: Path, names: Sequence[str]) -> str:
    found = [source / name for name in names if (source / name).is_dir()]
    return str(some(found, f"folder {', '.join(names)}", source)[0])
