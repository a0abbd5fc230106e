"""``medtk datalist``: a datalist from folders of images and label maps."""

from __future__ import annotations

from collections.abc import Sequence

Share = float | int | str | Sequence[str]
"""A fraction of the cases, a number of cases, or case ids."""


def make_datalist(
    images: str | Sequence[str],
    label_maps: str | Sequence[str] | None = None,
    out: str = "datalist.json",
    validation: Share = 0.2,
    test: Share = 0.2,
    seed: int = 0,
    relative: bool = False,
    patients: str | None = None,
) -> dict[str, int]:
    """Write a datalist with a training, a validation and a test split.

    An image and a label map belong together when their names agree up to one ending, the same for all images, and another, the same
    for all label maps: ``case_07_FLAIR.nii.gz`` and ``case_07_instances.nii.gz``, ``001_0000.nii.gz`` and ``001.nii.gz``. What they
    share is the case id. Without label maps every case counts as one without objects, as inference needs it.

    Args:
        images: a folder, a pattern in quotes such as "data/*_FLAIR.nii.gz", or a list of files.
        label_maps: the same for the label maps.
        out: the datalist to write.
        validation: share of the validation split: a fraction as 0.2, a number of cases as 5, or case ids as case_01,case_02.
        test: the same for the test split; all other cases are for training.
        seed: of the random choice.
        relative: write paths relative to the datalist's folder instead of absolute ones.
        patients: a regular expression that finds the patient in a case id, as "(sub-[0-9]+)_"; no patient is in two splits.

    Returns:
        The number of cases in each split.

    Raises:
        DataError: no files are found, an image or label map has no partner, or the splits ask for other cases than there are.
    """
    import json
    import os
    from pathlib import Path

    from medtk_monai.atomic import write_text_atomically
    from medtk_monai.importers.pairing import find_files, name_cases, pair_files
    from medtk_monai.importers.splits import patients_by_pattern, split_cases

    folder = Path(out).expanduser().absolute().parent
    image_files = find_files(images, "images")
    cases = pair_files(image_files, find_files(label_maps, "label maps")) if label_maps else name_cases(image_files, "image")
    patient_of = patients_by_pattern(cases, patients)

    def item(case: str) -> dict[str, str]:
        files = {key: os.path.relpath(path, folder) if relative else str(path) for key, path in cases[case].items()}
        return {"case_id": case} | files | ({"patient_id": patient_of[case]} if patients else {})

    splits = {name: [item(case) for case in ids] for name, ids in split_cases(patient_of, validation, test, seed).items()}
    write_text_atomically(Path(out).expanduser(), json.dumps(splits, indent=1) + "\n")
    return {name: len(members) for name, members in splits.items()}
