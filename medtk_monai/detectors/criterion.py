from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from medtk_monai.anchors import PriorGenerator
from medtk_monai.assigners import Assigner
from medtk_monai.coders import BoxCoder
from medtk_monai.detectors.fit import check_fit
from medtk_monai.losses import BoxLoss, ClassificationLoss, Quality
from medtk_monai.samplers import Sampler
from medtk_monai.structures import DenseOutput, Prediction, Target


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
        quality: what the quality branch of a head learns by binary cross entropy, a further loss ``"quality"``. With a head that has no
            such branch, the classes of positive priors learn it instead of 1, as QualityFocalLoss expects.
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
        quality: Quality | None = None,
    ):
        self.generator, self.coder, self.assigner, self.sampler = generator, coder, assigner, sampler
        self.classification_loss, self.box_loss, self.box_weight = classification_loss, box_loss, box_weight
        self.quality = quality

    def __call__(self, output: DenseOutput, targets: Sequence[Target], generator: torch.Generator | None = None) -> dict[str, Tensor]:
        """The output for B patches and their targets -> ``{"classification": ..., "box": ...}`` and perhaps ``"quality"``, scalars.

        Args:
            generator: source of the sampler's draws, the global one if None.

        Raises:
            DataError: the maps are not those that the priors are laid for.
        """
        check_fit(output, self.generator)
        logits, deltas = output.flatten()
        priors = self.generator(output.feature_sizes, logits.device)
        with torch.no_grad():
            decoded = self.coder.decode(priors, deltas)
            assignments = [self.assigner(priors, t, Prediction(x, b)) for x, b, t in zip(logits, decoded, targets)]
        images, positive = torch.stack([a.positive for a in assignments]).nonzero(as_tuple=True)
        learnt = [target[a.objects[a.positive]] for a, target in zip(assignments, targets)]
        boxes, labels = torch.cat([t.boxes for t in learnt]), torch.cat([t.labels for t in learnt])
        hardness = hardness_of(logits, (images, positive), labels)
        sampled = torch.stack([self.sampler(a, h, generator) for a, h in zip(assignments, hardness)])
        found, count = deltas[images, positive], max(len(positive), 1)
        losses = {"box": self.box_weight * self.box_loss(self.coder, priors[positive], found, boxes).sum() / count}
        worth = logits.new_ones(len(positive))
        if self.quality is not None:
            worth = self.quality(self.coder, priors[positive], found, boxes)
        branch = output.flat_quality()
        if branch is not None:
            rated = branch[images, positive]
            losses["quality"] = F.binary_cross_entropy_with_logits(rated, worth, reduction="sum") / count
            worth = torch.ones_like(worth)
        wanted = torch.zeros_like(logits)
        wanted[images, positive, labels] = worth
        return {"classification": self.classification_loss(logits[sampled], wanted[sampled]).sum() / count, **losses}


def hardness_of(logits: Tensor, positive: tuple[Tensor, ...], labels: Tensor) -> Tensor:
    """How wrong each prior is: the largest of its logits (..., C) for background, the negated one of its class for a positive prior.

    Args:
        positive: indices of the positive priors along each axis but the last.
        labels: their classes.
    """
    logits = logits.detach()
    hardness = logits.amax(dim=-1)
    hardness[positive] = -logits[(*positive, labels)]
    return hardness
