"""Boxes: (N, 2D) ``(min..., max...)`` in voxels, tensor axis order, half open (voxel i covers [i, i + 1)).

World coordinates are millimeters. An affine maps voxel *centers*, so corners are shifted by -0.5 before and +0.5 after it.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations, product
from math import pi

import numpy as np
import torch
from torch import Tensor

BLOCK = 256
"""Boxes that suppression compares with one another at once."""


def box_sizes(boxes: Tensor) -> Tensor:
    """(N, 2D) boxes -> (N, D) side lengths."""
    lower, upper = boxes.chunk(2, dim=-1)
    return upper - lower


def box_centers(boxes: Tensor) -> Tensor:
    """(N, 2D) boxes -> (N, D) centers."""
    lower, upper = boxes.chunk(2, dim=-1)
    return (lower + upper) / 2


def box_volumes(boxes: Tensor) -> Tensor:
    """(N, 2D) boxes -> (N,) areas or volumes; 0 for an inverted box."""
    return box_sizes(boxes).clamp(min=0).prod(dim=-1)


def boxes_from_centers(centers: Tensor, sizes: Tensor) -> Tensor:
    """(N, D) centers and (N, D) side lengths -> (N, 2D) boxes."""
    return torch.cat([centers - sizes / 2, centers + sizes / 2], dim=-1)


def clip_boxes(boxes: Tensor, size: tuple[int, ...] | Tensor) -> Tensor:
    """(N, 2D) boxes, cut to an image of ``size`` voxels; a box outside gets size 0."""
    limit = torch.as_tensor(size, dtype=boxes.dtype, device=boxes.device)
    return torch.minimum(boxes.clamp(min=0), limit.repeat(2))


def visible_fractions(boxes: Tensor, size: tuple[int, ...]) -> Tensor:
    """(N, 2D) boxes -> (N,) share of each box's volume inside an image of ``size`` voxels, in [0, 1]."""
    return box_volumes(clip_boxes(boxes, size)) / box_volumes(boxes).clamp(min=torch.finfo(boxes.dtype).tiny)


def _intersections(first: Tensor, second: Tensor) -> Tensor:
    """Volumes of the intersections of broadcastable (..., 2D) boxes."""
    lower = torch.maximum(first.chunk(2, -1)[0], second.chunk(2, -1)[0])
    upper = torch.minimum(first.chunk(2, -1)[1], second.chunk(2, -1)[1])
    return (upper - lower).clamp(min=0).prod(dim=-1)


