"""Images and their label maps, found and paired by name."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from glob import glob
from pathlib import Path

from medtk_monai.data.datalist import IMAGE_SUFFIXES, case_name
from medtk_monai.errors import DataError


def find_files(source: str | Sequence[str], role: str) -> list[Path]:
    """The files of folders and patterns, absolute and sorted.

    Raises:
        DataError: there are none.
    """
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


def name_cases(files: Sequence[Path], role: str, ending: str = "") -> dict[str, dict[str, Path]]:
    """Case id -> {role: file}, for files whose names end on ``ending``.

    Raises:
        DataError: two files have one name.
    """
    cases: dict[str, dict[str, Path]] = {}
    for path in files:
        case = case_name(path).removesuffix(ending)
        if case in cases:
            raise DataError(f"{role}s {cases[case][role]} and {path} have one name", case, "name the files apart, or name fewer files")
        cases[case] = {role: path}
    return cases


def pair_files(images: Sequence[Path], label_maps: Sequence[Path]) -> dict[str, dict[str, Path]]:
    """Case id -> {"image": file, "label_map": file}: names agree up to one ending for all images and another for all label maps.

    Raises:
        DataError: a file has no partner, or two have one name.
    """
    image_ending, map_ending = _endings([case_name(path) for path in images], [case_name(path) for path in label_maps])
    first, second = name_cases(images, "image", image_ending), name_cases(label_maps, "label_map", map_ending)
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
