from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from medtk_monai.assigners.claims import ignore_background, leave_out_ignored, settle_claims
from medtk_monai.assigners.levels import own_levels
from medtk_monai.assigners.lookup import Pairs, nearest_priors
from medtk_monai.box_ops import box_centers
from medtk_monai.structures import Assignment, Prediction, Priors, Target


@dataclass(frozen=True)
class NearestAssigner:
    """The same number of nearest priors for every object, however small, and a ring of ignored ones around them (as CPM-Net, MICCAI 2020).

    Args:
        num_positives: priors that learn an object.
        num_ignored: next nearest priors, neither object nor background.
        spacing: mm per voxel of all images, one value or one per axis; distances are in mm.
        level_size: an object is learnt only at the level whose stride times this is nearest its side length (geometric means over
            the axes, logarithmic scale); None for all levels.

    Raises:
        ValueError: a number out of range.
    """

    num_positives: int = 7
    num_ignored: int = 28
    spacing: float | Sequence[float] = 1.0
    level_size: float | None = None

    def __post_init__(self) -> None:
        if self.num_positives < 1 or self.num_ignored < 0:
            raise ValueError(f"{self}: num_positives must be at least 1 and num_ignored at least 0")

    def __call__(self, priors: Priors, target: Target, prediction: Prediction | None = None) -> Assignment:
        number = self.num_positives + self.num_ignored
        spacing = torch.as_tensor(self.spacing, dtype=torch.float32, device=priors.boxes.device)
        near, distances = nearest_priors(priors, box_centers(target.boxes), number, spacing)
        own = own_levels(priors, target.boxes, self.level_size).gather(1, priors.levels[near])
        ranked = torch.where(own, distances, torch.inf).topk(min(number, near.shape[1]), largest=False)
        chosen = near.gather(1, ranked.indices)
        places = torch.arange(chosen.shape[1], device=chosen.device).expand_as(chosen)
        claimed = (places < self.num_positives) & ranked.values.isfinite()
        objects = settle_claims(priors, target, Pairs.of_rows(chosen), -ranked.values.flatten(), claimed.flatten())
        near = ranked.values.isfinite()
        if target.in_region is not None:  # what such an object covers is not told by its center
            near = near & ~target.in_region[:, None]
        return leave_out_ignored(ignore_background(objects, chosen[near]), priors, target)
