"""The Medical Segmentation Decathlon (medicaldecathlon.com), nnU-Net's raw data (github.com/MIC-DKFZ/nnUNet), and what is laid out like them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from medtk_monai.data.datalist import case_name
from medtk_monai.errors import DataError
from medtk_monai.formats.values import as_list
from medtk_monai.importers.cases import ImportedSet, some
from medtk_monai.importers.channel_files import Pair, find_pairs, list_images, of_channel, other_channels
from medtk_monai.importers.files import existing
from medtk_monai.importers.mask_cases import MaskCase, import_components
from medtk_monai.importers.mask_objects import MaskRules
from medtk_monai.importers.splits import TEST, patients_by_pattern
from medtk_monai.json_files import read_json

_TABLE = "dataset.json"
_IGNORE = "ignore"


def import_msd(
    source: Path, unlabeled_test: bool = False, patients: str | None = None, channel: int = 0, rules: MaskRules | None = None
) -> ImportedSet:
    """Each value is a class, whose connected components are the objects::

        SRC/dataset.json    SRC/imagesTr/case_001.nii.gz    SRC/labelsTr/case_001.nii.gz    SRC/imagesTs/case_002.nii.gz

    ``dataset.json`` names the values and lists the cases, or leaves that to the folders, as nnU-Net does: there, images are called
    ``case_001_0000.nii.gz`` after their channel, the value called "ignore" is of ignored objects, and labelsTs is the split "test". Images
    of several modalities in one file have these as their fourth axis, which becomes the channels (``num_channels`` of LoadCased).

    Args:
        source: SRC.
        unlabeled_test: take imagesTs, whose objects are not known, as the split "test", for prediction.
        patients: regular expression that finds the patient in a case id.
        channel: which of several images of a case.
        rules: on connectivity and small objects; connectivity 0 makes all voxels of a value one object.

    Raises:
        DataError: dataset.json or a file that it lists is missing or not as described.
    """
    path = existing(source / _TABLE, "list")
    document = read_json(path)
    document = document if isinstance(document, dict) else {}
    names, ignored = _names(document.get("labels"), path)
    pairs, notes = _training(document, path, channel)
    labeled, _ = find_pairs(source, "Ts", channel)
    tests = [] if labeled else _tests(document, path, channel)
    found = [*(MaskCase(pair.case, pair.image, pair.label_map) for pair in some(pairs, 'cases in "training" or labelsTr', path))]
    found += [MaskCase(pair.case, pair.image, pair.label_map, split=TEST) for pair in labeled]
    found += [MaskCase(case, existing(image, "test", case), None, split=TEST) for case, image in tests] if unlabeled_test else []
    known = patients_by_pattern([case.case_id for case in found], patients) if patients else {}
    notes = [*_channel_notes(document, channel), *notes]
    notes += [f"{len(tests)} test images without labels were left out"] if tests and not unlabeled_test else []
    chosen = replace(rules or MaskRules(), ignored_values=ignored)
    return import_components([replace(case, patient=known.get(case.case_id, "")) for case in found], names, chosen, notes)


def _training(document: Mapping[str, Any], path: Path, channel: int) -> tuple[list[Pair], list[str]]:
    """The cases that dataset.json lists, or those of its folders where it lists none; and notes on them."""
    if document.get("dataset") is not None:
        return _of_dictionary(document["dataset"], path, channel), []
    if document.get("training") is None and isinstance(document.get("numTraining"), int):
        pairs, notes = find_pairs(path.parent, "Tr", channel)
        told = document["numTraining"]
        return pairs, [*notes, *([f"{path} tells of {told} training cases, {len(pairs)} are there"] if told != len(pairs) else [])]
    rows = as_list(document.get("training"), f'{path}: "training"')
    files = [(_file(row.get("image"), "image", path, channel), _file(row.get("label"), "label", path)) for row in rows]
    return [Pair(case_name(path.parent / row["image"]), *pair) for row, pair in zip(rows, files)], []


def _of_dictionary(cases: Any, path: Path, channel: int) -> list[Pair]:
    """The cases of {"case": {"images": [...], "label": "..."}}."""
    pairs = []
    for case, row in cases.items() if isinstance(cases, dict) else [("dataset", cases)]:
        images = row.get("images") if isinstance(row, dict) else None
        if not isinstance(images, list) or len(images) <= channel:
            raise DataError(f'{path}: "dataset" has no image {channel} of the case', case, 'write {"images": [...], "label": "..."}')
        pairs.append(Pair(case, _file(images[channel], "images", path), _file(row.get("label"), "label", path)))
    return pairs


def _tests(document: Mapping[str, Any], path: Path, channel: int) -> list[tuple[str, Path]]:
    """Case ids and images of the test split: those listed, or without a list those of this channel in imagesTs."""
    if isinstance(listed := document.get("test"), list):
        files = [path.parent / name if isinstance(name, str) else _file(name, "test", path) for name in listed]
        return [(case_name(file), of_channel(file, channel)) for file in files]
    ending = f"_{channel:04d}"
    images = {case_name(image): image for image in list_images(path.parent / "imagesTs")}
    return [(name.removesuffix(ending), image) for name, image in images.items() if name.endswith(ending)]


def _file(name: Any, role: str, path: Path, channel: int | None = None) -> Path:
    if not isinstance(name, str) or not name:
        raise DataError(f'{path}: "{role}" is {str(name)[:60]!r}, not a path', remedy="write the path relative to the file")
    file = path.parent / name
    return existing(file if channel is None else of_channel(file, channel), role)


def _names(labels: Any, path: Path) -> tuple[dict[int, str], frozenset[int]]:
    """Value -> name, without the background; and the values of what is ignored.

    Files have either value -> name, or name -> value as nnU-Net's do.
    """
    pairs = list(labels.items()) if isinstance(labels, Mapping) else []
    if pairs and all(isinstance(value, int) and not isinstance(value, bool) and value >= 0 for _, value in pairs):
        named = {value: name for name, value in pairs}
    elif pairs and all(str(value).isdecimal() and len(str(value)) < 10 and isinstance(name, str) for value, name in pairs):
        named = {int(value): name for value, name in pairs}
    else:
        remedy = 'write {"0": "background", "1": "tumor"}; regions of several values are no classes of objects: name the values one by one'
        raise DataError(f'{path}: "labels" is {str(labels)[:100]}', remedy=remedy)
    ignored = frozenset(value for value, name in named.items() if name == _IGNORE and value > 0)
    names = {value: name for value, name in named.items() if value > 0 and value not in ignored}
    if len(set(names.values())) < len(names) or len(named) < len(pairs):
        raise DataError(f'{path}: "labels" repeats a name or a value', remedy="name each value differently")
    return names, ignored


def _channel_notes(document: Mapping[str, Any], channel: int) -> list[str]:
    modalities, files = document.get("modality"), document.get("channel_names")
    notes = [f"channels: {', '.join(map(str, modalities.values()))}"] if isinstance(modalities, dict) and len(modalities) > 1 else []
    return [*notes, *other_channels(len(files) if isinstance(files, dict) else 0, channel, "channels")]
