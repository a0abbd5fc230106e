"""How often, and how closely, a scan is looked at."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
from time import perf_counter
from typing import Any

import torch
from torch import nn

from medtk_monai.anchors.layout import per_axis
from medtk_monai.inferers import MultiViewInferer, View, WindowedInferer, mirror_views
from medtk_monai.structures import DenseOutput

logger = logging.getLogger(__name__)
MAX_BATCH = 16
_RESERVE = 1.15
"""What a case takes besides its windows, as a factor of what they take."""


@dataclass(frozen=True)
class ViewOptions:
    """What a user asks for.

    Args:
        mirrors: views along combinations of the axes, up to 2^D; 1 for the image as it is.
        scales: of the views; each mirror image is shown at each scale.
        budget: seconds that a case may take; None for as long as it takes. It chooses the margin, the batch and, unless
            ``mirrors`` is more than 1, the mirror images.

    Raises:
        ValueError: no mirrors or scales, or a budget that is not positive.
    """

    mirrors: int = 1
    scales: tuple[float, ...] = (1.0,)
    budget: float | None = None

    def __post_init__(self) -> None:
        if self.mirrors < 1 or not self.scales or min(self.scales) <= 0 or (self.budget is not None and self.budget <= 0):
            raise ValueError(f"{self}: mirrors are at least 1, scales and budget positive")

    def views(self, spatial_dims: int) -> tuple[View, ...]:
        """Of an image."""
        return tuple(replace(view, scale=scale) for scale in self.scales for view in mirror_views(spatial_dims, self.mirrors))


@dataclass(frozen=True)
class Look:
    """One way to look at a scan, and how long it may take.

    Args:
        inferer: does it.
        seconds: expected; None if it was not measured.
    """

    inferer: MultiViewInferer
    seconds: float | None = None

    def __str__(self) -> str:
        margin, views = self.inferer.inferer.margin, len(self.inferer.views)
        expected = "" if self.seconds is None else f", about {self.seconds:.1f} s"
        return f"{views} view{'' if views == 1 else 's'}, margin {margin}, batches of {self.inferer.inferer.batch_size}{expected}"

    @property
    def record(self) -> dict[str, Any]:
        """What was done, in plain values: views, margin (voxels) and windows at once."""
        windows = self.inferer.inferer
        return {
            "views": [{"flips": list(view.flips), "scale": float(view.scale)} for view in self.inferer.views],
            "margin": windows.margin if isinstance(windows.margin, int) else list(windows.margin),
            "batch_size": windows.batch_size,
        }


def choose_look(
    inferer: WindowedInferer,
    options: ViewOptions,
    image_size: Sequence[int],
    speed: Speed | None,
    seconds: float | None,
    label_pairs: Sequence[Sequence[int]] = (),
    merge_iou: float = 0.2,
) -> Look:
    """The best look at an image of ``image_size`` voxels that is expected to end in time; the fastest if none does.

    More mirror images are better than fewer, and a margin is better than a smaller one. Without a budget all that was asked for is done.

    Args:
        speed: of the network; None without a budget.
        seconds: left for this case.
        label_pairs, merge_iou: see ``BundleParts``.
    """
    dims = len(image_size)
    if speed is None or seconds is None:
        return Look(MultiViewInferer(inferer, options.views(dims), merge_iou, label_pairs))
    mirrors = [options.mirrors] if options.mirrors > 1 else [2**power for power in reversed(range(dims + 1))]
    rank = [(count, 1.0) for count in mirrors] + [(mirrors[-1], share) for share in (0.5, 0.25, 0.0)]
    for count, share in rank:
        margin = tuple(round(width * share) for width in per_axis(inferer.margin, dims))
        windowed = WindowedInferer(
            inferer.postprocessor,
            inferer.window_size,
            margin,
            speed.batch_size,
            inferer.stride,
            inferer.device,
            inferer.foreground_threshold,
            inferer.padding_mode,
        )
        views = replace(options, mirrors=count).views(dims)
        voxels = sum(_voxels(windowed, view.size_of(image_size)) for view in views)
        look = Look(MultiViewInferer(windowed, views, merge_iou, label_pairs), voxels * speed.seconds_per_voxel * _RESERVE)
        if look.seconds is not None and look.seconds <= seconds:
            return look
    logger.warning("the fastest look takes about %.1f s, and %.1f s are left of the budget", look.seconds, seconds)
    return look


def _voxels(inferer: WindowedInferer, image_size: Sequence[int]) -> int:
    windows, extent = inferer.plan(image_size)
    return len(windows) * prod(extent)


@dataclass(frozen=True)
class Speed:
    """How fast networks are on a device.

    Args:
        seconds_per_voxel: of a window, for all networks of an ensemble.
        batch_size: windows at once at which they are fastest.
    """

    seconds_per_voxel: float
    batch_size: int


def measure_speed(
    networks: Sequence[nn.Module], inferer: WindowedInferer, channels: int, image_size: Sequence[int], device: torch.device
) -> Speed:
    """Show windows of the size that an image needs to the networks, on a GPU in growing batches while that pays."""
    _, extent = inferer.plan(image_size)
    best = Speed(_time(networks, (1, channels, *extent), device) / prod(extent), 1)
    while device.type == "cuda" and best.batch_size < MAX_BATCH:
        batch = best.batch_size * 2
        try:
            seconds = _time(networks, (batch, channels, *extent), device) / (batch * prod(extent))
        except torch.OutOfMemoryError:
            break
        if seconds > 0.95 * best.seconds_per_voxel:
            break
        best = Speed(seconds, batch)
    return best


def _time(networks: Sequence[nn.Module], shape: Sequence[int], device: torch.device) -> float:
    """The faster of two goes, after one to warm up."""
    images, times = torch.zeros(*shape, device=device), []
    for _ in range(3):
        start = perf_counter()
        for network in networks:
            output: DenseOutput = network(images)
            del output
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        times.append(perf_counter() - start)
    return min(times[1:])
