"""A second stage that looks again at what a dense head proposes (Ren et al., Faster R-CNN, 2015)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from medtk_monai.anchors import PriorGenerator, place_in_window
from medtk_monai.assigners import Assigner
from medtk_monai.coders import BoxCoder
from medtk_monai.detectors.criterion import hardness_of
from medtk_monai.detectors.fit import check_fit
from medtk_monai.detectors.network import DetectionNetwork
from medtk_monai.detectors.postprocessor import Postprocessor
from medtk_monai.heads import RoIExtractor
from medtk_monai.losses import BoxLoss, ClassificationLoss
from medtk_monai.networks import with_reflect_padding
from medtk_monai.samplers import Sampler
from medtk_monai.scores import exact_scores
from medtk_monai.structures import Detections, Prediction, PriorGrid, Priors, Target, TwoStageOutput, Window

Criterion = Callable[..., dict[str, Tensor]]


class TwoStageNetwork(nn.Module):
    """Backbone, neck and dense head in a row, and a head for the proposals of the dense one.

    Args:
        backbone: (B, C, *spatial) image -> list of maps, finest first.
        neck: list of maps -> one map per level.
        head: maps of the levels -> DenseOutput.
        proposer: turns the dense output into proposals.
        extractor: pools their features.
        roi_head: pooled features -> logits and deltas.
        reflect: pad every convolution by reflection.
    """

    def __init__(
        self,
        backbone: nn.Module,
        neck: nn.Module,
        head: nn.Module,
        proposer: Postprocessor,
        extractor: RoIExtractor,
        roi_head: nn.Module,
        reflect: bool = True,
    ):
        super().__init__()
        self.backbone, self.neck, self.head, self.roi_head = backbone, neck, head, roi_head
        self.proposer, self.extractor = proposer, extractor
        if reflect:
            with_reflect_padding(self)

    def forward(self, images: Tensor) -> TwoStageOutput:
        """(B, C, *spatial) images, each side a multiple of the coarsest stride."""
        maps = self.neck(self.backbone(images))
        dense = replace(self.head(maps), image_size=tuple(images.shape[2:]))
        with torch.no_grad():
            proposals = self.proposer(dense, images.shape[2:])
        logits, deltas = self.roi_head(self.extractor(maps, [found.boxes for found in proposals]))
        return TwoStageOutput(dense, proposals, logits, deltas)


def dense_stage(network: nn.Module) -> nn.Module:
    """The first stage of a two-stage network, with the very same weights; another network as it is."""
    if not isinstance(network, TwoStageNetwork):
        return network
    return DetectionNetwork(network.backbone, network.neck, network.head, reflect=False)  # it has reflecting convolutions already


class TwoStageCriterion:
    """Named losses of both stages; those of the second are ``"roi_classification"`` and ``"roi_box"``.

    Args:
        dense: criterion of the first stage.
        coder: of the second stage, whose priors are the proposals.
        assigner: chooses the proposals that learn an object.
        sampler: chooses those that enter the classification loss.
        classification_loss, box_loss: losses per proposal.
        weight: factor of the second stage's losses.
    """

    def __init__(
        self,
        dense: Criterion,
        coder: BoxCoder,
        assigner: Assigner,
        sampler: Sampler,
        classification_loss: ClassificationLoss,
        box_loss: BoxLoss,
        weight: float = 1.0,
    ):
        self.dense, self.coder, self.assigner, self.sampler = dense, coder, assigner, sampler
        self.classification_loss, self.box_loss, self.weight = classification_loss, box_loss, weight

    def __call__(self, output: TwoStageOutput, targets: Sequence[Target], generator: torch.Generator | None = None) -> dict[str, Tensor]:
        """The output for B patches and their targets -> losses by name, scalars."""
        logits = output.logits.split([len(found) for found in output.proposals])
        deltas = output.deltas.split([len(found) for found in output.proposals])
        parts = [self._one_image(*given, generator) for given in zip(output.proposals, logits, deltas, targets)]
        classification, box, positives = (sum(part) for part in zip(*parts))
        count = max(positives, 1)
        return {
            **self.dense(output.dense, targets, generator),
            "roi_classification": self.weight * classification / count,
            "roi_box": self.weight * box / count,
        }

    def _one_image(
        self, proposals: Detections, logits: Tensor, deltas: Tensor, target: Target, generator: torch.Generator | None
    ) -> tuple[Tensor, Tensor, int]:
        """Summed losses of an image, and its number of positive proposals."""
        priors = proposals_as_priors(proposals)
        with torch.no_grad():
            assignment = self.assigner(priors, target, Prediction(logits, self.coder.decode(priors, deltas)))
        positive = assignment.positive.nonzero()[:, 0]
        learnt = target[assignment.objects[positive]]
        sampled = self.sampler(assignment, hardness_of(logits, (positive,), learnt.labels), generator)
        wanted = torch.zeros_like(logits)
        wanted[positive, learnt.labels] = 1
        classification = self.classification_loss(logits[sampled], wanted[sampled]).sum()
        box = self.box_loss(self.coder, priors[positive], deltas[positive], learnt.boxes).sum()
        return classification, box, len(learnt)


class TwoStagePostprocessor:
    """Turns a two-stage network's output into detections: the boxes of the second stage, scored by both.

    Args:
        dense: postprocessor of the first stage's priors, whose limits and suppression hold for the result too.
        coder: of the second stage.
        share: exponent of the second stage's probability in the score, 1 - ``share`` that of the proposal's; in [0, 1].

    Raises:
        ValueError: the share is out of range.
    """

    def __init__(self, dense: Postprocessor, coder: BoxCoder, share: float = 0.5):
        if not 0 <= share <= 1:
            raise ValueError(f"share is {share}: it must lie in [0, 1]")
        self.dense, self.coder, self.share = dense, coder, share

    @property
    def generator(self) -> PriorGenerator:
        return self.dense.generator

    @property
    def max_detections(self) -> int:
        return self.dense.max_detections

    def __call__(self, output: TwoStageOutput, image_size: Sequence[int]) -> list[Detections]:
        """The output for B whole images of ``image_size`` voxels -> their detections."""
        windows = [Window.whole(image_size)] * len(output.proposals)
        return [self.merge([found], image_size) for found in self.candidates(output, windows)]

    def candidates(self, output: TwoStageOutput, windows: Sequence[Window]) -> list[Detections]:
        """The output for B windows -> the refined proposals of each window's core, in voxels of the whole image.

        Raises:
            DataError: the maps are not those that the priors are laid for.
        """
        check_fit(output.dense, self.generator)
        numbers = [len(found) for found in output.proposals]
        given = zip(output.proposals, output.logits.split(numbers), output.deltas.split(numbers), windows)
        return [self._one_window(*part, output.dense.feature_sizes) for part in given]

    def merge(self, parts: Sequence[Detections], image_size: Sequence[int]) -> Detections:
        """Candidates of all windows of one image -> its detections, best first."""
        return self.dense.merge(parts, image_size)

    def _one_window(
        self, proposals: Detections, logits: Tensor, deltas: Tensor, window: Window, feature_sizes: Sequence[Sequence[int]]
    ) -> Detections:
        priors, positions = place_in_window(self.generator, feature_sizes, window, logits.device)
        grid = PriorGrid(tuple(map(tuple, feature_sizes)), self.generator.priors_per_cell)
        ids = positions.new_full((len(grid),), -1)
        ids[positions] = priors.ids
        boxes = self.coder.decode(proposals_as_priors(proposals), deltas) + torch.tensor(window.origin * 2, device=logits.device)
        scores = logits.sigmoid() ** self.share * proposals.scores[:, None] ** (1 - self.share)
        exact = logits.double().sigmoid() ** self.share * proposals.scores.double()[:, None] ** (1 - self.share)
        scores = exact_scores(scores, exact)
        # NaN is kept, to be told where windows are merged.
        rows, labels = (~(scores <= self.dense.score_threshold) & (ids[proposals.prior_ids] >= 0)[:, None]).nonzero(as_tuple=True)
        return Detections(boxes[rows], scores[rows, labels], labels, ids[proposals.prior_ids[rows]])


def proposals_as_priors(proposals: Detections) -> Priors:
    """The boxes that the second stage starts from."""
    lower, upper = proposals.boxes.chunk(2, dim=-1)
    nothing = torch.zeros_like(proposals.labels)
    return Priors(proposals.boxes, upper - lower, nothing, proposals.prior_ids, nothing.bool())
