"""Whether the network, the priors, the patches and the windows of a bundle fit each other, before any training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from torch import nn

from medtk_monai.anchors import PriorGenerator
from medtk_monai.anchors.layout import PerAxis, per_axis
from medtk_monai.detectors import check_fit, dense_stage
from medtk_monai.errors import DataError
from medtk_monai.inferers import WindowedInferer
from medtk_monai.networks.feature_maps import FeatureMaps, shapes_of
from medtk_monai.structures import DenseOutput


def check_geometry(
    network: nn.Module, maps: FeatureMaps, generator: PriorGenerator, inferer: WindowedInferer, in_channels: int, patch_size: PerAxis
) -> None:
    """Show the network a patch and a window, of which only shapes are computed, and compare its maps with the priors.

    Args:
        network: of the whole detector; the second stage is not looked at.
        maps: of its levels.
        generator: of the priors of the training.
        inferer: whose windows and priors are those of validation and prediction.
        in_channels: of the images.
        patch_size: voxels, one value or one per axis.

    Raises:
        DataError: something does not fit, or the network cannot take a patch or a window.
    """
    dims = len(maps.strides[0])
    patch, window = _whole("patch_size", patch_size, dims), _whole("window_size", inferer.window_size, dims)
    for priors in (generator, inferer.postprocessor.generator):
        _compare_strides(maps, priors)
    extent = inferer.plan(window)[1]
    for name, size in (("patch", patch), ("window", extent)):
        output = _dense_output(network, in_channels, name, size)
        for priors in (generator, inferer.postprocessor.generator):
            check_fit(output, priors)
            if name == "patch":  # sizes of anchors that have no value for some axis are found when they are laid
                priors(output.feature_sizes, "cpu")


def _compare_strides(maps: FeatureMaps, generator: PriorGenerator) -> None:
    dims = len(maps.strides[0])
    laid = [per_axis(stride, dims) for stride in generator.strides]
    if laid != [tuple(map(float, stride)) for stride in maps.strides]:
        what = f"priors are laid with strides {list(generator.strides)}, and the levels of the network have {list(maps.strides)}"
        raise DataError(what, remedy="leave out strides, which the network tells itself")


def _whole(name: str, value: Any, dims: int) -> tuple[int, ...]:
    sides = per_axis(value, dims)
    if any(side < 1 or side != int(side) for side in sides):
        raise DataError(f"--{name} is {value}", remedy="give a whole number of voxels, or one for each axis")
    return tuple(map(int, sides))


def _dense_output(network: nn.Module, in_channels: int, name: str, size: Sequence[int]) -> DenseOutput:
    try:
        output = shapes_of([dense_stage(network)], (2, in_channels, *size))
    except DataError:
        raise
    except Exception as error:
        shown = " x ".join(map(str, size))
        what = f"the network cannot take a {name} of {shown} voxels: {type(error).__name__}: {error}".splitlines()[0]
        raise DataError(what, remedy="choose whole cells of its coarsest map") from error
    if not isinstance(output, DenseOutput):
        raise DataError(f"the network gives a {type(output).__name__}, not a DenseOutput", remedy="see medtk_monai.structures.DenseOutput")
    return replace(output, image_size=tuple(size))
