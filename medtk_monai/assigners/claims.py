"""What all assigners share: settling claims of several objects on one prior."""

from __future__ import annotations

import torch
from torch import Tensor

from medtk_monai.box_ops import box_centers
from medtk_monai.structures import IGNORED, NEGATIVE, Assignment, Priors, Target


def centers_inside(priors: Priors, boxes: Tensor) -> Tensor:
    """Whether the center of each prior lies in each box, (N, P) bool; a box is half open."""
    centers = box_centers(priors.boxes)[None]
    lower, upper = boxes[:, None].chunk(2, dim=-1)
    return ((centers >= lower) & (centers < upper)).all(dim=-1)


def settle_claims(num_priors: int, candidates: Tensor, quality: Tensor, claimed: Tensor) -> Tensor:
    """Give each claimed prior to the object that fits it best, then each object that got none its best candidate.

    Args:
        num_priors: P.
        candidates: (N, K) indices of the priors that each object may have; one object's candidates differ.
        quality: (N, K) how well they fit, larger is better; equal qualities of one object rank in candidate order.
        claimed: (N, K) bool, the candidates that an object wants.

    Returns:
        (P,) int64, the object of each prior or NEGATIVE.
    """
    num_objects = len(candidates)
    owners = torch.arange(num_objects, device=candidates.device)[:, None].expand_as(candidates)
    best = quality.new_full((num_priors,), -torch.inf).scatter_reduce(0, candidates[claimed], quality[claimed], "amax")
    won = claimed & (quality >= best[candidates])
    objects = owners.new_full((num_priors,), num_objects).scatter_reduce(0, candidates[won], owners[won], "amin")
    objects[objects == num_objects] = NEGATIVE
    return _rescue(objects, candidates, quality)


def _rescue(objects: Tensor, candidates: Tensor, quality: Tensor) -> Tensor:
    """Give objects without a prior their best candidate that is not another object's only one."""
    counts = torch.bincount(objects[objects >= 0], minlength=len(candidates))
    for orphan in (counts == 0).nonzero()[:, 0].tolist():
        ranked = candidates[orphan][quality[orphan].argsort(descending=True, stable=True)]
        holders = objects[ranked]
        free = ((holders < 0) | (counts[holders.clamp(min=0)] > 1)).nonzero()[:, 0]
        if len(free):
            taken = ranked[free[0]]
            if objects[taken] >= 0:
                counts[objects[taken]] -= 1
            objects[taken] = orphan
            counts[orphan] = 1
    return objects


def leave_out_ignored(objects: Tensor, priors: Priors, target: Target) -> Assignment:
    """Ignore the priors of ignored objects, and unclaimed ones whose center lies in such an object."""
    of_ignored = (objects >= 0) & target.ignored[objects.clamp(min=0)] if len(target) else objects >= 0
    covered = centers_inside(priors, target.boxes[target.ignored]).any(dim=0) & (objects < 0)
    return Assignment(objects.masked_fill(of_ignored | covered, IGNORED))
