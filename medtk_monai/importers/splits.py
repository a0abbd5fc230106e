"""Cases dealt to training, validation and test, all cases of a patient to the same one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from medtk_monai.data.selection import TEST, TRAINING, VALIDATION
from medtk_monai.errors import DataError

Share = float | int | str | Sequence[str]
"""A fraction of the cases, a number of cases, or words: case ids, patients, or a column and its value as in ``fold=3``."""


def split_cases(
    patients: Mapping[str, str],
    validation: Share,
    test: Share,
    seed: int,
    columns: Mapping[str, Mapping[str, Any]] | None = None,
) -> dict[str, list[str]]:
    """Case ids of each split, sorted: those of named cases are taken first, others at random, patient by patient.

    A split gets the number of cases that comes closest to its share without parting a patient.

    Args:
        patients: case id -> patient, of whom no case goes to another split.
        validation, test: shares of the cases; all others are for training.
        seed: of the random choice.
        columns: case id -> its values, which shares may name.

    Raises:
        DataError: a share is none, names what is unknown or named twice, or asks for more cases than there are.
    """
    groups: dict[str, list[str]] = {}
    for case in sorted(patients):
        groups.setdefault(patients[case], []).append(case)
    shares = {VALIDATION: validation, TEST: test}
    named = {name: _named(share, patients, columns or {}, name) for name, share in shares.items()}
    taken = [patient for found in named.values() for patient in found]
    if len(set(taken)) < len(taken):
        twice = next(patient for patient in taken if taken.count(patient) > 1)
        raise DataError("a case is named for two splits", groups[twice][0], "name each case or patient once")
    free = [str(patient) for patient in np.random.default_rng(seed).permutation([patient for patient in groups if patient not in taken])]
    splits = {}
    for name, share in shares.items():
        chosen = _closest(free, groups, _count(share, len(patients), name), f"{name}={share}")
        free = [patient for patient in free if patient not in chosen]
        splits[name] = _cases_of([*named[name], *chosen], groups)
    return {TRAINING: _cases_of(free, groups)} | splits


def patients_by_pattern(cases: Iterable[str], pattern: str | None) -> dict[str, str]:
    """Case id -> what the first group of a regular expression, or all of it, finds in the case id; the case id without a pattern.

    Raises:
        DataError: it is no regular expression, or does not find anything.
    """
    if pattern is None:
        return {case: case for case in cases}
    try:
        found = {case: re.search(pattern, case) for case in cases}
    except re.error as error:
        raise DataError(f"patients={pattern!r} is no regular expression: {error}", remedy=r"write one such as '(sub-\d+)_'") from error
    for case, match in found.items():
        if not (match and match[match.re.groups and 1]):
            raise DataError(f"patients={pattern!r} finds no patient in the case id", case, "write a pattern that fits all cases")
    return {case: match[match.re.groups and 1] for case, match in found.items() if match}


def _cases_of(patients: Iterable[str], groups: Mapping[str, Sequence[str]]) -> list[str]:
    return sorted(case for patient in patients for case in groups[patient])


def _closest(free: Sequence[str], groups: Mapping[str, Sequence[str]], count: int, what: str) -> set[str]:
    """Patients, in this order, each of whom brings the number of cases closer to ``count``."""
    left = sum(len(groups[patient]) for patient in free)
    if count > left:
        raise DataError(f"{what} asks for {count} cases of {left} that are left", remedy="ask for fewer cases")
    chosen, total = set(), 0
    for patient in free:
        size = len(groups[patient])
        if abs(total + size - count) < abs(total - count):
            chosen.add(patient)
            total += size
    return chosen


def _named(share: Any, patients: Mapping[str, str], columns: Mapping[str, Mapping[str, Any]], split: str) -> list[str]:
    """The patients in a share, if it is one of words."""
    if isinstance(share, int | float):
        return []
    words = share.split(",") if isinstance(share, str) else [str(word) for word in share]
    if len(set(words)) < len(words):
        raise DataError(f"{split} names a case twice", max(words, key=words.count), "name each case or patient once")
    found = [(word, _matching(word, patients, columns)) for word in words]
    for word, matches in found:
        if not matches:
            raise DataError(f"{split} names an unknown case", word, f"name cases such as {', '.join(sorted(patients)[:3])}")
    return list(dict.fromkeys(patient for _, matches in found for patient in matches))


def _matching(word: str, patients: Mapping[str, str], columns: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The patients that a word of a share stands for."""
    name, equals, value = word.partition("=")
    if word in patients:
        return [patients[word]]
    if equals:
        return list(dict.fromkeys(patients[case] for case, row in columns.items() if name in row and str(row[name]) == value))
    return [word] if word in patients.values() else []


def _count(share: Any, total: int, split: str) -> int:
    """The number of random cases that a share asks for."""
    if not isinstance(share, int | float):
        return 0
    if share < 0 or (isinstance(share, float) and share > 1):
        raise DataError(f"{split}={share} is no share", remedy="write a fraction in [0, 1], a number of cases, or case ids")
    return round(share * total) if isinstance(share, float) else share
