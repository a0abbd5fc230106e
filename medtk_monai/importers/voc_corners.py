"""What the corners of boxes in VOC's files stand for: tools differ in it, and the corners of a data set tell."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from medtk_monai.formats.values import parse_number

CORNERS = ("xmin", "ymin", "xmax", "ymax")
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Convention:
    """How corners are read.

    Args:
        first: the number of the first column and row.
        inclusive: whether corners are pixels, of which the last belongs to the box; else they are edges between pixels.
    """

    first: int
    inclusive: bool

    def box(self, corners: Box) -> Box:
        """(left, top, right, bottom) from 0, half open. Equal corners make a box of no size, not one of a pixel."""
        xmin, ymin, xmax, ymax = (number - self.first for number in corners)
        return xmin, ymin, xmax + (self.inclusive and xmax > xmin), ymax + (self.inclusive and ymax > ymin)


ONE_BASED, ZERO_BASED, EDGES = Convention(1, True), Convention(0, True), Convention(0, False)


def read_corners(texts: Sequence[str]) -> Box | None:
    """Four numbers, or None."""
    found = [number for number in map(parse_number, texts) if number is not None]
    return (found[0], found[1], found[2], found[3]) if len(found) == 4 else None


def choose_convention(
    corners: Iterable[tuple[Sequence[str], tuple[int, int] | None]], zero_based: bool | None = None
) -> tuple[Convention, list[str]]:
    """How the corners of a data set count, and notes on it.

    Pascal's own files count pixels from 1. No box of theirs begins at 0: one that does shows that a set counts from 0. Where pixels count from
    0, no box ends at the width or height of its image: sets that have both have edges of pixels for corners, as have those that write all
    corners with decimals, as CVAT does.

    Args:
        corners: of each object, as they are written, and the (width, height) of its image, None if unknown.
        zero_based: what is known of the set: whether it counts from 0; None if nothing is.
    """
    if zero_based is False:
        return ONE_BASED, []
    known = [(texts, box, size) for texts, size in corners if (box := read_corners(texts)) is not None]
    decimal = bool(known) and all("." in text for texts, _, _ in known for text in texts)
    at_zero = sum(box[0] == 0 or box[1] == 0 for _, box, _ in known)
    at_end = sum(size is not None and (box[2] == size[0] or box[3] == size[1]) for _, box, size in known)
    otherwise = "--zero_based False takes them for pixels that count from 1"
    if decimal:
        return EDGES, [f"all corners are written with decimals and taken for edges of pixels, from 0; {otherwise}"]
    if zero_based:
        return (
            (EDGES, [f"{at_end} boxes end at the border of their images: corners are taken for edges, from 0"])
            if at_end
            else (ZERO_BASED, [])
        )
    if at_zero and at_end:
        told = f"{at_zero} boxes begin at 0, and {at_end} end at the width or height of their images"
        return EDGES, [f"{told}: corners are taken for edges of pixels, from 0; {otherwise}"]
    if at_zero:
        return ZERO_BASED, [f"{at_zero} boxes begin at 0: corners are taken for pixels that count from 0; {otherwise}"]
    return ONE_BASED, []
