"""Images and their label maps, found and paired by name."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from glob import glob
from os.path import commonprefix
from pathlib import Path

from medtk_monai.data.datalist import IMAGE_SUFFIXES, case_name
from medtk_monai.errors import DataError
from medtk_monai.importers.files import is_hidden, listed


def find_files(source: str | Sequence[str], role: str) -> list[Path]:
    """The files of folders and patterns, absolute and sorted; those in folders of a folder where it has none itself.

    Raises:
        DataError: there are none.
    """
    found: set[Path] = set()
    for name in [source] if isinstance(source, str) else source:
        path = Path(name).expanduser()
        if path.is_dir():
            folder = path.absolute()
            suffixes = [f"*{suffix}" for suffix in IMAGE_SUFFIXES]
            found |= set(listed(folder, *suffixes) or listed(folder, *(f"**/{suffix}" for suffix in suffixes)))
        else:
            found |= {Path(match).absolute() for match in glob(str(path), recursive=True) if not is_hidden(Path(Path(match).name))}
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
    """Case id -> {"image": file, "label_map": file}, by the first of these in which every file has one partner.

    - Names agree up to one ending for all images and another for all label maps.
    - They agree up to one beginning, before the first digit: ``volume-7.nii`` and ``segmentation-7.nii``.
    - Folders agree, below that of all images and that of all label maps: ``case_7/imaging.nii.gz`` and ``case_7/segmentation.nii.gz``.
    - Folders and names agree: ``images/p1/0001.png`` and ``masks/p1/0001.png``.

    Raises:
        DataError: a file has no partner, or two have one name.
    """
    names = [case_name(path) for path in images], [case_name(path) for path in label_maps]
    image_ending, map_ending = _endings(*names)
    short = [name.removesuffix(image_ending) for name in names[0]], [name.removesuffix(map_ending) for name in names[1]]
    rests = _without_beginning(names[0]), _without_beginning(names[1])
    folders = _own_folders(images), _own_folders(label_maps)
    ways = [(short, short[0]), (rests, names[0]), (folders, folders[0])]
    ways += [((_join(folders[0], keys[0]), _join(folders[1], keys[1])), _join(folders[0], keys[0])) for keys in (short, rests)]
    for (first, second), cases in ways:
        if all([*cases, *first]) and len(set(cases)) == len(images) and len(set(first)) == len(first) and sorted(first) == sorted(second):
            partners = dict(zip(second, label_maps))
            return {case: {"image": path, "label_map": partners[key]} for case, key, path in zip(cases, first, images)}
    raise _unpaired(name_cases(images, "image", image_ending), name_cases(label_maps, "label_map", map_ending))


def _unpaired(images: dict[str, dict[str, Path]], label_maps: dict[str, dict[str, Path]]) -> DataError:
    lone = [case for case in [*images, *label_maps] if case not in images or case not in label_maps]
    files = ", ".join(str(path) for case in lone[:3] for path in (images.get(case) or label_maps[case]).values())
    remedy = "remove or rename them, or choose files by a pattern in quotes such as 'data/*_FLAIR.nii.gz'"
    return DataError(f"{len(lone)} of {len(images)} images and {len(label_maps)} label maps have no partner: {files}", lone[0], remedy)


def _without_beginning(names: Sequence[str]) -> list[str]:
    """Names from their first digit or difference on."""
    shared = re.match(r"\D*", commonprefix(list(names)))
    return [name[shared.end() :] if shared else name for name in names]


def _own_folders(paths: Sequence[Path]) -> list[str]:
    """The folders of files below the one that all share, or the name of that one if there is no other."""
    parts = [path.parts[:-1] for path in paths]
    first, last = min(parts), max(parts)
    shared = next((number for number, pair in enumerate(zip(first, last)) if pair[0] != pair[1]), min(len(first), len(last)))
    return ["_".join(own[shared:]) or own[-1] for own in parts]


def _join(folders: Sequence[str], names: Sequence[str]) -> list[str]:
    return [f"{folder}_{name}" for folder, name in zip(folders, names)]


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
