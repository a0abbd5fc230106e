"""nnDetection's raw data (github.com/MIC-DKFZ/nnDetection)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from medtk_monai.data.datalist import IMAGE_SUFFIXES, case_name
from medtk_monai.errors import DataError
from medtk_monai.formats.json_files import read_json
from medtk_monai.importers.cases import ImportedSet, some
from medtk_monai.importers.files import existing, is_there, listed
from medtk_monai.importers.mask_cases import MaskCase, import_instances
from medtk_monai.importers.mask_objects import MaskRules
from medtk_monai.importers.plain_yaml import read_plain_yaml
from medtk_monai.importers.splits import TEST

_DATASETS = ("dataset.json", "dataset.yaml", "dataset.yml")
_SPLITTED = "raw_splitted"


def import_nndetection(source: Path, channel: int = 0, rules: MaskRules | None = None) -> ImportedSet:
    """Each value is an object, whose class the JSON file beside its label map tells::

        SRC/dataset.json or dataset.yaml
        SRC/raw_splitted/imagesTr/case_0000.nii.gz    SRC/raw_splitted/labelsTr/case.nii.gz    SRC/raw_splitted/labelsTr/case.json
        SRC/raw_splitted/imagesTs, SRC/raw_splitted/labelsTs (optional): the split "test"

    The folders may lie in SRC itself. A datalist takes one image for each case: of several modalities (``_0000``, ``_0001``), one.

    Args:
        source: SRC.
        channel: the number of that modality.
        rules: on small objects.

    Raises:
        DataError: a file is missing or not as described.
    """
    table = next((source / name for name in _DATASETS if is_there(source / name, "description")), None)
    if table is None:
        raise DataError(f"{source} has no {' or '.join(_DATASETS)}", remedy="name the folder of the task, such as Task000_Example")
    document = read_json(table) if table.suffix == ".json" else read_plain_yaml(table)
    names = _names(document.get("labels") if isinstance(document, dict) else None, table)
    folder = source / _SPLITTED if (source / _SPLITTED).is_dir() else source
    cases = _cases(folder, "Tr", "", channel)
    some(cases, "label maps in labelsTr", folder)
    tests = _cases(folder, "Ts", TEST, channel) if (folder / "labelsTs").is_dir() else []
    modalities = document.get("modalities", document.get("modality", {}))
    others = len(modalities) - 1 if isinstance(modalities, dict) else 0
    notes = [f"{others} modalities beside number {channel} were left out: a datalist takes one image for each case"] if others > 0 else []
    return import_instances([*cases, *tests], names, rules or MaskRules(), notes)


def _names(labels: Any, table: Path) -> list[str]:
    """Of class 0, 1, ..."""
    known = {str(key): name for key, name in labels.items()} if isinstance(labels, Mapping) else {}
    if not known or set(known) != set(map(str, range(len(known)))):
        raise DataError(f'{table}: "labels" is {labels}', remedy='write the names of class 0, 1, ...: {"0": "lesion"}')
    return [str(known[str(number)]) for number in range(len(known))]


def _cases(folder: Path, part: str, split: str, channel: int) -> list[MaskCase]:
    label_maps = listed(folder / f"labels{part}", *(f"*{suffix}" for suffix in IMAGE_SUFFIXES))
    images = {case_name(path): path for path in listed(folder / f"images{part}", *(f"*{suffix}" for suffix in IMAGE_SUFFIXES))}
    numbered = {name for name in images if re.search(r"_\d{4}$", name)}
    cases = []
    for label_map in label_maps:
        name = case_name(label_map)
        wanted = f"{name}_{channel:04d}" if numbered else name
        if wanted not in images:
            raise DataError(f"{folder / f'images{part}'} has no image {wanted}", name, "add the image, or remove its label map")
        existing(label_map.with_name(f"{name}.json"), "list of classes", name)
        cases.append(MaskCase(name, images[wanted], label_map, split=split))
    return cases
