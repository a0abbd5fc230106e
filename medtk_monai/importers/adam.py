"""ADAM: TOF-MRAs with intracranial aneurysms (adam.isi.uu.nl)."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from medtk_monai.importers.cases import ImportedCase, ImportedSet, some
from medtk_monai.importers.files import existing, is_there, listed, read_lines
from medtk_monai.importers.mask_cases import MaskCase, import_components
from medtk_monai.importers.mask_objects import MaskRules

_ANEURYSM, _TREATED = 1, 2
_SCAN, _MASK, _LOCATIONS = "TOF.nii.gz", "aneurysms.nii.gz", "location.txt"


def import_adam(source: Path, images: str = "orig", rules: MaskRules | None = None) -> ImportedSet:
    """Aneurysms as connected components of value 1; treated ones, value 2, are ignored::

        SRC/10001/orig/TOF.nii.gz    SRC/10001/pre/TOF.nii.gz    SRC/10001/aneurysms.nii.gz    SRC/10001/location.txt (optional)

    Follow-ups (``10044B`` and ``10044F``) are of one patient. Masks are the truth; where ``location.txt`` has another number of
    lines than there are aneurysms, which may touch each other, a note tells so.

    Args:
        source: SRC.
        images: "orig" or "pre", the scan as it is or after bias correction.
        rules: on connectivity and small objects.

    Raises:
        DataError: a scan or a mask is missing or not fit.
    """
    folders = sorted({path.parents[1] for path in listed(source, f"*/*/{_SCAN}")})
    some(folders, f"folders SUBJECT/{images}/{_SCAN}", source)
    cases = [_case(folder, images) for folder in folders]
    chosen = replace(rules or MaskRules(), ignored_values=frozenset({_TREATED}))
    found = import_components(cases, {_ANEURYSM: "aneurysm"}, chosen)
    unread = [path for path in listed(source, f"*/{_MASK}") if path.parent not in folders]
    lost = [f"{len(unread)} masks are of scans that are not there, such as {unread[0]}"] if unread else []
    notes = [note for folder, case in zip(folders, found.cases) if (note := _compare(folder / _LOCATIONS, case))]
    return replace(found, notes=[*found.notes, *lost, *notes])


def _case(folder: Path, images: str) -> MaskCase:
    name = folder.name
    patient = re.sub(r"(?<=\d)[BF]$", "", name)
    scan, mask = existing(folder / images / _SCAN, "image", name), existing(folder / _MASK, "label map", name)
    return MaskCase(name, scan, mask, patient)


def _compare(path: Path, case: ImportedCase) -> str:
    """A note where a list of locations and the mask tell different numbers of aneurysms."""
    if not is_there(path, "list", case.case_id):
        return ""
    count = sum(bool(line.strip()) for line in read_lines(path, case.case_id))
    if count in (len(case.labels), len(case.labels) - sum(case.ignored)):
        return ""
    return f"case {case.case_id!r}: {_LOCATIONS} names {count} aneurysms, the mask has {len(case.labels)} components"
