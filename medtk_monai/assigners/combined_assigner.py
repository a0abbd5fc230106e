from __future__ import annotations

from dataclasses import dataclass, replace

from torch import Tensor

from medtk_monai.assigners.assigner import Assigner
from medtk_monai.structures import NEGATIVE, Assignment, Prediction, PriorGrid, Priors, Target


@dataclass(frozen=True)
class CombinedAssigner:
    """One assigner for the anchors and one for the points of a combined head; every object is learnt by both kinds.

    Args:
        anchors: assigner of priors that are anchors.
        points: assigner of priors that are points.
    """

    anchors: Assigner
    points: Assigner

    def __call__(self, priors: Priors, target: Target, prediction: Prediction | None = None) -> Assignment:
        objects = priors.ids.new_full((len(priors),), NEGATIVE)
        for assigner, chosen in ((self.anchors, ~priors.points), (self.points, priors.points)):
            if not chosen.any():
                continue
            part = None if prediction is None else Prediction(prediction.logits[chosen], prediction.boxes[chosen])
            objects[chosen] = assigner(_only(priors, chosen), target, part).objects
        return Assignment(objects)


def _only(priors: Priors, chosen: Tensor) -> Priors:
    """The priors of one kind, the same ones in every cell of a level."""
    part = priors[chosen]
    if priors.grid is None:
        return part
    per_cell, start = [], 0
    for count, length in zip(priors.grid.priors_per_cell, priors.grid.level_lengths):
        per_cell.append(int(chosen[start : start + count].sum()))
        start += length
    return replace(part, grid=PriorGrid(priors.grid.feature_sizes, tuple(per_cell)))
