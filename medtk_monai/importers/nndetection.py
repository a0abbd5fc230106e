"""nnDetection's raw data (github.com/MIC-DKFZ/nnDetection)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from medtk_monai.errors import DataError
from medtk_monai.importers.cases import ImportedSet, some
from medtk_monai.importers.channel_files import find_pairs, other_channels
from medtk_monai.importers.files import existing, is_there
from medtk_monai.importers.mask_cases import MaskCase, import_instances
from medtk_monai.importers.mask_objects import MaskRules
from medtk_monai.importers.plain_yaml import read_plain_yaml
from medtk_monai.importers.splits import TEST
from medtk_monai.json_files import read_json

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
    cases, left = _cases(folder, "Tr", "", channel)
    some(cases, "label maps in labelsTr", folder)
    tests, left_of_tests = _cases(folder, "Ts", TEST, channel)
    modalities = document.get("modalities", document.get("modality", {}))
    others = other_channels(len(modalities) if isinstance(modalities, dict) else 0, channel, "modalities")
    return import_instances([*cases, *tests], names, rules or MaskRules(), [*others, *left, *left_of_tests])


def _names(labels: Any, table: Path) -> list[str]:
    """Of class 0, 1, ..."""
    known = {str(key): name for key, name in labels.items()} if isinstance(labels, Mapping) else {}
    if not known or set(known) != set(map(str, range(len(known)))):
        raise DataError(f'{table}: "labels" is {labels}', remedy='write the names of class 0, 1, ...: {"0": "lesion"}')
    return [str(known[str(number)]) for number in range(len(known))]


def _cases(folder: Path, part: str, split: str, channel: int) -> tuple[list[MaskCase], list[str]]:
    """The cases of a part, each with a list of classes; and notes on what was left out."""
    pairs, notes = find_pairs(folder, part, channel)
    for pair in pairs:
        existing(pair.label_map.with_name(f"{pair.case}.json"), "list of classes", pair.case)
    return [MaskCase(pair.case, pair.image, pair.label_map, split=split) for pair in pairs], notes
