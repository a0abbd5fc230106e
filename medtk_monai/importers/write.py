"""The datalist of an imported data set, and an account of what became of it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medtk_monai.data.case_fields import check_class_names
from medtk_monai.data.datalist import CLASS_NAMES, check_ids
from medtk_monai.errors import DataError
from medtk_monai.importers.cases import ImportedCase, ImportedSet
from medtk_monai.importers.losses import Settled, settle
from medtk_monai.importers.splits import TEST, VALIDATION, Share, split_cases
from medtk_monai.json_files import write_json

DATALIST, ACCOUNT = "datalist.json", "import.json"
_DEFAULT_SHARE = 0.2
_PATHS = ("image", "label_map", "segmentation")


@dataclass(frozen=True)
class Splitting:
    """How cases are dealt that the data set itself does not put into a split.

    Args:
        validation, test: shares of them; None for a fifth, or none where the data set has such a split.
        seed: of the random choice.
        resplit: deal all cases, as if the data set had no splits.
    """

    validation: Share | None = None
    test: Share | None = None
    seed: int = 0
    resplit: bool = False


def write_import(
    found: ImportedSet, out: Path, splitting: Splitting, origin: Mapping[str, Any], relative: bool = False, overwrite: bool = False
) -> dict[str, Any]:
    """Write datalist.json and import.json.

    Args:
        out: the folder.
        origin: what the account tells of where the data set comes from.
        relative: write paths relative to the folder.
        overwrite: over an existing datalist.json.

    Returns:
        The account.

    Raises:
        DataError: there is a datalist.json, two cases or classes have one name, no case has objects that can be read, or the shares do
            not fit.
    """
    path = out / DATALIST
    if path.exists() and not overwrite:
        raise DataError(f"{path} exists", remedy="name another --out, or overwrite it by --overwrite True")
    check_class_names(list(found.class_names), str(path))
    check_ids([{"case_id": case.case_id} for case in found.cases], "the data set")
    settled = settle(found)
    splits = deal(settled.cases, splitting)
    document = {name: [_entry(case, out.absolute(), relative) for case in cases] for name, cases in splits.items()}
    account = dict(origin) | _account(found, settled, splits)
    write_json(out / ACCOUNT, account)
    write_json(path, document | {CLASS_NAMES: list(found.class_names)})
    return account


def deal(cases: Sequence[ImportedCase], splitting: Splitting) -> dict[str, list[ImportedCase]]:
    """The cases of each split: where the data set puts them, others at random by patient; without splits that stay empty.

    Raises:
        DataError: shares do not fit, or are given although every case has its place.
    """
    by_id = {case.case_id: case for case in cases}
    placed = {} if splitting.resplit else {case.case_id: case.split for case in cases if case.split}
    free = {case.case_id: case.patient or case.case_id for case in cases if case.case_id not in placed}
    if not free and (splitting.validation is not None or splitting.test is not None):
        raise DataError("the data set has its own splits", remedy="leave out --validation and --test, or add --resplit True")

    def share(name: str, asked: Share | None) -> Share:
        return asked if asked is not None else 0 if name in placed.values() else _DEFAULT_SHARE

    columns = {case: by_id[case].columns for case in free}
    dealt = split_cases(free, share(VALIDATION, splitting.validation), share(TEST, splitting.test), splitting.seed, columns)
    splits: dict[str, list[ImportedCase]] = {name: [by_id[case] for case in ids] for name, ids in dealt.items()}
    for case, name in sorted(placed.items()):
        splits.setdefault(name, []).append(by_id[case])
    return {name: sorted(members, key=lambda case: case.case_id) for name, members in splits.items() if members}


def _entry(case: ImportedCase, folder: Path, relative: bool) -> dict[str, Any]:
    """A case of a datalist."""
    entry: dict[str, Any] = {"case_id": case.case_id, "image": case.image} | dict(case.objects)
    entry |= ({"patient_id": case.patient} if case.patient else {}) | {k: v for k, v in case.columns.items() if k not in entry}
    paths = {key: Path(entry[key]).absolute() for key in _PATHS if isinstance(entry.get(key), Path)}
    return entry | {key: os.path.relpath(path, folder) if relative else str(path) for key, path in paths.items()}


def _account(found: ImportedSet, settled: Settled, splits: Mapping[str, Sequence[ImportedCase]]) -> dict[str, Any]:
    shared, counts = _shared_patients(splits), {name: _counts(cases, found.class_names) for name, cases in splits.items()}
    notes = [*found.notes, *_empty_splits(counts)]
    if shared:
        notes.append(f"{len(shared)} patients are in more than one split of the data set, such as {shared[0]}")
    return {
        "class_names": list(found.class_names),
        "splits": counts,
        "left_out": [{"case_id": case.case_id, "what": what} for case in found.cases for what in (*case.lost, *case.left_out)],
        "cases_left_out": [case.case_id for case in settled.dropped],
        "notes": notes,
    }


def _empty_splits(counts: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Notes on splits none of whose cases has objects, where other splits have some."""
    empty = [name for name, split in counts.items() if split["cases_without_objects"] == split["cases"]]
    cases = {name: counts[name]["cases"] for name in empty}
    return [f"none of the {cases[name]} cases of {name} has objects" for name in empty] if len(empty) < len(counts) else []


def _shared_patients(splits: Mapping[str, Sequence[ImportedCase]]) -> list[str]:
    counts = Counter(patient for cases in splits.values() for patient in {case.patient for case in cases if case.patient})
    return sorted(patient for patient, count in counts.items() if count > 1)


def _counts(cases: Sequence[ImportedCase], class_names: Sequence[str]) -> dict[str, Any]:
    counted: Counter[str] = Counter()
    for case in cases:
        ignored = case.ignored or (False,) * len(case.labels)
        counted.update(class_names[label] for label, is_ignored in zip(case.labels, ignored) if not is_ignored)
    return {
        "cases": len(cases),
        "patients": len({case.patient or case.case_id for case in cases}),
        "cases_without_objects": sum(not case.labels for case in cases),
        "objects": {name: counted[name] for name in class_names},
        "ignored": sum(sum(case.ignored) for case in cases),
    }


def summary(account: Mapping[str, Any], out: Path) -> str:
    """A few lines on what became of a data set."""
    lines = [f"{out / DATALIST}: {', '.join(account['class_names'])}"]
    for name, counts in account["splits"].items():
        objects = ", ".join(f"{count} {kind}" for kind, count in counts["objects"].items())
        cases = f"{counts['cases']} cases of {counts['patients']} patients, {counts['cases_without_objects']} without objects"
        lines.append(f"{name}: {cases}; {objects}; {counts['ignored']} ignored")
    if account["left_out"]:
        first = account["left_out"][0]
        lines.append(f"{len(account['left_out'])} objects left out, such as {first['what']} of case {first['case_id']!r}: see {ACCOUNT}")
    if account["cases_left_out"]:
        told = f"such as {account['cases_left_out'][0]!r}: none of their objects can be read, and they would pass for cases without any"
        lines.append(f"{len(account['cases_left_out'])} cases left out, {told}")
    return "\n".join([*lines, *account["notes"]])
