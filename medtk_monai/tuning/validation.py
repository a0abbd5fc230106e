"""The cases that settings may be chosen on: never those of the test."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from medtk_monai.data.datalist import load_datalist, split_names
from medtk_monai.data.selection import TEST, TRAINING, VALIDATION, Case, Selection, patient_of, select_cases
from medtk_monai.errors import DataError


def validation_cases(
    datalist: str | Path, split: str = VALIDATION, dataset_dir: str | Path | None = None, trained: Mapping[str, Any] | None = None
) -> list[Case]:
    """The cases of a split of a datalist; of the fold that a training of folds has left out.

    Args:
        split: not "test", and not "training".
        trained: the values of the training, which tell its "folds", "fold" and "point_radius_mm".

    Raises:
        DataError: the split is one of those, or shares an image or a patient with the test.
    """
    if split in (TEST, TRAINING):
        reason = (
            "figures of a test whose settings were chosen on it are worth nothing"
            if split == TEST
            else "the network has learnt these cases"
        )
        raise DataError(
            f"settings are not chosen on the {split} split: {reason}", remedy="choose them on another split, as --split validation"
        )
    values = trained or {}
    selection = Selection(int(values.get("folds") or 0), int(values.get("fold") or 0))
    radius = values.get("point_radius_mm")
    cases = select_cases(datalist, split, selection, dataset_dir, point_radius_mm=radius)
    if not cases:
        raise DataError(f"split {split!r} of {datalist} has no cases", remedy="name another by --split")
    if TEST in split_names(datalist):
        _check_apart(cases, load_datalist(datalist, TEST, dataset_dir, point_radius_mm=radius))
    return cases


def _check_apart(cases: list[Case], test: list[Case]) -> None:
    patients = {patient_of(case) for case in test}
    files = {os.path.realpath(case["image"]) for case in test}
    for case in cases:
        what = "image" if os.path.realpath(case["image"]) in files else "patient" if patient_of(case) in patients else None
        if what:
            raise DataError(
                f"the same {what} is in the test split", case["case_id"], "settings must not be chosen on the test: part the splits"
            )
