"""CADA: 3D rotational angiographies with intracranial aneurysms (cada.grand-challenge.org)."""

from __future__ import annotations

from pathlib import Path

from medtk_monai.errors import DataError
from medtk_monai.importers.cases import ImportedSet, some
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
    scans = some(sorted(source.rglob(f"*{_SCAN}")), f"files CASE{_SCAN}", source)
    cases = [_case(scan, source) for scan in scans]
    chosen = rules or MaskRules()
    labeled = [case for case in cases if case.label_map and case.label_map.name.endswith(_LABELED)]
    binary = [case for case in cases if case not in labeled]
    found = [import_instances(labeled, ["aneurysm"], chosen)] if labeled else []
    found += [import_components(binary, ["aneurysm"], chosen)] if binary else []
    return ImportedSet([case for part in found for case in part.cases], ["aneurysm"], [note for part in found for note in part.notes])


def _case(scan: Path, source: Path) -> MaskCase:
    name = scan.name.removesuffix(_SCAN)
    masks = [path for ending in (_LABELED, _BINARY) for path in sorted(source.rglob(name + ending))]
    if not masks:
        raise DataError(f"{scan} has no {name}{_LABELED} or {name}{_BINARY} below {source}", name, "download the masks")
    return MaskCase(name, scan, masks[0], name.split("_")[0])
