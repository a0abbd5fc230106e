"""``prepare_batch`` and ``iteration_update`` for MONAI's engines."""

from __future__ import annotations

from typing import Any

import torch
from monai.engines import SupervisedEvaluator, SupervisedTrainer
from monai.engines.utils import IterationEvents
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

from medtk_monai.structures import Target

LOSS, PARTS, DETECTIONS, TARGETS, CASE_IDS = "loss", "loss_parts", "detections", "targets", "case_ids"
"""Keys of ``engine.state.output``."""
_STEPS_TO_SETTLE = 100
"""By then the running statistics of batch norm have forgotten those they began with."""


def prepare_batch(
    batchdata: dict[str, Any], device: torch.device | str | None = None, non_blocking: bool = False, **kwargs: Any
) -> tuple[Tensor, list[Target]]:
    """A collated batch -> images (B, C, *spatial) in the memory order convolutions prefer, and targets, on the device."""
    images = batchdata["image"]
    order = memory_order(images.ndim - 2, device or images.device)
    images = images.to(device, non_blocking=non_blocking, memory_format=order, **kwargs)
    return images, [target.to(device or images.device, non_blocking) for target in batchdata["target"]]


def memory_order(spatial_dims: int, device: torch.device | str) -> torch.memory_format:
    """The memory order in which convolutions are fastest, of images and weights on a device.

    In 2D on the CPU it is torch's usual one: with the channels last, the gradient of a strided 1x1 convolution of a few channels, such
    as the three of a photograph, writes outside of its memory (torch 2.13, oneDNN).
    """
    if spatial_dims == 3:
        return torch.channels_last_3d
    return torch.contiguous_format if torch.device(device).type == "cpu" else torch.channels_last


