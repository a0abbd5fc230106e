"""Other views of an image: mirrored and scaled, as test-time augmentation shows them to a network."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, combinations

import torch
import torch.nn.functional as F
from torch import Tensor

from medtk_monai.anchors import PriorGenerator
from medtk_monai.anchors.layout import per_axis
from medtk_monai.anchors.placement import image_grid
from medtk_monai.structures import UNKNOWN_PRIOR, Detections

_MODES = {2: "bilinear", 3: "trilinear"}


@dataclass(frozen=True)
class View:
    """An image, mirrored along some axes and then scaled.

    Args:
        flips: spatial axes, from 0.
        scale: voxels of the view per voxel of the image, along all axes.

    Raises:
        ValueError: an axis is negative or named twice, or the scale not positive.
    """

    flips: tuple[int, ...] = ()
    scale: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "flips", tuple(self.flips))
        if min(self.flips, default=0) < 0 or len(set(self.flips)) < len(self.flips) or self.scale <= 0:
            raise ValueError(f"{self}: flips are different axes from 0, and scale is positive")

    def size_of(self, image_size: Sequence[int]) -> tuple[int, ...]:
        """Voxels of the view of an image."""
        return tuple(max(round(n * self.scale), 1) for n in image_size)

    def show(self, images: Tensor) -> Tensor:
        """(B, C, *spatial) images -> their views."""
        images = images.flip([2 + axis for axis in self.flips])
        size = self.size_of(images.shape[2:])
        if size == tuple(images.shape[2:]):
            return images
        return F.interpolate(images, size, mode=_MODES[len(size)], align_corners=False)

    def show_mask(self, masks: Tensor) -> Tensor:
        """(B, *spatial) masks -> their views: a voxel that shows any of the mask belongs to it."""
        views = masks.flip([1 + axis for axis in self.flips])[:, None].float()
        return (F.interpolate(views, self.size_of(masks.shape[1:]), mode=_MODES[masks.ndim - 1]) > 0)[:, 0]

    def bring_back(
        self, found: Detections, image_size: Sequence[int], generator: PriorGenerator, label_pairs: Sequence[Sequence[int]] = ()
    ) -> Detections:
        """What was found in the view of an image, in voxels of the image.

        Args:
            label_pairs: classes, such as left and right, that become each other in a mirror image: after an odd number of flips.

        Returns:
            A prior becomes the one of its level in whose cell its center lies; it need not lie there exactly.
        """
        size = torch.tensor(image_size, dtype=torch.float32, device=found.boxes.device)
        ratio = size / torch.tensor(self.size_of(image_size), device=found.boxes.device)
        lower, upper = (part * ratio for part in found.boxes.chunk(2, dim=-1))
        for axis in self.flips:
            lower[:, axis], upper[:, axis] = size[axis] - upper[:, axis], size[axis] - lower[:, axis]
        labels = _exchange(found.labels, label_pairs) if len(self.flips) % 2 else found.labels
        return Detections(torch.cat([lower, upper], dim=-1), found.scores, labels, self._priors(found.prior_ids, image_size, generator))

    def _priors(self, ids: Tensor, image_size: Sequence[int], generator: PriorGenerator) -> Tensor:
        if not self.flips and self.size_of(image_size) == tuple(image_size):
            return ids
        seen, whole = image_grid(generator, self.size_of(image_size)), image_grid(generator, image_size)
        levels, cells, anchors = seen.decode(ids)
        size = torch.tensor(image_size, dtype=torch.float32, device=ids.device)
        strides = torch.tensor([per_axis(stride, len(image_size)) for stride in generator.strides], device=ids.device)
        centers = (cells + 0.5) * strides[levels] * size / torch.tensor(self.size_of(image_size), device=ids.device)
        for axis in self.flips:
            centers[:, axis] = size[axis] - centers[:, axis]
        result = torch.full_like(ids, UNKNOWN_PRIOR)
        for level, cells_of_level in enumerate(whole.feature_sizes):
            here = levels == level
            last = torch.tensor(cells_of_level, device=ids.device) - 1
            nearest = (centers[here] / strides[level]).floor().long().clamp(min=torch.zeros_like(last), max=last)
            result[here] = whole.encode(level, nearest, anchors[here])
        return result


def _exchange(labels: Tensor, pairs: Iterable[Sequence[int]]) -> Tensor:
    result = labels.clone()
    for first, second in pairs:
        result[labels == first], result[labels == second] = second, first
    return result


def mirror_views(spatial_dims: int, number: int | None = None) -> tuple[View, ...]:
    """The views of an image along all combinations of its axes, the image as it is first and single flips next.

    Args:
        number: how many of the 2^D; None for all.
    """
    axes = range(spatial_dims)
    flips = chain.from_iterable(combinations(axes, count) for count in range(spatial_dims + 1))
    return tuple(View(tuple(chosen)) for chosen in flips)[:number]
