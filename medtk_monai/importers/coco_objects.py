"""The objects of COCO's annotations: boxes, or what encloses polygons and run lengths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from medtk_monai.errors import DataError
from medtk_monai.formats.values import as_index, as_vector
from medtk_monai.importers.pictures import PixelBox, lost_box

Box = tuple[float, float, float, float]
_MOST_CHARACTERS = 10_000_000
"""Of compressed run lengths."""


def read_object(entry: Mapping[str, Any], label: int, where: str) -> PixelBox:
    """The object of an annotation: its ``bbox`` ``[x, y, width, height]``, or what encloses its ``segmentation`` where it has no such box.

    Crowds, and annotations with ``"ignore": 1``, are ignored.
    """
    ignored = bool(entry.get("iscrowd") or entry.get("ignore"))
    try:
        return PixelBox(_corners(entry.get("bbox"), where), label, ignored)
    except DataError as error:
        try:
            return PixelBox(enclosing_box(entry.get("segmentation"), where), label, ignored)
        except DataError:
            return lost_box(error.what)


def _corners(bbox: Any, where: str) -> Box:
    x, y, width, height = as_vector(bbox, 4, f"{where}: bbox")
    if width <= 0 or height <= 0:
        raise DataError(f"{where}: bbox {[x, y, width, height]} has no width or no height")
    return x, y, x + width, y + height


def enclosing_box(segmentation: Any, where: str) -> Box:
    """(left, top, right, bottom) of polygons, or of run lengths, compressed or not.

    Raises:
        DataError: it is neither, or covers nothing.
    """
    if isinstance(segmentation, dict):
        height, width = (as_index(side, f"{where}: size of the segmentation") for side in as_vector(segmentation.get("size"), 2, where))
        counts = segmentation.get("counts")
        runs = _decompress(counts, where) if isinstance(counts, str) else counts
        return _box_of_runs(runs, height, width, where)
    if not isinstance(segmentation, list) or not segmentation:
        raise DataError(f"{where} has no segmentation")
    points = [number for part in segmentation for number in as_vector(part, _even_length(part, where), f"{where}: a polygon")]
    box = (min(points[::2]), min(points[1::2]), max(points[::2]), max(points[1::2]))
    if box[0] >= box[2] or box[1] >= box[3]:
        raise DataError(f"{where}: its polygons enclose nothing")
    return box


def _even_length(part: Any, where: str) -> int:
    if not isinstance(part, list) or len(part) < 6 or len(part) % 2:
        raise DataError(f"{where}: a polygon has three corners or more, of two numbers each")
    return len(part)


def _box_of_runs(runs: Any, height: int, width: int, where: str) -> Box:
    """Of run lengths, which begin with the background and go down the columns."""
    if not isinstance(runs, list) or not all(isinstance(run, int) and 0 <= run <= height * width for run in runs):
        raise DataError(f"{where}: the counts of its segmentation are no run lengths")
    if sum(runs) != height * width:
        raise DataError(f"{where}: the counts of its segmentation sum up to {sum(runs)} pixels, not to {height} x {width}")
    ends = np.cumsum(np.array(runs, dtype=np.int64))
    first, last = (ends - runs)[1::2], ends[1::2] - 1
    first, last = first[first <= last], last[first <= last]
    if not len(first):
        raise DataError(f"{where}: its segmentation is empty")
    is_whole = first // height != last // height
    tops, bottoms = np.where(is_whole, 0, first % height), np.where(is_whole, height - 1, last % height)
    return float(first.min() // height), float(tops.min()), float(last.max() // height + 1), float(bottoms.max() + 1)


def _decompress(text: str, where: str) -> Sequence[int]:
    """Run lengths from text: numbers of five bits in a character, least first; from the fourth on, differences to the last but one."""
    runs: list[int] = []
    value = shift = 0
    for code in text[:_MOST_CHARACTERS].encode("latin-1", "replace"):
        bits = code - 48
        if not 0 <= bits < 64 or shift > 60:
            raise DataError(f"{where}: the counts of its segmentation are no run lengths")
        value |= (bits & 31) << shift
        shift += 5
        if not bits & 32:
            value -= (1 << shift) if bits & 16 else 0
            runs.append(value + (runs[-2] if len(runs) > 2 else 0))
            value = shift = 0
    return runs
