"""What all assigners share: settling claims of several objects on one prior, and what ignored objects cover."""

from __future__ import annotations

import torch
from torch import Tensor

from medtk_monai.assigners.lookup import Pairs, priors_inside
from medtk_monai.box_ops import box_centers
from medtk_monai.structures import IGNORED, NEGATIVE, Assignment, Priors, Target


def all_background(priors: Priors, target: Target) -> Assignment:
    """For patches without objects, which many in a batch are: to find that out step by step costs as much as an object."""
    return leave_out_ignored(priors.levels.new_full((len(priors),), NEGATIVE), priors, target)


def settle_claims(priors: Priors, target: Target, candidates: Pairs, quality: Tensor, claimed: Tensor, rescue: bool = True) -> Tensor:
    """Give each claimed prior to the object that fits it best, then each object that got none its best candidate.

    Args:
        candidates: K pairs of an object and a prior that it may have.
        quality: (K,) how well they fit, larger is better; equal ones of one object rank in their order.
        claimed: (K,) bool, the pairs that are wanted.
        rescue: care for objects without a prior.

    Returns:
        (P,) int64, the object of each prior or NEGATIVE. An object whose candidates are all taken gets the nearest free prior.
    """
    claims = candidates[claimed]
    best = quality.new_full((len(priors),), -torch.inf).scatter_reduce(0, claims.priors, quality[claimed], "amax")
    won = claims[quality[claimed] >= best[claims.priors]]
    objects = won.objects.new_full((len(priors),), len(target)).scatter_reduce(0, won.priors, won.objects, "amin")
    objects[objects == len(target)] = NEGATIVE
    return _rescue(objects, priors, target, candidates, quality) if rescue else objects


def _rescue(objects: Tensor, priors: Priors, target: Target, candidates: Pairs, quality: Tensor) -> Tensor:
    """Give objects without a prior their best candidate that is not another object's only one."""
    counts = torch.bincount(objects[objects >= 0], minlength=len(target))
    for orphan in (counts == 0).nonzero()[:, 0].tolist():
        own = (candidates.objects == orphan).nonzero()[:, 0]
        ranked = candidates.priors[own[quality[own].argsort(descending=True, stable=True)]]
        free = _free(objects, counts, ranked)
        if not len(free):
            distances = (priors.centers - box_centers(target.boxes[orphan])).square().sum(dim=-1)
            free = _free(objects, counts, distances.argsort(stable=True))
        if len(free):
            taken = free[0]
            if objects[taken] >= 0:
                counts[objects[taken]] -= 1
            objects[taken] = orphan
            counts[orphan] = 1
    return objects


def _free(objects: Tensor, counts: Tensor, ranked: Tensor) -> Tensor:
    """Those of some priors that are nobody's, or not the only one of their object."""
    holders = objects[ranked]
    return ranked[(holders < 0) | (counts[holders.clamp(min=0)] > 1)]


def ignore_background(objects: Tensor, priors: Tensor) -> Tensor:
    """Objects (P,) of all priors, with those of some ``priors`` (K,) that are background turned to ignored."""
    marked = torch.zeros_like(objects, dtype=torch.bool).index_fill_(0, priors, True)
    return objects.masked_fill(marked & (objects == NEGATIVE), IGNORED)


def known_by_box(pairs: Pairs, target: Target) -> Pairs:
    """The pairs of objects whose boxes tell what they cover, all but those that have a region."""
    return pairs if target.in_region is None else pairs[~target.in_region[pairs.objects]]


def leave_out_ignored(objects: Tensor, priors: Priors, target: Target) -> Assignment:
    """Ignore the priors of ignored objects, and unclaimed ones whose center lies in such an object: in what it covers, or else in its box."""
    if target.ignored_region is None and not target.ignored.any():
        return Assignment(objects)
    if len(target):
        objects = objects.masked_fill((objects >= 0) & target.ignored[objects.clamp(min=0)], IGNORED)
    by_box = target.ignored if target.in_region is None else target.ignored & ~target.in_region
    objects = ignore_background(objects, priors_inside(priors, target.boxes[by_box]).priors)
    if target.ignored_region is None:
        return Assignment(objects)
    return Assignment(objects.masked_fill((objects == NEGATIVE) & _centers_in(priors, target.ignored_region), IGNORED))


def _centers_in(priors: Priors, region: Tensor) -> Tensor:
    """(P,) bool, which priors have their center in a voxel of a region (*spatial)."""
    size = torch.tensor(region.shape, device=priors.boxes.device)
    voxels = priors.centers.floor().long()
    inside = ((voxels >= 0) & (voxels < size)).all(dim=1)
    places = torch.minimum(voxels.clamp(min=0), size - 1)
    return inside & (region.to(places.device)[tuple(places.T)] > 0)


def rank_in_object(objects: Tensor, quality: Tensor) -> Tensor:
    """The rank (K,) of each pair among those of its object (K,): 0 for the largest quality, ties in their order."""
    order = quality.argsort(descending=True, stable=True)
    order = order[objects[order].argsort(stable=True)]
    ordered, steps = objects[order], torch.arange(len(order), device=order.device)
    starts_run = torch.ones_like(ordered, dtype=torch.bool)
    starts_run[1:] = ordered[1:] != ordered[:-1]
    return torch.empty_like(order).scatter_(0, order, steps - (steps * starts_run).cummax(0).values)
