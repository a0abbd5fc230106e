from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from medtk_monai.assigners.claims import leave_out_ignored, settle_claims
from medtk_monai.assigners.levels import keep_own_level
from medtk_monai.box_ops import box_centers
from medtk_monai.structures import IGNORED, NEGATIVE, Assignment, Prediction, Priors, Target


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
        distances = keep_own_level(self._distances(priors, target), priors, target.boxes, self.level_size)
        nearest = distances.topk(min(self.num_positives + self.num_ignored, len(priors)), largest=False)
        claimed = torch.arange(nearest.indices.shape[1], device=distances.device).expand_as(nearest.indices) < self.num_positives
        objects = settle_claims(len(priors), nearest.indices, -nearest.values, claimed & nearest.values.isfinite())
        ring = torch.zeros_like(objects, dtype=torch.bool)
        ring[nearest.indices[nearest.values.isfinite()]] = True
        return leave_out_ignored(objects.masked_fill(ring & (objects == NEGATIVE), IGNORED), priors, target)

    def _distances(self, priors: Priors, target: Target) -> Tensor:
        spacing = torch.as_tensor(self.spacing, dtype=torch.float32, device=priors.boxes.device)
        centers, places = box_centers(target.boxes) * spacing, box_centers(priors.boxes) * spacing
        return torch.cdist(centers, places, compute_mode="donot_use_mm_for_euclid_dist")
