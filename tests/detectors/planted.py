"""Network outputs that say exactly what a target says."""

import torch

from medtk_monai.anchors import AnchorGenerator, CombinedGenerator, PointGenerator
from medtk_monai.assigners import ATSSAssigner, CombinedAssigner, DistAssigner
from medtk_monai.coders import CombinedCoder, DeltaCoder, DistanceCoder
from medtk_monai.detectors import DetectionCriterion, Postprocessor
from medtk_monai.losses import FocalLoss, GIoULoss, SmoothL1Loss
from medtk_monai.samplers import AllSampler, HardNegativeSampler
from medtk_monai.structures import DenseOutput, Target
from medtk_monai.suppressors import NMS

STRIDES = [2, 4]
PARTS = {
    "anchor": (AnchorGenerator(STRIDES, [[4, 6.5], [9, 14]]), DeltaCoder(), ATSSAssigner(9)),
    "point": (PointGenerator(STRIDES), DistanceCoder(), DistAssigner(0.5, 1.0, level_size=3.0)),
    "combined": (
        CombinedGenerator(AnchorGenerator(STRIDES, [[4, 6.5], [9, 14]])),
        CombinedCoder(DeltaCoder(), DistanceCoder()),
        CombinedAssigner(ATSSAssigner(9), DistAssigner(0.5, 1.0, level_size=3.0)),
    ),
}


def feature_sizes(image_size):
    return [tuple(n // stride for n in image_size) for stride in STRIDES]


def some_target(dims, num_classes=2):
    boxes = torch.tensor([[3.0, 4, 3, 8.5, 9, 7], [10, 12, 9, 21, 22, 20.5], [1, 19, 18, 4, 22, 21]])
    keep = [0, 1, 3, 4] if dims == 2 else slice(None)
    return Target(boxes[:, keep], torch.tensor([0, 1, 0]) % num_classes, torch.zeros(3, dtype=torch.bool))


def unflatten(flat, sizes, per_cell):
    """(B, P, K) -> one (B, A * K, *cells) map per level."""
    maps, start = [], 0
    for size, a in zip(sizes, per_cell):
        length = a * torch.tensor(size).prod().item()
        part = flat[:, start : start + length].reshape(len(flat), *size, a * flat.shape[-1])
        maps.append(part.movedim(-1, 1))
        start += length
    return tuple(maps)


def plant(kind, targets, image_size, num_classes=2, certainty=12.0):
    """The output of a network that knows the targets."""
    generator, coder, assigner = PARTS[kind]
    sizes = feature_sizes(image_size)
    priors = generator(sizes)
    logits = torch.full((len(targets), len(priors), num_classes), -certainty)
    deltas = torch.zeros(len(targets), len(priors), 2 * len(image_size))
    for i, target in enumerate(targets):
        assignment = assigner(priors, target)
        at = assignment.positive.nonzero()[:, 0]
        objects = assignment.objects[at]
        logits[i, at, target.labels[objects]] = certainty
        deltas[i, at] = coder.encode(priors[at], target.boxes[objects])
    per_cell = generator.priors_per_cell
    return DenseOutput(unflatten(logits, sizes, per_cell), unflatten(deltas, sizes, per_cell), num_classes)


def criterion(kind, sampler=None, box_loss=None):
    generator, coder, assigner = PARTS[kind]
    return DetectionCriterion(generator, coder, assigner, sampler or AllSampler(), FocalLoss(), box_loss or GIoULoss())


def postprocessor(kind, suppressor=None, **options):
    generator, coder, _ = PARTS[kind]
    return Postprocessor(generator, coder, suppressor or NMS(0.2), **options)


SAMPLERS = [AllSampler(), HardNegativeSampler()]
BOX_LOSSES = [GIoULoss(), SmoothL1Loss()]
