"""Random intensities of a batch, on its device, with parameters of its own for each sample.

Each transform has two methods. ``draw(random)`` draws the parameters of one sample, None where it stays as it is; ``apply(images, draws)``
changes a batch. What a sample becomes depends on its own voxels and draws only, to the last bit, whatever batch it is in. RandIntensityd
makes each a dictionary transform for single items.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from math import ceil
from typing import Any, Protocol

import numpy as np
import torch
from monai.transforms import Randomizable, Transform
from torch import Tensor

from medtk_monai.reflection import reflect_pad

Range = tuple[float, float]
TABLE = 4096
"""Pieces of the curve of a power, which is straight in between."""


class IntensityTransform(Protocol):
    """Draws the parameters of a sample, and changes a batch (B, C, *spatial) by those of its samples."""

    def draw(self, random: np.random.RandomState) -> Any: ...

    def apply(self, images: Tensor, draws: Sequence[Any]) -> Tensor: ...


class RandIntensityd(Randomizable, Transform):
    """An intensity transform of single items: changes ``image``, a tensor (C, *spatial)."""

    def __init__(self, transform: IntensityTransform):
        self.transform = transform

    def __call__(self, data: Mapping[str, Any]) -> dict[str, Any]:
        return dict(data) | {"image": self.transform.apply(data["image"][None], [self.transform.draw(self.R)])[0]}


@dataclass(frozen=True)
class Noise:
    """Adds Gaussian noise.

    Args:
        std: lowest and highest standard deviation, in units of the image.
        prob: probability that a sample is changed, in [0, 1].
    """

    std: Range = (0.0, 0.1)
    prob: float = 0.2

    def __post_init__(self) -> None:
        _check(self)

    def draw(self, random: np.random.RandomState) -> tuple[float, int] | None:
        return _gated(self.prob, random, random.uniform(*self.std), int(random.randint(2**31)))

    def apply(self, images: Tensor, draws: Sequence[tuple[float, int] | None]) -> Tensor:
        return _change(images, draws, lambda chosen, std, seed: chosen + _spread(std, chosen) * _normal(chosen, seed))


@dataclass(frozen=True)
class Brightness:
    """Adds a constant.

    Args:
        shift: lowest and highest, in units of the image.
        prob: see Noise.
    """

    shift: Range = (-0.2, 0.2)
    prob: float = 0.5

    def __post_init__(self) -> None:
        _check(self)

    def draw(self, random: np.random.RandomState) -> tuple[float] | None:
        return _gated(self.prob, random, random.uniform(*self.shift))

    def apply(self, images: Tensor, draws: Sequence[tuple[float] | None]) -> Tensor:
        return _change(images, draws, lambda chosen, shift: chosen + _spread(shift, chosen))


@dataclass(frozen=True)
class Contrast:
    """Multiplies by a factor, which leaves 0 where it is: the mean, in normalized images.

    Args:
        factor: lowest and highest.
        prob: see Noise.
    """

    factor: Range = (0.8, 1.25)
    prob: float = 0.5

    def __post_init__(self) -> None:
        _check(self)

    def draw(self, random: np.random.RandomState) -> tuple[float] | None:
        return _gated(self.prob, random, random.uniform(*self.factor))

    def apply(self, images: Tensor, draws: Sequence[tuple[float] | None]) -> Tensor:
        return _change(images, draws, lambda chosen, factor: chosen * _spread(factor, chosen))


@dataclass(frozen=True)
class Gamma:
    """Raises intensities, scaled to [0, 1] by each channel's range, to a power, and scales them back.

    Args:
        gamma: lowest and highest power, above 0.
        prob: see Noise.
    """

    gamma: Range = (0.7, 1.5)
    prob: float = 0.2

    def __post_init__(self) -> None:
        _check(self)
        if min(self.gamma) <= 0:
            raise ValueError(f"{self}: powers must be above 0")

    def draw(self, random: np.random.RandomState) -> tuple[float] | None:
        return _gated(self.prob, random, random.uniform(*self.gamma))

    def apply(self, images: Tensor, draws: Sequence[tuple[float] | None]) -> Tensor:
        return _change(images, draws, _power)


def _power(chosen: Tensor, gamma: list[float]) -> Tensor:
    # From a table: where threads share a batch, the last bit of torch.pow depends on where they cut it.
    axes = tuple(range(2, chosen.ndim))
    low, high = chosen.amin(dim=axes, keepdim=True), chosen.amax(dim=axes, keepdim=True)
    extent = (high - low).clamp(min=1e-7)
    places = (chosen - low) / extent * TABLE
    steps = places.long().clamp(0, TABLE - 1)
    curves = [torch.from_numpy(np.linspace(0, 1, TABLE + 1) ** one).to(chosen) for one in gamma]
    lower = torch.stack([curve[step] for curve, step in zip(curves, steps)])
    upper = torch.stack([curve[step + 1] for curve, step in zip(curves, steps)])
    return (lower + (upper - lower) * (places - steps)) * extent + low


@dataclass(frozen=True)
class Blur:
    """Smooths by a Gaussian, cut off at three standard deviations; reflected at the borders.

    Args:
        sigma: lowest and highest standard deviation, voxels, above 0.
        prob: see Noise.
    """

    sigma: Range = (0.5, 1.0)
    prob: float = 0.1

    def __post_init__(self) -> None:
        _check(self)
        if min(self.sigma) <= 0:
            raise ValueError(f"{self}: sigma must be above 0")

    def draw(self, random: np.random.RandomState) -> tuple[float] | None:
        return _gated(self.prob, random, random.uniform(*self.sigma))

    def apply(self, images: Tensor, draws: Sequence[tuple[float] | None]) -> Tensor:
        return _change(images, draws, self._smooth)

    def _smooth(self, chosen: Tensor, sigma: list[float]) -> Tensor:
        radius = ceil(3 * max(self.sigma))
        steps = torch.arange(-radius, radius + 1, dtype=torch.float64)
        width = torch.tensor(sigma, dtype=torch.float64)[:, None]
        weights = torch.exp(-((steps / width) ** 2) / 2) * (steps.abs() <= 3 * width)
        weights = (weights / weights.sum(dim=1, keepdim=True)).to(chosen)
        for axis in range(2, chosen.ndim):
            pad = [radius if a == axis else 0 for a in range(2, chosen.ndim)]
            padded, length = reflect_pad(chosen, pad), chosen.shape[axis]
            taps = [padded.narrow(axis, step, length) * _spread(weight, chosen) for step, weight in enumerate(weights.T)]
            chosen = sum(taps[1:], taps[0])
        return chosen


@dataclass(frozen=True)
class BiasField:
    """Multiplies what stands above each channel's minimum by a smooth field: the exponential of random values, linear in between.

    Args:
        strength: lowest and highest standard deviation of the field's logarithm.
        points: random values along each axis, 2 or more.
        prob: see Noise.
    """

    strength: Range = (0.1, 0.3)
    points: int = 4
    prob: float = 0.2

    def __post_init__(self) -> None:
        _check(self)
        if self.points < 2:
            raise ValueError(f"{self}: at least 2 points are needed along each axis")

    def draw(self, random: np.random.RandomState) -> tuple[float, int] | None:
        return _gated(self.prob, random, random.uniform(*self.strength), int(random.randint(2**31)))

    def apply(self, images: Tensor, draws: Sequence[tuple[float, int] | None]) -> Tensor:
        return _change(images, draws, self._multiply)

    def _multiply(self, chosen: Tensor, strength: list[float], seeds: list[int]) -> Tensor:
        dims = chosen.ndim - 2
        logs = [s * np.random.RandomState(seed).standard_normal((self.points,) * dims) for s, seed in zip(strength, seeds)]
        fields_ = [_stretch(torch.from_numpy(np.exp(log)).to(chosen), chosen.shape[2:]) for log in logs]
        low = chosen.amin(dim=tuple(range(2, chosen.ndim)), keepdim=True)
        return (chosen - low) * torch.stack(fields_)[:, None] + low


@dataclass(frozen=True)
class LowResolution:
    """Shows what a scan of larger voxels would: averages over them, linear in between.

    Args:
        factor: lowest and highest size of those voxels, 1 or more.
        prob: see Noise.
    """

    factor: Range = (1.0, 2.0)
    prob: float = 0.1

    def __post_init__(self) -> None:
        _check(self)
        if min(self.factor) < 1:
            raise ValueError(f"{self}: factors must be at least 1")

    def draw(self, random: np.random.RandomState) -> tuple[float] | None:
        return _gated(self.prob, random, random.uniform(*self.factor))

    def apply(self, images: Tensor, draws: Sequence[tuple[float] | None]) -> Tensor:
        return _change(images, draws, lambda chosen, factors: torch.stack([_coarsen(c, f) for c, f in zip(chosen, factors)]))


def _coarsen(image: Tensor, factor: float) -> Tensor:
    for axis in range(1, image.ndim):
        length = image.shape[axis]
        edges = torch.linspace(0, length, max(round(length / factor), 1) + 1, dtype=torch.float64)
        cells = torch.arange(length, dtype=torch.float64)
        shared = torch.minimum(edges[1:, None], cells + 1) - torch.maximum(edges[:-1, None], cells)
        average = shared.clamp(min=0) / (edges[1:] - edges[:-1])[:, None]
        operator = (_linear((cells + 0.5) * (len(average) / length) - 0.5, len(average)) @ average).to(image)
        image = (operator @ image.movedim(axis, -2)).movedim(-2, axis)
    return image


@dataclass(frozen=True)
class Cutout:
    """Overwrites random blocks (DeVries and Taylor, 2017). Objects below stay objects: keep blocks small beside them.

    Args:
        count: most blocks in a sample; at least one.
        size: smallest and largest share of the patch's sides, in (0, 1].
        fill: what they are filled with.
        prob: see Noise.
    """

    count: int = 3
    size: Range = (0.05, 0.2)
    fill: float = 0.0
    prob: float = 0.1

    def __post_init__(self) -> None:
        _check(self)
        if self.count < 1 or not 0 < min(self.size) <= max(self.size) <= 1:
            raise ValueError(f"{self}: count must be at least 1 and sizes lie in (0, 1]")

    def draw(self, random: np.random.RandomState) -> tuple[np.ndarray] | None:
        blocks = random.random_sample((self.count, 2, 3))
        blocks[:, 1] = self.size[0] + blocks[:, 1] * (self.size[1] - self.size[0])
        return _gated(self.prob, random, blocks[: 1 + random.randint(self.count)])

    def apply(self, images: Tensor, draws: Sequence[tuple[np.ndarray] | None]) -> Tensor:
        return _change(images, draws, self._overwrite)

    def _overwrite(self, chosen: Tensor, samples: list[np.ndarray]) -> Tensor:
        for image, blocks in zip(chosen, samples):
            for places, shares in blocks:
                region = [slice(None)]
                for length, place, share in zip(image.shape[1:], places, shares):
                    width = max(round(length * share), 1)
                    start = int(place * (length - width + 1))
                    region.append(slice(start, start + width))
                image[tuple(region)] = self.fill
        return chosen


def _check(transform: Any) -> None:
    if not 0 <= transform.prob <= 1:
        raise ValueError(f"{transform}: prob must lie in [0, 1]")
    for field in fields(transform):
        value = getattr(transform, field.name)
        if isinstance(value, (list, tuple)) and (len(value) != 2 or value[0] > value[1]):
            raise ValueError(f"{transform}: {field.name} is a lowest and a highest value")


def _gated(prob: float, random: np.random.RandomState, *draws: Any) -> Any:
    """The draws, or None: always after the same number of draws."""
    return draws if random.random_sample() < prob else None


def _change(images: Tensor, draws: Sequence[Any], function: Callable[..., Tensor]) -> Tensor:
    """A copy with ``function(chosen images, *lists of their parameters)`` in place of the images that have draws."""
    if not images.is_floating_point():
        raise TypeError(f"images are {images.dtype}: convert them to a floating type first")
    rows = [row for row, draw in enumerate(draws) if draw is not None]
    if not rows:
        return images
    changed = function(images[rows], *map(list, zip(*(draws[row] for row in rows))))
    if len(rows) == len(images):
        return changed
    result = images.clone()
    result[rows] = changed
    return result


def _spread(values: Sequence[float] | Tensor, images: Tensor) -> Tensor:
    """One value per image, as a tensor that multiplies a batch."""
    return torch.as_tensor(values, dtype=images.dtype, device=images.device).view(-1, *(1,) * (images.ndim - 1))


def _normal(images: Tensor, seeds: Sequence[int]) -> Tensor:
    draw = [torch.Generator(images.device).manual_seed(seed) for seed in seeds]
    return torch.stack([torch.randn(images.shape[1:], generator=g, device=images.device, dtype=images.dtype) for g in draw])


def _linear(places: Tensor, number: int) -> Tensor:
    """Weights (N, number) that interpolate between values at 0, 1, ...; constant beyond."""
    return (1 - (places.clamp(0, number - 1)[:, None] - torch.arange(number, dtype=places.dtype)).abs()).clamp(min=0)


def _stretch(values: Tensor, size: Sequence[int]) -> Tensor:
    """A grid (*points) -> (*size), whose corners are the first and last voxel."""
    for axis, length in enumerate(size):
        weights = _linear(torch.linspace(0, values.shape[axis] - 1, length, dtype=torch.float64), values.shape[axis]).to(values)
        values = (weights @ values.movedim(axis, -2)).movedim(-2, axis) if values.ndim > 1 else weights @ values
    return values
