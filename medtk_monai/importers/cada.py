"""CADA: 3D rotational angiographies with intracranial aneurysms (cada.grand-challenge.org)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from medtk_monai.errors import DataError
from medtk_monai.importers.cases import ImportedSet, some
from medtk_monai.importers.files import listed
from medtk_monai.importers.mask_cases import MaskCase, import_components, import_instances
from medtk_monai.importers.mask_objects import MaskRules

_SCAN, _LABELED, _BINARY = "_orig.nii.gz", "_labeledMasks.nii.gz", "_masks.nii.gz"


def import_cada(source: Path, rules: MaskRules | None = None) -> ImportedSet:
    """Aneurysms as the values of a labeled mask, or as connected components where there are but masks of aneurysm and background::

        SRC/**/A001_orig.nii.gz    SRC/**/A001_labeledMasks.nii.gz or A001_masks.nii.gz

    Images and masks may lie in different folders. What comes before the first "_" tells the patient.

    Args:
        source: SRC.
        rules: on small objects, and on the connectivity of binary masks.

    Raises:
        DataError: a scan has no mask, or a mask is not fit.
    """
    scans = some(listed(source, f"**/*{_SCAN}"), f"files CASE{_SCAN}", source)
    masks = [path for ending in (_LABELED, _BINARY) for path in listed(source, f"**/*{ending}")]
    cases = [_case(scan, source, masks) for scan in scans]
    chosen = rules or MaskRules()
    labeled = [case for case in cases if case.label_map and case.label_map.name.lower().endswith(_LABELED.lower())]
    binary = [case for case in cases if case not in labeled]
    found = [import_instances(labeled, ["aneurysm"], chosen)] if labeled else []
    found += [import_components(binary, ["aneurysm"], chosen)] if binary else []
    unread = [path for path in masks if _name(path) not in {case.case_id for case in cases}]
    notes = [f"{len(unread)} masks are of scans that are not there, such as {unread[0]}"] if unread else []
    return ImportedSet(
        [case for part in found for case in part.cases], ["aneurysm"], [note for part in found for note in part.notes] + notes
    )


def _name(path: Path) -> str:
    """The case that a file is of."""
    return re.sub(f"({'|'.join(map(re.escape, (_SCAN, _LABELED, _BINARY)))})$", "", path.name, flags=re.IGNORECASE)


def _case(scan: Path, source: Path, all_masks: Sequence[Path]) -> MaskCase:
    name = _name(scan)
    masks = [path for path in all_masks if _name(path) == name]
    if not masks:
        raise DataError(f"{scan} has no {name}{_LABELED} or {name}{_BINARY} below {source}", name, "download the masks")
    return MaskCase(name, scan, masks[0], name.split("_")[0])
