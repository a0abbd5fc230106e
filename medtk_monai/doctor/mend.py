"""A better datalist from an examined one; images and label maps are never touched."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medtk_monai.doctor.entries import cases_of
from medtk_monai.doctor.examine import Examination
from medtk_monai.doctor.faults import NOTE, Fault
from medtk_monai.doctor.mend_case import DROPPED_CASES, Draft, mend_case

_DOUBLES = ("duplicate_image", "duplicate_across_splits")
Place = tuple[str, int]


@dataclass(frozen=True)
class Mended:
    """A corrected datalist.

    Args:
        content: of the file to write: all that was in the old one beside the cases, and the cases that are left.
        changes: the findings that no longer hold, with what was done about each.
        left: errors and warnings that remain.
    """

    content: dict[str, Any]
    changes: tuple[tuple[Fault, str], ...]
    left: tuple[Fault, ...]


def mend(examination: Examination, folder: str | Path | None = None) -> Mended:
    """Correct what can be corrected without doubt.

    Cases without a readable image or label map are left out, and of equal cases all but one: that of the test split first, then that of
    the validation. All cases of a patient go to the split that has most of them; where several have, the test split keeps its own,
    then the validation. Boxes that are none, or lie outside, are left out; so is a case that has no other boxes.

    Args:
        examination: of the datalist.
        folder: that the new datalist will lie in, so that relative paths still lead to the images; None if it stays.
    """
    by_place: dict[Place, list[Fault]] = defaultdict(list)
    for finding in examination.findings:
        by_place[finding.split, finding.index].append(finding)
    changes: list[tuple[Fault, str]] = []
    drafts: dict[Place, Draft] = {}
    for entry, scan in zip(examination.entries, examination.scans):
        findings = by_place[entry.split, entry.index]
        if any(_is_dropped(finding) for finding in findings):
            changes += [(finding, "the case was left out") for finding in findings]
            continue
        draft = Draft(entry, scan, deepcopy(entry.item))
        mend_case(draft, findings)
        if entry.item.get("boxes") and draft.item.get("boxes") == []:
            changes += [(finding, "the case was left out, as it would pass for one without objects") for finding in findings]
            continue
        drafts[entry.split, entry.index] = draft
        changes += draft.mended
    changes += [(finding, "the case was left out") for finding in examination.findings if _is_no_case(finding, examination)]
    changes += _rename(drafts, examination.findings)
    homes = {(finding.split, finding.index): finding for finding in examination.findings if finding.kind == "patient_leak"}
    changes += [(finding, f"the case was moved to {finding.mend}") for place, finding in homes.items() if place in drafts]
    content = _assemble(examination, drafts, {place: finding.mend for place, finding in homes.items()}, folder)
    done = {id(finding) for finding, _ in changes}
    left = tuple(finding for finding in examination.findings if finding.severity != NOTE and id(finding) not in done)
    return Mended(content, tuple(changes), left)


def _is_dropped(finding: Fault) -> bool:
    return finding.kind in DROPPED_CASES or (finding.kind in _DOUBLES and bool(finding.mend))


def _is_no_case(finding: Fault, examination: Examination) -> bool:
    """Whether there is not even an image at the place of a finding."""
    places = {(entry.split, entry.index) for entry in examination.entries}
    return finding.index >= 0 and (finding.split, finding.index) not in places


def _rename(drafts: dict[Place, Draft], findings: Sequence[Fault]) -> list[tuple[Fault, str]]:
    """Give cases of one name names of their own."""
    taken = {draft.entry.case_id for draft in drafts.values()}
    changes = []
    for finding in findings:
        draft = drafts.get((finding.split, finding.index))
        if finding.kind == "duplicate_case_id" and draft is not None:
            name = next(name for number in range(2, len(taken) + 3) if (name := f"{finding.case_id}_{number}") not in taken)
            taken.add(name)
            draft.item["case_id"] = name
            changes.append((finding, f"the case was named {name!r}"))
    return changes


def _assemble(examination: Examination, drafts: dict[Place, Draft], homes: dict[Place, str], folder: str | Path | None) -> dict[str, Any]:
    content = {key: [] if key in cases_of(examination.listing.content) else value for key, value in examination.listing.content.items()}
    for place, draft in drafts.items():
        content[homes.get(place, place[0])].append(_with_paths(draft.item, examination.listing.root, folder))
    return content


def _with_paths(item: dict[str, Any], root: Path, folder: str | Path | None) -> dict[str, Any]:
    """The case with relative paths that start from another folder."""
    if folder is None or Path(folder).absolute() == root:
        return item
    paths = {key: item[key] for key in ("image", "label_map") if isinstance(item.get(key), str) and not Path(item[key]).is_absolute()}
    return item | {key: os.path.relpath(root / Path(path).expanduser(), folder) for key, path in paths.items()}
