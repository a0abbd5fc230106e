"""Data sets of scans with label maps: what all of them have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from medtk_monai.errors import DataError
from medtk_monai.formats.label_map import side_file
from medtk_monai.formats.values import as_index
from medtk_monai.importers.cases import ImportedCase, ImportedSet, map_cases
from medtk_monai.importers.mask_objects import WHOLE, MaskObjects, MaskRules, mask_fields, read_mask
from medtk_monai.json_files import read_json


@dataclass(frozen=True)
class MaskCase:
    """A scan and its label map; None where nothing is to be found. Other fields are those of ``ImportedCase``."""

    case_id: str
    image: Path
    label_map: Path | None
    patient: str = ""
    split: str = ""
    columns: Mapping[str, Any] = field(default_factory=dict)

    def imported(self, fields: Mapping[str, Any]) -> ImportedCase:
        """The case with these objects."""
        own = {"patient": self.patient, "split": self.split, "columns": dict(self.columns) | fields.get("columns", {})}
        return ImportedCase(self.case_id, self.image, **(dict(fields) | own))


def import_instances(
    cases: Sequence[MaskCase], class_names: Sequence[str] | None, rules: MaskRules, notes: Sequence[str] = ()
) -> ImportedSet:
    """Each value is an object, of the class that ``CASE.json`` beside the label map tells in ``{"instances": {"1": 0}}``, or of class 0.

    Raises:
        DataError: a label map is not fit, or the file beside it does not tell the class of a value.
    """
    masks, classes = _read_masks(cases, replace(rules, connectivity=WHOLE)), []
    for case, mask in zip(cases, masks):
        classes.append(_instance_classes(mask, case.case_id) if mask else {})
    count = max([0, *(label for known in classes for label in known.values())]) + 1
    names = list(class_names or (["object"] if count == 1 else [f"class {number}" for number in range(count)]))
    if count > len(names):
        raise DataError(f"class {count - 1} has no name among {', '.join(names)}", remedy=f"give {count} class names or more")
    done = [case.imported(mask_fields(mask, known, rules) if mask else {}) for case, mask, known in zip(cases, masks, classes)]
    return ImportedSet(done, names, notes)


def import_components(
    cases: Sequence[MaskCase], names: Mapping[int, str] | Sequence[str] | None, rules: MaskRules, notes: Sequence[str] = ()
) -> ImportedSet:
    """Each value is a class, and its objects are the connected components.

    Args:
        names: value -> name of its class; or the names of value 1, 2, ..., or of those that occur in ascending order; None for names
            after the values.

    Raises:
        DataError: a label map is not fit, or has a value without a name.
    """
    masks = _read_masks(cases, rules)
    values = {value for mask in masks if mask for value in mask.named} - rules.ignored_values
    named = dict(names) if isinstance(names, Mapping) else _name_values(sorted(values), names)
    for case, mask in zip(cases, masks):
        unknown = set(mask.named if mask else ()) - set(named) - rules.ignored_values
        if mask and unknown:
            what = f"label map {mask.path} has the value {min(unknown)}, which is no class"
            raise DataError(what, case.case_id, f"values are {', '.join(map(str, sorted(named)))}")
    classes = {value: number for number, value in enumerate(sorted(named))}
    # What is ignored has to be of some class.
    known = dict.fromkeys(rules.ignored_values, 0) | classes
    done = [case.imported(mask_fields(mask, known, rules) if mask else {}) for case, mask in zip(cases, masks)]
    return ImportedSet(done, [named[value] for value in sorted(named)], [*notes, *_map_notes(done)])


def _map_notes(cases: Sequence[ImportedCase]) -> list[str]:
    boxed = sum("boxes" in case.objects for case in cases)
    return [f"{boxed} cases have boxes in place of a label map: values of theirs are of several objects, or ignored"] if boxed else []


def _read_masks(cases: Sequence[MaskCase], rules: MaskRules) -> list[MaskObjects | None]:
    return map_cases(
        lambda case: read_mask(case.label_map, case.case_id, rules.connectivity) if case.label_map else None, cases, "label maps"
    )


def _name_values(values: Sequence[int], names: Sequence[str] | None) -> dict[int, str]:
    if names is None:
        return {value: f"value {value}" for value in values} or {1: "value 1"}
    if max(values, default=0) <= len(names):
        return dict(enumerate(names, 1))
    if len(values) != len(names):
        what = f"{len(names)} class names for the values {', '.join(map(str, values[:20]))}"
        raise DataError(what, remedy="name the classes of value 1, 2, ..., or of each of these values")
    return dict(zip(values, names))


def _instance_classes(mask: MaskObjects, case: str) -> dict[int, int]:
    """Value -> class."""
    beside = side_file(mask.path)
    if not beside.exists():
        return dict.fromkeys(mask.named, 0)
    document = read_json(beside)
    known = document.get("instances") if isinstance(document, dict) else None
    if not isinstance(known, dict):
        raise DataError(f'{beside} has no object "instances"', case, 'write {"instances": {"1": 0}}')
    for value in mask.named:
        if str(value) not in known:
            raise DataError(f"{beside} does not tell the class of the value {value}", case, f'add "{value}" to it')
    return {value: as_index(known[str(value)], f"{beside}: the class of {value}", case) for value in mask.named}