class TrainStep:
    """One optimizer step on one batch; ``engine.loss_function`` is the criterion. Losses are computed in float32.

    MONAI's own ``amp`` stays off: it knows CUDA only. A step whose loss or gradient is not finite is left out, the statistics of batch
    norm included, and counted in ``engine.state.skipped_steps``.

    Args:
        precision: of the network, under autocast unless float32.
        scaler: scales the loss, needed for float16.
        max_norm: longer gradients are shortened to it; None leaves them as they are, and unchecked.
        patience: so many steps in a row may be left out; one more ends the training.
        batch_statistics_share: of the training, in [0, 1]. Afterwards, but never in the first 100 steps, batch norm normalizes by its
            running statistics, which stay as they are, and no longer by those of the batch: the network learns to live with what it
            will be used with (Wu and Johnson, Rethinking "Batch" in BatchNorm, arXiv:2105.07576, 2021).

    Raises:
        ValueError: a share out of range.
    """

    def __init__(
        self,
        precision: torch.dtype = torch.float32,
        scaler: torch.amp.GradScaler | None = None,
        max_norm: float | None = None,
        patience: int = 0,
        batch_statistics_share: float = 1.0,
    ):
        if not 0 <= batch_statistics_share <= 1:
            raise ValueError(f"batch_statistics_share is {batch_statistics_share}: it must lie in [0, 1]")
        self.precision, self.max_norm, self.patience = precision, max_norm, patience
        self.batch_statistics_share = batch_statistics_share
        self.scaler = scaler or torch.amp.GradScaler(enabled=False)
        self._doubtful: list[list[str]] = []

    def __call__(self, engine: SupervisedTrainer, batchdata: dict[str, Any]) -> dict[str, Any]:
        """
        Returns:
            ``{"loss": scalar, "loss_parts": {name: scalar}}``, without gradient.

        Raises:
            FloatingPointError: too many steps in a row were not finite; the message names the cases of their batches.
        """
        images, targets = engine.prepare_batch(batchdata, engine.state.device, engine.non_blocking, **engine.to_kwargs)
        self._set_modes(engine)
        engine.optimizer.zero_grad(set_to_none=True)
        buffers = list(engine.network.buffers())
        before = [buffer.clone() for buffer in buffers]
        with _autocast(images.device, self.precision):
            output = engine.inferer(images, engine.network)
        engine.fire_event(IterationEvents.FORWARD_COMPLETED)
        parts = engine.loss_function(output, targets)
        loss = torch.stack(list(parts.values())).sum()
        engine.fire_event(IterationEvents.LOSS_COMPLETED)
        finite = _everywhere(torch.isfinite(loss)) and self._step(engine, loss)
        if not finite:
            for buffer, value in zip(buffers, before):
                buffer.copy_(value)
        self._count(engine, finite, batchdata["case_id"])
        engine.fire_event(IterationEvents.MODEL_COMPLETED)
        return {LOSS: loss.detach(), PARTS: {name: part.detach() for name, part in parts.items()}}

    def _set_modes(self, engine: SupervisedTrainer) -> None:
        engine.network.train()
        if self.batch_statistics_share < 1 and engine.state.iteration > self._batch_statistics_steps(engine):
            for module in engine.network.modules():
                if isinstance(module, _BatchNorm):
                    module.eval()

    def _batch_statistics_steps(self, engine: SupervisedTrainer) -> float:
        total = (engine.state.max_epochs or 0) * (engine.state.epoch_length or 0)
        return max(self.batch_statistics_share * total, _STEPS_TO_SETTLE)

    def _step(self, engine: SupervisedTrainer, loss: Tensor) -> bool:
        """Whether the gradient was finite, as far as it is checked."""
        self.scaler.scale(loss).backward()
        engine.fire_event(IterationEvents.BACKWARD_COMPLETED)
        finite = True
        if self.max_norm is not None:
            self.scaler.unscale_(engine.optimizer)
            norm = torch.nn.utils.clip_grad_norm_(engine.network.parameters(), self.max_norm)
            # A scaler leaves out steps by itself, and takes them as a sign to scale less.
            finite = self.scaler.is_enabled() or bool(torch.isfinite(norm))  # the same in all processes
        if finite:
            self.scaler.step(engine.optimizer)
            self.scaler.update()
        return finite

    def _count(self, engine: SupervisedTrainer, finite: bool, cases: list[str]) -> None:
        state: Any = engine.state
        state.skipped_steps = getattr(state, "skipped_steps", 0) + (not finite)
        self._doubtful = [] if finite else [*self._doubtful, cases]
        if len(self._doubtful) > self.patience:
            named = "; ".join(", ".join(map(str, batch)) for batch in self._doubtful)
            what = f"loss or gradient not finite in {len(self._doubtful)} steps in a row, up to iteration {state.iteration}"
            raise FloatingPointError(f"{what}. Cases of these batches: {named}. Lower the learning rate, or look at these cases.")


class EvaluateStep:
    """Detections of one batch of whole images, which stay in main memory: ``engine.inferer`` takes windows of them to the device.

    Args:
        precision: of the network, under autocast unless float32.
    """

    def __init__(self, precision: torch.dtype = torch.float32):
        self.precision = precision

    def __call__(self, engine: SupervisedEvaluator, batchdata: dict[str, Any]) -> dict[str, Any]:
        """
        Returns:
            ``{"detections": list of Detections, "targets": list of Target, "case_ids": list of str}``, one of each per image.
        """
        images, targets = engine.prepare_batch(batchdata, "cpu", engine.non_blocking, **engine.to_kwargs)
        with engine.mode(engine.network), _autocast(engine.state.device, self.precision):
            detections = engine.inferer(images, engine.network)
        engine.fire_event(IterationEvents.FORWARD_COMPLETED)
        engine.fire_event(IterationEvents.MODEL_COMPLETED)
        return {DETECTIONS: detections, TARGETS: targets, CASE_IDS: batchdata["case_id"]}


def _everywhere(finite: Tensor) -> bool:
    """Whether it is in all processes, which must leave out a step together."""
    if torch.distributed.is_initialized():
        finite = finite.to(torch.uint8)
        torch.distributed.all_reduce(finite, torch.distributed.ReduceOp.MIN)
    return bool(finite)


def _autocast(device: torch.device | None, precision: torch.dtype) -> torch.autocast:
    return torch.autocast((device or torch.device("cpu")).type, dtype=precision, enabled=precision != torch.float32)
