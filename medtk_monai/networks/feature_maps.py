"""What maps a network gives, found by asking the network itself: strides and channels are typed nowhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from math import lcm
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.func import functional_call

from medtk_monai.errors import DataError

_SIDE = 2**6 * 3**3 * 5 * 7
"""Voxels along each side of the image that is shown: a multiple of all that strides are usually made of."""


@dataclass(frozen=True)
class FeatureMaps:
    """The maps of a network, finest first.

    Args:
        channels: of each map.
        strides: voxels per cell of each map, along each axis.
    """

    channels: tuple[int, ...]
    strides: tuple[tuple[int, ...], ...]

    def __len__(self) -> int:
        return len(self.channels)

    @property
    def width(self) -> int:
        """The channels that all maps have.

        Raises:
            DataError: they differ, which no head can take whose weights are shared over the levels.
        """
        if len(set(self.channels)) != 1:
            raise DataError(f"levels have {_listed(self.channels)} channels", remedy="heads need the same number at all levels: use a neck")
        return self.channels[0]

    @property
    def coarsest(self) -> tuple[int, ...]:
        """Voxels along each axis that are whole cells of every map: what windows are aligned to."""
        return tuple(lcm(*axis) for axis in zip(*self.strides))

    @property
    def steps(self) -> tuple[tuple[int, ...], ...]:
        """The stride of each map relative to the one before, along each axis.

        Raises:
            DataError: the cells of a map are not made of whole cells of the one before.
        """
        steps = [self.strides[0]]
        for fine, coarse in pairwise(self.strides):
            if any(c % f for f, c in zip(fine, coarse)):
                raise DataError(f"strides {fine} and {coarse} of two maps", remedy="the coarser must be a multiple of the finer")
            steps.append(tuple(c // f for f, c in zip(fine, coarse)))
        return tuple(steps)

    def check_levels(self, levels: Sequence[int]) -> list[int]:
        """Indices of maps, ascending.

        Raises:
            DataError: there is no such map, or one is named twice.
        """
        if not levels or min(levels) < 0 or max(levels) >= len(self) or len(set(levels)) < len(levels):
            what = f"levels {list(levels)} of {len(self)} maps with strides {_listed(self.strides)}"
            raise DataError(what, remedy=f"give indices of maps, from 0, the finest, to {len(self) - 1}")
        return sorted(levels)


def measure_maps(network: nn.Module | Sequence[nn.Module], spatial_dims: int, in_channels: int) -> FeatureMaps:
    """Show a network an image without values, of which only shapes are computed, and look at the maps that come out.

    Args:
        network: image -> list of maps, finest first; or several in a row, as a backbone and its neck. It stays as it is.
        spatial_dims: D, 2 or 3.
        in_channels: channels of the image.

    Raises:
        DataError: it cannot be shown such an image, gives no list of maps, or they have no whole strides, or not the finest comes first.
    """
    parts = [network] if isinstance(network, nn.Module) else list(network)
    size = (_SIDE,) * spatial_dims
    name = " and ".join(type(part).__name__ for part in parts)
    shapes = [tuple(level.shape) for level in _maps_of(parts, name, (1, in_channels, *size))]
    strides = tuple(_strides(name, number, shape[2:], size) for number, shape in enumerate(shapes))
    for fine, coarse in pairwise(strides):
        if any(f > c for f, c in zip(fine, coarse)):
            raise DataError(f"{name} gives a map of stride {fine} before one of {coarse}", remedy="the finest map must be first")
    return FeatureMaps(tuple(shape[1] for shape in shapes), strides)


def _maps_of(parts: Sequence[nn.Module], name: str, shape: Sequence[int]) -> Sequence[Tensor]:
    try:
        given = shapes_of(parts, shape)
    except DataError:
        raise
    except Exception as error:
        what = f"{name} cannot take {len(shape) - 2}D images of {shape[1]} channels: {type(error).__name__}: {error}".splitlines()[0]
        raise DataError(
            what, remedy="build it for spatial_dims and in_channels of the configuration, and for images of any size"
        ) from error
    is_listed = isinstance(given, list | tuple) and len(given) > 0
    if not is_listed or not all(isinstance(part, Tensor) and part.ndim == len(shape) for part in given):
        kind = f"{len(given)} values" if is_listed else type(given).__name__
        raise DataError(f"{name} gives {kind}, not a list of maps", remedy="wrap it so that it does, see docs/your_own_network.md")
    return given


def _strides(name: str, number: int, cells: Sequence[int], size: Sequence[int]) -> tuple[int, ...]:
    if any(c < 1 or n % c for c, n in zip(cells, size)):
        what = f"map {number} of {name} has {_listed(cells)} cells for {_listed(size)} voxels, which is no whole stride"
        raise DataError(what, remedy=f"pad its convolutions; strides must divide {_SIDE}")
    return tuple(n // c for c, n in zip(cells, size))


def shapes_of(parts: Sequence[nn.Module], shape: Sequence[int]) -> Any:
    """What networks in a row, in evaluation mode, give for an image of a shape (B, C, *spatial): tensors that have shapes, but no values.

    They are run on the device "meta"; where that fails, as it does with tensors that are no parameters, as fake tensors of torch's.
    """
    with torch.no_grad(), torch.autocast("cpu", enabled=False):
        try:
            return _run(parts, torch.empty(tuple(shape), device="meta"), _run_without_weights)
        except DataError:
            raise
        except Exception:
            if torch._guards.detect_fake_mode() is not None:
                raise
            with FakeTensorMode(allow_non_fake_inputs=True):
                return _run(parts, torch.empty(tuple(shape)), lambda part, given: part(given))


def _run(parts: Sequence[nn.Module], given: Any, call: Callable[[nn.Module, Any], Any]) -> Any:
    for part in parts:
        with _evaluating(part):
            given = call(part, given)
    return given


def _run_without_weights(network: nn.Module, given: Any) -> Any:
    states = dict([*network.named_parameters(remove_duplicate=False), *network.named_buffers(remove_duplicate=False)])
    return functional_call(network, {key: torch.empty_like(value, device="meta") for key, value in states.items()}, (given,))


@contextmanager
def _evaluating(network: nn.Module) -> Iterator[None]:
    modes = {module: module.training for module in network.modules()}
    network.eval()
    try:
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode


def _listed(values: Sequence[Any]) -> str:
    return ", ".join(map(str, values))
