"""How an image is divided into windows."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import ceil

from medtk_monai.errors import DataError
from medtk_monai.structures import Window


def _round_up(value: float, step: int) -> int:
    return ceil(value / step) * step


def plan_windows(
    image_size: Sequence[int], window_size: Sequence[int], margin: Sequence[int], stride: Sequence[int]
) -> tuple[list[Window], tuple[int, ...]]:
    """Windows of one size whose cores tile the image; cores and origins are multiples of the stride.

    Cores are made as even and as small as the number of windows along an axis allows.

    Args:
        image_size: voxels.
        window_size: largest window, voxels; rounded down to the stride.
        margin: context around each core, voxels; rounded up to the stride.
        stride: coarsest stride of the network.

    Returns:
        The windows in tensor axis order, and the size of each.

    Raises:
        DataError: no room for a core between the margins.
    """
    edges = [_round_up(m, s) for m, s in zip(margin, stride)]
    rooms = [w // s * s - 2 * e for w, e, s in zip(window_size, edges, stride)]
    if min(rooms) <= 0:
        what = f"a window of {tuple(window_size)} has no core between margins of {tuple(edges)} voxels, whole cells of {tuple(stride)}"
        raise DataError(what, remedy="enlarge window_size, or lessen margin")
    counts = [ceil(n / room) for n, room in zip(image_size, rooms)]
    cores = [_round_up(n / count, s) for n, count, s in zip(image_size, counts, stride)]
    windows = []
    for index in product(*(range(ceil(n / core)) for n, core in zip(image_size, cores))):
        start = tuple(i * core for i, core in zip(index, cores))
        end = tuple(s + core for s, core in zip(start, cores))
        windows.append(Window(tuple(s - e for s, e in zip(start, edges)), start, end, tuple(image_size)))
    return windows, tuple(core + 2 * e for core, e in zip(cores, edges))
