"""``prepare_batch`` and ``iteration_update`` for MONAI's engines."""

from __future__ import annotations

from typing import Any

import torch
from monai.engines import SupervisedEvaluator, SupervisedTrainer
from monai.engines.utils import IterationEvents
from torch import Tensor

from medtk_monai.structures import Target

LOSS, PARTS, DETECTIONS, TARGETS, CASE_IDS = "loss", "loss_parts", "detections", "targets", "case_ids"
"""Keys of ``engine.state.output``."""


def prepare_batch(
    batchdata: dict[str, Any], device: torch.device | str | None = None, non_blocking: bool = False, **kwargs: Any
) -> tuple[Tensor, list[Target]]:
    """A collated batch -> images (B, C, *spatial) in the memory order convolutions prefer, and targets, on the device."""
    images = batchdata["image"].to(device, non_blocking=non_blocking, memory_format=_channels_last(batchdata["image"]), **kwargs)
    return images, [target.to(device or images.device, non_blocking) for target in batchdata["target"]]


def _channels_last(images: Tensor) -> torch.memory_format:
    return torch.channels_last_3d if images.ndim == 5 else torch.channels_last


def train_step(engine: SupervisedTrainer, batchdata: dict[str, Any]) -> dict[str, Any]:
    """One optimizer step on one batch; ``engine.loss_function`` is the criterion. Losses are computed in float32.

    Returns:
        ``{"loss": scalar, "loss_parts": {name: scalar}}``, without gradient.

    Raises:
        FloatingPointError: the loss is not finite; the message names the batch's cases.
    """
    images, targets = engine.prepare_batch(batchdata, engine.state.device, engine.non_blocking, **engine.to_kwargs)
    engine.network.train()
    engine.optimizer.zero_grad(set_to_none=True)
    with torch.autocast(images.device.type, enabled=engine.amp, **engine.amp_kwargs):
        output = engine.inferer(images, engine.network)
    engine.fire_event(IterationEvents.FORWARD_COMPLETED)
    parts = engine.loss_function(output, targets)
    loss = torch.stack(list(parts.values())).sum()
    engine.fire_event(IterationEvents.LOSS_COMPLETED)
    if not torch.isfinite(loss):
        raise FloatingPointError(f"loss {loss.item()} in iteration {engine.state.iteration}, cases {batchdata['case_id']}")
    scaler = engine.scaler if engine.amp else None
    (scaler.scale(loss) if scaler else loss).backward()
    engine.fire_event(IterationEvents.BACKWARD_COMPLETED)
    if scaler:
        scaler.step(engine.optimizer)
        scaler.update()
    else:
        engine.optimizer.step()
    engine.fire_event(IterationEvents.MODEL_COMPLETED)
    return {LOSS: loss.detach(), PARTS: {name: part.detach() for name, part in parts.items()}}


def evaluate_step(engine: SupervisedEvaluator, batchdata: dict[str, Any]) -> dict[str, Any]:
    """Detections of one batch of whole images; ``engine.inferer`` returns them.

    Returns:
        ``{"detections": list of Detections, "targets": list of Target, "case_ids": list of str}``, one of each per image.
    """
    images, targets = engine.prepare_batch(batchdata, engine.state.device, engine.non_blocking, **engine.to_kwargs)
    with engine.mode(engine.network), torch.autocast(images.device.type, enabled=engine.amp, **engine.amp_kwargs):
        detections = engine.inferer(images, engine.network)
    engine.fire_event(IterationEvents.FORWARD_COMPLETED)
    engine.fire_event(IterationEvents.MODEL_COMPLETED)
    return {DETECTIONS: detections, TARGETS: targets, CASE_IDS: batchdata["case_id"]}
