"""The Medical Segmentation Decathlon (medicaldecathlon.com) and what is laid out like it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from medtk_monai.data.datalist import case_name
from medtk_monai.errors import DataError
from medtk_monai.formats.json_files import as_list, read_json
from medtk_monai.importers.cases import ImportedSet, some
from medtk_monai.importers.files import existing
from medtk_monai.importers.mask_cases import MaskCase, import_components
from medtk_monai.importers.mask_objects import MaskRules
from medtk_monai.importers.splits import TEST, patients_by_pattern

_TABLE = "dataset.json"


def import_msd(source: Path, unlabeled_test: bool = False, patients: str | None = None, rules: MaskRules | None = None) -> ImportedSet:
    """Each value is a class, whose connected components are the objects::

        SRC/dataset.json    SRC/imagesTr/case_001.nii.gz    SRC/labelsTr/case_001.nii.gz    SRC/imagesTs/case_002.nii.gz

    ``dataset.json`` lists the cases and names the values. Images of several modalities have these as their fourth axis, which becomes the
    channels (``num_channels`` of LoadCased).

    Args:
        source: SRC.
        unlabeled_test: take imagesTs, whose objects are not known, as the split "test", for prediction.
        patients: regular expression that finds the patient in a case id.
        rules: on connectivity and small objects; connectivity 0 makes all voxels of a value one object.

    Raises:
        DataError: dataset.json or a file that it lists is missing or not as described.
    """
    path = existing(source / _TABLE, "list")
    document = read_json(path)
    document = document if isinstance(document, dict) else {}
    rows = some(as_list(document.get("training"), f'{path}: "training"'), 'cases in "training"', path)
    pairs = [tuple(_file(row.get(key), source, key, path) for key in ("image", "label")) for row in rows]
    tests = [_file(name, source, "test", path) for name in document.get("test", [])] if unlabeled_test else []
    of_case = patients_by_pattern([case_name(image) for image in [*(image for image, _ in pairs), *tests]], patients)
    known = of_case if patients else {}
    cases = [MaskCase(case_name(image), image, mask, known.get(case_name(image), "")) for image, mask in pairs]
    cases += [MaskCase(case_name(image), image, None, known.get(case_name(image), ""), TEST) for image in tests]
    return import_components(cases, _names(document.get("labels"), path), rules or MaskRules(), _notes(document, unlabeled_test))


def _file(name: Any, source: Path, role: str, path: Path) -> Path:
    if not isinstance(name, str):
        raise DataError(f'{path}: "{role}" is {name!r}, not a path', remedy="write the path relative to the file")
    return existing(source / name, role)


def _names(labels: Any, path: Path) -> dict[int, str]:
    """Value -> name, without the background."""
    if not isinstance(labels, Mapping) or not all(str(value).isdecimal() and isinstance(name, str) for value, name in labels.items()):
        raise DataError(f'{path}: "labels" is {labels}', remedy='write {"0": "background", "1": "tumor"}')
    names = {int(value): name for value, name in labels.items() if int(value) > 0}
    if len(set(names.values())) < len(names):
        raise DataError(f'{path}: "labels" repeats a name', remedy="name each value differently")
    return names


def _notes(document: Mapping[str, Any], unlabeled_test: bool) -> list[str]:
    modalities = document.get("modality", {})
    notes = [f"channels: {', '.join(map(str, modalities.values()))}"] if isinstance(modalities, dict) and len(modalities) > 1 else []
    left = 0 if unlabeled_test else len(document.get("test", []))
    return notes + ([f"{left} test images without labels were left out"] if left else [])
