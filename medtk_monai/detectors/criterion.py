from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from medtk_monai.anchors import PriorGenerator
from medtk_monai.assigners import Assigner
from medtk_monai.coders import BoxCoder
from medtk_monai.losses import BoxLoss, ClassificationLoss
from medtk_monai.samplers import Sampler
from medtk_monai.structures import Assignment, DenseOutput, Prediction, Priors, Target


class DetectionCriterion:
    """Named losses of a network's output: both are sums over priors, divided by the number of positive priors of the batch.

    Without a positive prior the box loss is a differentiable 0 and the classification loss that of the sampled negatives.

    Args:
        generator: lays the priors.
        coder: translates boxes.
        assigner: chooses the priors that learn each object.
        sampler: chooses the priors that enter the classification loss.
        classification_loss, box_loss: losses per prior.
        box_weight: factor of the box loss.
    """

    def __init__(
        self,
        generator: PriorGenerator,
        coder: BoxCoder,
        assigner: Assigner,
        sampler: Sampler,
        classification_loss: ClassificationLoss,
        box_loss: BoxLoss,
        box_weight: float = 1.0,
    ):
        self.generator, self.coder, self.assigner, self.sampler = generator, coder, assigner, sampler
        self.classification_loss, self.box_loss, self.box_weight = classification_loss, box_loss, box_weight

    def __call__(self, output: DenseOutput, targets: Sequence[Target], generator: torch.Generator | None = None) -> dict[str, Tensor]:
        """The output for B patches and their targets -> ``{"classification": ..., "box": ...}``, scalars.

        Args:
            generator: source of the sampler's draws, the global one if None.
        """
        logits, deltas = output.flatten()
        priors = self.generator(output.feature_sizes, logits.device)
        assignments = [self.assign(priors, t, x, d) for x, d, t in zip(logits, deltas, targets)]
        hardness = _hardness(logits)
        sampled = torch.stack([self.sampler(a, h, generator) for a, h in zip(assignments, hardness)])
        images, positive = torch.stack([a.positive for a in assignments]).nonzero(as_tuple=True)
        learnt = [target[a.objects[a.positive]] for a, target in zip(assignments, targets)]
        boxes, labels = torch.cat([t.boxes for t in learnt]), torch.cat([t.labels for t in learnt])
        wanted = torch.zeros_like(logits)
        wanted[images, positive, labels] = 1
        count = max(len(positive), 1)
        classification = self.classification_loss(logits[sampled], wanted[sampled]).sum() / count
        box = self.box_loss(self.coder, priors[positive], deltas[images, positive], boxes).sum() / count
        return {"classification": classification, "box": self.box_weight * box}

    def assign(self, priors: Priors, target: Target, logits: Tensor, deltas: Tensor) -> Assignment:
        """The assignment of one image's priors, without gradient."""
        with torch.no_grad():
            return self.assigner(priors, target, Prediction(logits, self.coder.decode(priors, deltas)))


def _hardness(logits: Tensor) -> Tensor:
    """How wrong a prior would be as background: its largest logit, (B, P)."""
    return logits.detach().amax(dim=-1)
