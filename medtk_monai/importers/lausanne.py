"""Lausanne TOF-MRA aneurysm cohort, OpenNeuro ds003949 (Di Noto et al., Neuroinformatics 2023), in BIDS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from medtk_monai.errors import DataError
from medtk_monai.importers.cases import ImportedCase, ImportedSet, map_cases, some
from medtk_monai.importers.files import existing, is_there, listed
from medtk_monai.importers.mask_objects import WHOLE, MaskObjects, MaskRules, box_fields, read_mask
from medtk_monai.importers.table_files import read_table, table_columns

_SCAN = "_angio.nii.gz"
_MASKS = "derivatives/manual_masks"


def import_lausanne(source: Path, rules: MaskRules | None = None) -> ImportedSet:
    """Each lesion has a mask of its own, a ball drawn around it (a weak label) or its voxels; controls have none::

        SRC/sub-000/ses-20100101/anat/sub-000_ses-20100101_angio.nii.gz    SRC/participants.tsv (optional)
        SRC/derivatives/manual_masks/sub-000/ses-20100101/anat/*_Lesion_1_mask.nii.gz

    Lesions become boxes tight around their voxels. Sessions are cases, subjects patients.

    Args:
        source: SRC.
        rules: on small objects.

    Raises:
        DataError: there are no masks at all, a file was not downloaded, or a mask is not fit or of no scan.
    """
    scans = some(listed(source, f"sub-*/ses-*/anat/*{_SCAN}"), f"files sub-*/ses-*/anat/*{_SCAN}", source)
    masks = some(listed(source / _MASKS, "**/*Lesion*_mask.nii.gz"), f"files {_MASKS}/**/*_Lesion_*_mask.nii.gz", source)
    table = source / "participants.tsv"
    rows = read_table(table, ("participant_id",)) if is_there(table, "table") else []
    columns = {row["participant_id"]: table_columns(row, ("participant_id",)) for row in rows}
    chosen, by_session = rules or MaskRules(), _by_session(masks)

    def read(scan: Path) -> ImportedCase:
        session = scan.parts[-4:-2]
        return _case(existing(scan, "image"), by_session.get(session, []), columns.get(session[0], {}), chosen)

    known = {scan.parts[-4:-2] for scan in scans}
    lost = [path for session, paths in by_session.items() if session not in known for path in paths]
    notes = [f"{len(lost)} masks are of scans that are not there, such as {lost[0]}"] if lost else []
    return ImportedSet(map_cases(read, scans, "masks"), ["aneurysm"], notes)


def _by_session(masks: Sequence[Path]) -> dict[tuple[str, ...], list[Path]]:
    """(subject, session) -> masks: found in the folders of a mask or, where there are none, in its name."""
    found: dict[tuple[str, ...], list[Path]] = {}
    for path in masks:
        words = [*path.parts, *path.name.split("_")]
        session = tuple(next((word for word in words if word.startswith(prefix)), "") for prefix in ("sub-", "ses-"))
        found.setdefault(session, []).append(path)
    return found


def _case(scan: Path, masks: Sequence[Path], columns: Mapping[str, Any], rules: MaskRules) -> ImportedCase:
    case, subject = scan.name.removesuffix(_SCAN), scan.parts[-4]
    lesions = [_lesion(existing(mask, "label map", case), case) for mask in masks]
    if not lesions:
        return ImportedCase(case, scan, patient=subject, columns=columns)
    for path, lesion in zip(masks, lesions):
        if not torch.allclose(lesion.affine, lesions[0].affine, atol=1e-3):
            raise DataError(f"masks {masks[0]} and {path} have different affines", case, "resample them to the grid of the scan")
    boxes, voxels = np.concatenate([lesion.boxes for lesion in lesions]), tuple(count for lesion in lesions for count in lesion.voxels)
    found = replace(lesions[0], boxes=boxes, values=(1,) * len(boxes), voxels=voxels)
    return ImportedCase(case, scan, **box_fields(found, {1: 0}, rules), patient=subject, columns=columns)


def _lesion(path: Path, case: str) -> MaskObjects:
    """All voxels of a mask as one object, whatever their values.

    Raises:
        DataError: it has none.
    """
    found = read_mask(path, case, WHOLE)
    if not found.values:
        raise DataError(f"label map {path} is empty", case, "remove it, or download it again")
    lower, upper = np.split(found.boxes, 2, axis=1)
    hull = np.concatenate([lower.min(axis=0), upper.max(axis=0)])[None]
    return replace(found, boxes=hull, values=(1,), voxels=(sum(found.voxels),))
