"""Cases small enough to check by hand: boxes of side 10 on a line."""

from __future__ import annotations

import torch

from medtk_monai.box_ops import boxes_from_centers
from medtk_monai.structures import Detections, Target


def boxes_at(positions: list[float], spatial_dims: int) -> torch.Tensor:
    """Boxes of side 10 whose first axis starts at 20 * position: positions that differ by less than 0.5 overlap."""
    centers = torch.full((len(positions), spatial_dims), 5.0)
    centers[:, 0] += 20 * torch.tensor(positions, dtype=torch.float32)
    return boxes_from_centers(centers, torch.full_like(centers, 10.0))


def detections_at(found: list[tuple], spatial_dims: int = 3) -> Detections:
    """(position, score) or (position, score, label) each."""
    labels = torch.tensor([item[2] if len(item) > 2 else 0 for item in found], dtype=torch.int64)
    scores = torch.tensor([item[1] for item in found], dtype=torch.float32)
    return Detections(boxes_at([item[0] for item in found], spatial_dims), scores, labels, torch.arange(len(found)))


def target_at(objects: list[tuple], spatial_dims: int = 3) -> Target:
    """(position,) or (position, label) or (position, label, "ignored") each."""
    labels = torch.tensor([item[1] if len(item) > 1 else 0 for item in objects], dtype=torch.int64)
    ignored = torch.tensor([len(item) > 2 for item in objects], dtype=torch.bool)
    return Target(boxes_at([item[0] for item in objects], spatial_dims), labels, ignored)


def random_case(generator: torch.Generator, num_objects: int, num_classes: int = 1, spatial_dims: int = 3) -> tuple[Detections, Target]:
    """Crowded objects, some ignored, with jittered detections of them, duplicates and false alarms; scores are distinct."""
    centers = 40 * torch.rand(num_objects, spatial_dims, generator=generator)
    target_boxes = boxes_from_centers(centers, 4 + 8 * torch.rand(num_objects, spatial_dims, generator=generator))
    labels = torch.randint(num_classes, (num_objects,), generator=generator)
    ignored = torch.rand(num_objects, generator=generator) < 0.2
    jittered = [target_boxes + noise * torch.randn(target_boxes.shape, generator=generator) for noise in (0.5, 2.0)]
    alarms = 40 * torch.rand(8, spatial_dims, generator=generator)
    boxes = torch.cat([*jittered, boxes_from_centers(alarms, torch.full_like(alarms, 8.0))])
    found_labels = torch.cat([labels, labels, torch.randint(num_classes, (8,), generator=generator)])
    keep = torch.rand(len(boxes), generator=generator) < 0.8
    count = int(keep.sum())
    found = Detections(boxes[keep], torch.rand(count, generator=generator), found_labels[keep], torch.arange(count))
    return found, Target(target_boxes, labels, ignored)