def _iou_and_union(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    first, second = first.float(), second.float()
    intersection = _intersections(first, second)
    union = box_volumes(first) + box_volumes(second) - intersection
    return intersection / union.clamp(min=torch.finfo(union.dtype).tiny), union


def _hull_sizes(first: Tensor, second: Tensor) -> Tensor:
    """Side lengths (..., D) of the smallest boxes around both of two broadcastable (..., 2D) boxes."""
    lower = torch.minimum(first.chunk(2, -1)[0], second.chunk(2, -1)[0])
    upper = torch.maximum(first.chunk(2, -1)[1], second.chunk(2, -1)[1])
    return upper - lower


def _giou(first: Tensor, second: Tensor) -> Tensor:
    """Generalized IoU (Rezatofighi et al., CVPR 2019) of broadcastable (..., 2D) boxes, in [-1, 1]."""
    iou, union = _iou_and_union(first, second)
    hull = _hull_sizes(first, second).float().prod(dim=-1).clamp(min=torch.finfo(torch.float32).tiny)
    return iou - (hull - union) / hull


def paired_iou(first: Tensor, second: Tensor) -> Tensor:
    """(N, 2D) and (N, 2D) boxes -> (N,) IoU, float32."""
    return _iou_and_union(first, second)[0]


def pairwise_iou(first: Tensor, second: Tensor) -> Tensor:
    """(N, 2D) and (M, 2D) boxes -> (N, M) IoU, float32."""
    return paired_iou(first[:, None], second[None])


def paired_giou(first: Tensor, second: Tensor) -> Tensor:
    """(N, 2D) and (N, 2D) boxes -> (N,) generalized IoU in [-1, 1] (Rezatofighi et al., CVPR 2019), float32."""
    return _giou(first, second)


def pairwise_giou(first: Tensor, second: Tensor) -> Tensor:
    """(N, 2D) and (M, 2D) boxes -> (N, M) generalized IoU in [-1, 1] (Rezatofighi et al., CVPR 2019), float32."""
    return _giou(first[:, None], second[None])


def paired_diou(first: Tensor, second: Tensor) -> Tensor:
    """(N, 2D) and (N, 2D) boxes -> (N,) distance IoU in [-1, 1] (Zheng et al., AAAI 2020), float32."""
    first, second = first.float(), second.float()
    diagonal = _hull_sizes(first, second).square().sum(dim=-1).clamp(min=torch.finfo(torch.float32).tiny)
    return paired_iou(first, second) - (box_centers(first) - box_centers(second)).square().sum(dim=-1) / diagonal


def paired_ciou(first: Tensor, second: Tensor) -> Tensor:
    """(N, 2D) predicted and (N, 2D) true boxes -> (N,) complete IoU, at most 1 (Zheng et al., AAAI 2020), float32.

    The paper's term for the ratio of the sides is averaged over all pairs of axes; no gradient flows through its weight.
    """
    iou, diou = paired_iou(first, second), paired_diou(first, second)
    angles = [_side_angles(boxes.float()) for boxes in (first, second)]
    misfit = (4 / pi**2) * (angles[0] - angles[1]).square().mean(dim=-1)
    with torch.no_grad():
        weight = misfit / (1 - iou + misfit).clamp(min=torch.finfo(torch.float32).eps)
    return diou - weight * misfit


def _side_angles(boxes: Tensor) -> Tensor:
    """Arc tangents (N, D (D - 1) / 2) of the ratios of all pairs of sides."""
    sizes = box_sizes(boxes).clamp(min=1e-6)
    first, second = zip(*combinations(sizes.unbind(dim=-1), 2))
    return torch.atan2(torch.stack(first, dim=-1), torch.stack(second, dim=-1))


def wasserstein_distances(first: Tensor, second: Tensor) -> Tensor:
    """(N, 2D) and (N, 2D) boxes -> (N,) Wasserstein distances of the Gaussians they stand for, voxels, float32.

    A box stands for a Gaussian of its center with half its sides as standard deviations (Wang et al., 2021, arXiv 2110.13389).
    """
    first, second = first.float(), second.float()
    squared = (box_centers(first) - box_centers(second)).square() + (box_sizes(first) - box_sizes(second)).square() / 4
    return squared.sum(dim=-1).clamp(min=1e-12).sqrt()


def box_corners(boxes: Tensor) -> Tensor:
    """(N, 2D) boxes -> (N, 2^D, D) corners."""
    sides = boxes.unflatten(-1, (2, -1))
    return torch.stack(
        [torch.stack([sides[:, s, d] for d, s in enumerate(pick)], -1) for pick in product((0, 1), repeat=sides.shape[-1])], 1
    )


def transform_boxes(boxes: Tensor, affine: Tensor) -> Tensor:
    """(N, 2D) voxel boxes of one grid -> (N, 2D) axis-aligned hulls of all their corners in another grid.

    Args:
        boxes: voxels of the first grid.
        affine: (D + 1, D + 1), maps voxel centers of the first grid to voxel centers of the second.
    """
    corners = apply_affine(box_corners(boxes) - 0.5, affine) + 0.5
    return torch.cat([corners.amin(dim=1), corners.amax(dim=1)], dim=-1).to(boxes.dtype)


def apply_affine(points: Tensor, affine: Tensor) -> Tensor:
    """(..., D) points through a (D + 1, D + 1) affine, in float64."""
    affine = torch.as_tensor(affine, dtype=torch.float64, device=points.device)
    dims = points.shape[-1]
    return points.double() @ affine[:dims, :dims].T + affine[:dims, dims]


def spatial_affine(affine: Tensor, spatial_dims: int) -> Tensor:
    """The (D + 1, D + 1) float64 part of an affine that acts on the first D axes."""
    affine = torch.as_tensor(affine, dtype=torch.float64)
    keep = [*range(spatial_dims), affine.shape[0] - 1]
    return affine[keep][:, keep]


def boxes_to_world(boxes: Tensor, affine: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(N, 2D) voxel boxes -> world centers (N, D), side lengths (N, D) along the image axes, direction (D, D).

    Column d of the direction is the unit vector of image axis d in the world, so the conversion is exact for oblique scans.

    Args:
        boxes: voxels.
        affine: (D + 1, D + 1), voxel centers -> world mm.
    """
    matrix = torch.as_tensor(affine, dtype=torch.float64)
    dims = boxes.shape[-1] // 2
    spacing = matrix[:dims, :dims].norm(dim=0)
    centers = apply_affine(box_centers(boxes.double()) - 0.5, matrix)
    return centers, box_sizes(boxes.double()) * spacing, matrix[:dims, :dims] / spacing


def boxes_from_world(centers: Tensor, sizes: Tensor, direction: Tensor, affine: Tensor) -> Tensor:
    """World boxes -> (N, 2D) float32 axis-aligned hulls of all their corners, voxels.

    Args:
        centers: (N, D), mm.
        sizes: (N, D), mm, along the columns of ``direction``.
        direction: (D, D), unit vectors of the boxes' own axes; the identity for boxes along the world axes.
        affine: (D + 1, D + 1), voxel centers -> world mm.
    """
    dims = centers.shape[-1]
    unit = torch.tensor([[-0.5] * dims + [0.5] * dims], dtype=torch.float64)
    offsets = (box_corners(unit) * sizes.double()[:, None]) @ torch.as_tensor(direction, dtype=torch.float64).T
    corners = centers.double()[:, None] + offsets
    corners = apply_affine(corners, torch.linalg.inv(torch.as_tensor(affine, dtype=torch.float64))) + 0.5
    return torch.cat([corners.amin(dim=1), corners.amax(dim=1)], dim=-1).float()


def nms(boxes: Tensor, scores: Tensor, labels: Tensor, iou_threshold: float) -> Tensor:
    """Class-wise non-maximum suppression: a box goes when its IoU with a better kept one of its class exceeds the threshold.

    Equal scores keep their order.

    Args:
        boxes: (N, 2D), voxels; negative coordinates are fine.
        scores: (N,).
        labels: (N,) int64.
        iou_threshold: in [0, 1].

    Returns:
        Indices of the kept boxes, best first, int64.
    """
    return keep_best(scores, labels, lambda first, second: pairwise_iou(boxes[first], boxes[second]) > iou_threshold)


def keep_best(scores: Tensor, labels: Tensor, clashes: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """Goes through items by score and keeps those that do not clash with a kept one of their class; equal scores keep their order.

    Items are taken in blocks: each block is compared with the kept items before it in one step, so that the sequential part runs over
    a small matrix only, and memory grows with the number of kept items, not with its square.

    Args:
        scores: (N,).
        labels: (N,) int64.
        clashes: indices (n,) and (m,) -> bool (n, m).

    Returns:
        Indices of the kept items, best first, int64.
    """

    def rivals(first: Tensor, second: Tensor) -> Tensor:
        return clashes(first, second) & (labels[first][:, None] == labels[second][None])

    order = scores.argsort(descending=True, stable=True)
    kept = order[:0]
    for block in order.split(BLOCK):
        if len(kept):
            block = block[~rivals(block, kept).any(dim=1)]
        worse = rivals(block, block).triu(diagonal=1).cpu().numpy()
        alive = np.ones(len(block), dtype=bool)
        for i in np.flatnonzero(worse.any(axis=1)):
            if alive[i]:
                alive &= ~worse[i]
        kept = torch.cat([kept, block[torch.from_numpy(alive).to(block.device)]])
    return kept
