"""Whether the maps of a network are those that priors were laid for: a wrong stride would put every box in a wrong place."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from medtk_monai.anchors import PriorGenerator
from medtk_monai.anchors.layout import per_axis
from medtk_monai.errors import DataError
from medtk_monai.structures import DenseOutput


def check_fit(output: DenseOutput, generator: PriorGenerator) -> None:
    """Compare the maps of an output with the cells and the priors of a generator; cells only where the size of the images is known.

    Raises:
        DataError: they differ; both numbers are named.
    """
    strides, per_cell = generator.strides, generator.priors_per_cell
    if not len(output.logits) == len(output.deltas) == len(strides):
        what = f"the network has {len(output.logits)} levels, and priors are laid for {len(strides)}, of strides {list(strides)}"
        raise DataError(what, remedy="lay priors with the strides of the network, @strides, and give anchor sizes for each level")
    dims = output.logits[0].ndim - 2
    for level, (logits, deltas, count) in enumerate(zip(output.logits, output.deltas, per_cell)):
        found, told = (logits.shape[1], deltas.shape[1]), (count * output.num_classes, count * 2 * dims)
        if found != told:
            what = f"level {level} of the network has {found[0]} logits and {found[1]} deltas per cell, and its priors need {told[0]} and {told[1]}"
            raise DataError(what, remedy=f"the head must be built for {count} priors per cell")
    if output.image_size is not None:
        check_cells(output.feature_sizes, strides, output.image_size)


def check_cells(feature_sizes: Sequence[Sequence[int]], strides: Sequence, image_size: Sequence[int]) -> None:
    """Compare the cells of each level with those that cover an image, each as large as the stride that priors are laid with.

    Raises:
        DataError: they differ; both numbers are named.
    """
    for level, (cells, stride) in enumerate(zip(feature_sizes, strides)):
        covering = tuple(ceil(n / s) for n, s in zip(image_size, per_axis(stride, len(image_size))))
        if tuple(cells) != covering:
            what = (
                f"level {level} of the network has {_times(cells)} cells for an image of {_times(image_size)} voxels, and with a stride of "
                f"{stride} its priors need {_times(covering)}"
            )
            raise DataError(what, remedy="lay priors with the strides of the network, and images in whole cells of its coarsest map")


def _times(values: Sequence[int]) -> str:
    return " x ".join(map(str, values))
