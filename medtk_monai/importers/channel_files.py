"""Images of several channels in a file each, as nnU-Net and nnDetection lay them out: ``imagesTr/case_0000.nii.gz``, ``labelsTr/case.nii.gz``."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from medtk_monai.data.datalist import IMAGE_SUFFIXES, case_name
from medtk_monai.errors import DataError
from medtk_monai.importers.files import listed

_NUMBER = re.compile(r"_\d{4}$")


@dataclass(frozen=True)
class Pair:
    """A case, the image of one of its channels, and its label map."""

    case: str
    image: Path
    label_map: Path


def find_pairs(folder: Path, part: str, channel: int) -> tuple[list[Pair], list[str]]:
    """The label maps in ``labels{part}`` with their images in ``images{part}``; and notes on images without one.

    Raises:
        DataError: a label map has no image of this channel.
    """
    images = {case_name(path): path for path in list_images(folder / f"images{part}")}
    numbered = any(map(_NUMBER.search, images))
    pairs = []
    for label_map in list_images(folder / f"labels{part}"):
        name = case_name(label_map)
        wanted = f"{name}_{channel:04d}" if numbered else name
        if wanted not in images:
            raise DataError(f"{folder / f'images{part}'} has no image {wanted}", name, "add the image, or remove its label map")
        pairs.append(Pair(name, images[wanted], label_map))
    alone = sorted({_NUMBER.sub("", name) if numbered else name for name in images} - {pair.case for pair in pairs})
    return pairs, [f"{len(alone)} images of images{part} without a label map were left out, such as {alone[0]}"] if alone and pairs else []


def list_images(folder: Path) -> list[Path]:
    """The images of a folder."""
    return listed(folder, *(f"*{suffix}" for suffix in IMAGE_SUFFIXES))


def of_channel(path: Path, channel: int) -> Path:
    """``path``, or where there is no such file, the one of a channel: ``a.nii.gz`` -> ``a_0000.nii.gz``."""
    name = case_name(path)
    other = path.with_name(f"{name}_{channel:04d}{path.name[len(name) :]}")
    return other if os.path.exists(other) and not os.path.exists(path) else path


def other_channels(count: int, channel: int, word: str) -> Sequence[str]:
    """A note on the channels that were left out."""
    return [f"{count - 1} {word} beside number {channel} were left out: a datalist takes one image for each case"] if count > 1 else []
