from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from medtk_monai.assigners.assigner import Assigner
from medtk_monai.box_ops import box_centers
from medtk_monai.structures import IGNORED, Assignment, Prediction, Priors, Target


@dataclass(frozen=True)
class ValidMarginAssigner:
    """Ignores priors near the faces at which a patch was cut from a larger image: they see too little of what surrounds them.

    The faces are those of ``Target.cut``; at the true border of an image all priors count. An object whose center lies in the margin is
    ignored. At inference the margin of the windowed inferer does the same.

    Args:
        assigner: assigns the other priors.
        margin: voxels, one value or one per axis; a cell nearer than this to a cut face is left out.
    """

    assigner: Assigner
    margin: float | Sequence[float]

    def __call__(self, priors: Priors, target: Target, prediction: Prediction | None = None) -> Assignment:
        if target.cut is None or not target.cut.any():
            return self.assigner(priors, target, prediction)
        centers = priors.centers
        end = (centers + priors.strides / 2).amax(dim=0)
        valid = self._far(centers - priors.strides / 2, centers + priors.strides / 2, end, target.cut)
        middle = box_centers(target.boxes)
        known = replace(target, ignored=target.ignored | ~self._far(middle, middle, end, target.cut))
        objects = priors.ids.new_full((len(priors),), IGNORED)
        if valid.any():
            part = None if prediction is None else Prediction(prediction.logits[valid], prediction.boxes[valid])
            objects[valid] = self.assigner(priors[valid], known, part).objects
        return Assignment(objects)

    def _far(self, lower: Tensor, upper: Tensor, end: Tensor, cut: Tensor) -> Tensor:
        """Whether the extents (K, D) lie at least the margin away from every cut face of a patch that reaches to ``end``."""
        margin = torch.as_tensor(self.margin, dtype=lower.dtype, device=lower.device)
        near = torch.cat([lower < margin, upper > end - margin], dim=-1)
        return ~(near & cut).any(dim=-1)
