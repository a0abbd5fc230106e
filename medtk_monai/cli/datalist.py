"""``medtk datalist``: a datalist from folders of images and label maps."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from medtk_monai.errors import DataError

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

    Returns:
        The number of cases in each split.

    Raises:
        DataError: no files are found, an image or label map has no partner, or the splits ask for other cases than there are.
    """
    import json

    from medtk_monai.atomic import write_text_atomically

    folder = Path(out).expanduser().absolute().parent
    image_files = _find_files(images, "images")
    cases = _pair(image_files, _find_files(label_maps, "label maps")) if label_maps else _name_cases(image_files, "image")
    items = {
        case: {"case_id": case} | {key: _shown(path, folder, relative) for key, path in files.items()} for case, files in cases.items()
    }
    splits = {name: [items[case] for case in ids] for name, ids in _split(sorted(items), validation, test, seed).items()}
    write_text_atomically(Path(out).expanduser(), json.dumps(splits, indent=1) + "\n")
    return {name: len(members) for name, members in splits.items()}


def _find_files(source: str | Sequence[str], role: str) -> list[Path]:
    """Existing files, absolute and sorted; at least one."""
    from glob import glob

    from medtk_monai.data.datalist import IMAGE_SUFFIXES

    sources = [source] if isinstance(source, str) else source
    found: set[Path] = set()
    for name in sources:
        path = Path(name).expanduser()
        matches = path.iterdir() if path.is_dir() else map(Path, glob(str(path), recursive=True))
        new = {match.absolute() for match in matches if not match.name.startswith(".")}
        found |= {match for match in new if match.name.lower().endswith(IMAGE_SUFFIXES)} if path.is_dir() else new
    if not found:
        raise DataError(
            f"no {role} found at {source!r}", remedy=f"name a folder of {', '.join(IMAGE_SUFFIXES)} files, or a pattern in quotes"
        )
    return sorted(found)


def _name_cases(files: Sequence[Path], role: str, ending: str = "") -> dict[str, dict[str, Path]]:
    """Case id -> {role: file}, for files whose names end on ``ending``."""
    from medtk_monai.data.datalist import case_name

    cases: dict[str, dict[str, Path]] = {}
    for path in files:
        case = case_name(path).removesuffix(ending)
        if case in cases:
            raise DataError(f"{role}s {cases[case][role]} and {path} have one name", case, "name the files apart, or name fewer files")
        cases[case] = {role: path}
    return cases


def _pair(images: Sequence[Path], label_maps: Sequence[Path]) -> dict[str, dict[str, Path]]:
    """Case id -> {"image": file, "label_map": file}."""
    from medtk_monai.data.datalist import case_name

    image_ending, map_ending = _endings([case_name(path) for path in images], [case_name(path) for path in label_maps])
    first, second = _name_cases(images, "image", image_ending), _name_cases(label_maps, "label_map", map_ending)
    lone = [case for case in [*first, *second] if case not in first or case not in second]
    if lone:
        files = ", ".join(str(path) for case in lone[:3] for path in (first.get(case) or second[case]).values())
        remedy = "remove or rename them, or choose files by a pattern in quotes such as 'data/*_FLAIR.nii.gz'"
        raise DataError(f"{len(lone)} of {len(first)} images and {len(second)} label maps have no partner: {files}", lone[0], remedy)
    return {case: first[case] | second[case] for case in first}


def _endings(images: Sequence[str], label_maps: Sequence[str]) -> tuple[str, str]:
    """The endings that pair most names: each image votes with the label maps that share the longest beginning with it."""
    ordered = sorted(label_maps, key=_tokens)
    votes: Counter[tuple[str, str]] = Counter()
    for name in images:
        place = bisect_left(ordered, _tokens(name), key=_tokens)
        for other in ordered[max(place - 1, 0) : place + 2]:
            shared = _shared_beginning(name, other)
            votes[name[shared:], other[shared:]] += bool(shared)
    likely = {endings: count for endings, count in votes.items() if count and not _are_numbers(*endings)}
    return max(likely, key=lambda endings: (likely[endings], -len(endings[0] + endings[1])), default=("", ""))


def _tokens(name: str) -> list[str]:
    """ "case_07-a" -> ["case", "_07", "-a"]: separators stay with what follows."""
    return [token for token in re.split(r"(?=[_\-. ])", name) if token]


def _shared_beginning(first: str, second: str) -> int:
    """Number of characters in the tokens that both names begin with."""
    length = 0
    for a, b in zip(_tokens(first), _tokens(second)):
        if a != b:
            break
        length += len(a)
    return length


def _are_numbers(first: str, second: str) -> bool:
    """Whether both endings begin with a number, and thus tell cases apart rather than images from label maps."""
    return all(re.match(r"[_\-. ]?\d", ending) for ending in (first, second))


def _shown(path: Path, folder: Path, relative: bool) -> str:
    import os

    return os.path.relpath(path, folder) if relative else str(path)


def _split(cases: list[str], validation: Share, test: Share, seed: int) -> dict[str, list[str]]:
    """Case ids of each split, sorted; named cases are taken first, and the others at random."""
    import numpy as np

    shares = {"validation": validation, "test": test}
    named = {name: _named(share, cases, name) for name, share in shares.items()}
    taken = [case for ids in named.values() for case in ids]
    if len(set(taken)) < len(taken):
        raise DataError("a case is named for two splits, or twice", next(c for c in taken if taken.count(c) > 1), "name each case once")
    free = [str(case) for case in np.random.default_rng(seed).permutation([case for case in cases if case not in taken])]
    splits = {}
    for name, share in shares.items():
        count = _count(share, len(cases), name)
        if count > len(free):
            raise DataError(f"{name}={share} asks for {count} cases of {len(free)} that are left", remedy="ask for fewer cases")
        splits[name], free = sorted(named[name] + free[:count]), free[count:]
    return {"training": sorted(free)} | splits


def _named(share: Any, cases: Sequence[str], split: str) -> list[str]:
    """The case ids in a share, if it is one of ids."""
    if isinstance(share, int | float):
        return []
    ids = share.split(",") if isinstance(share, str) else [str(case) for case in share]
    for case in ids:
        if case not in cases:
            raise DataError(f"{split} names an unknown case", case, f"name cases such as {', '.join(cases[:3])}")
    return ids


def _count(share: Any, total: int, split: str) -> int:
    """The number of random cases that a share asks for."""
    if not isinstance(share, int | float):
        return 0
    if share < 0 or (isinstance(share, float) and share > 1):
        raise DataError(f"{split}={share} is no share", remedy="write a fraction in [0, 1], a number of cases, or case ids")
    return round(share * total) if isinstance(share, float) else share
