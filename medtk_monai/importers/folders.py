"""A datalist from folders of images and label maps."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from medtk_monai.importers.pairing import find_files, name_cases, pair_files
from medtk_monai.importers.splits import Share, patients_by_pattern, split_cases
from medtk_monai.json_files import write_json


@dataclass(frozen=True)
class Shares:
    """How cases are dealt to splits.

    Args:
        validation, test: shares of the splits, see ``split_cases``; all other cases are for training.
        seed: of the random choice.
        patients: a regular expression that finds the patient in a case id; no patient is in two splits.
    """

    validation: Share = 0.2
    test: Share = 0.2
    seed: int = 0
    patients: str | None = None


def write_datalist(
    images: str | Sequence[str],
    label_maps: str | Sequence[str] | None = None,
    out: str | Path = "datalist.json",
    shares: Shares | None = None,
    relative: bool = False,
) -> dict[str, int]:
    """Write a datalist with a training, a validation and a test split; see ``pair_files`` for which files belong together.

    Args:
        images: a folder, a pattern, or a list of files.
        label_maps: the same for the label maps; without them every case counts as one without objects.
        out: the datalist to write.
        shares: of the splits.
        relative: write paths relative to the datalist's folder instead of absolute ones.

    Returns:
        The number of cases in each split.

    Raises:
        DataError: no files are found, an image or label map has no partner, or the splits ask for other cases than there are.
    """
    dealt, folder = shares or Shares(), Path(out).expanduser().absolute().parent
    image_files = find_files(images, "images")
    cases = pair_files(image_files, find_files(label_maps, "label maps")) if label_maps else name_cases(image_files, "image")
    patient_of = patients_by_pattern(cases, dealt.patients)

    def item(case: str) -> dict[str, str]:
        files = {key: os.path.relpath(path, folder) if relative else str(path) for key, path in cases[case].items()}
        return {"case_id": case} | files | ({"patient_id": patient_of[case]} if dealt.patients else {})

    named = split_cases(patient_of, dealt.validation, dealt.test, dealt.seed)
    splits = {name: [item(case) for case in ids] for name, ids in named.items()}
    write_json(Path(out).expanduser(), splits)
    return {name: len(members) for name, members in splits.items()}
