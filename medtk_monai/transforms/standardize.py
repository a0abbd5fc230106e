"""Intensities of a whole image in units of their own spread."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from monai.transforms import Transform
from torch import Tensor


class StandardizeIntensityd(Transform):
    """Subtracts from each channel of ``image`` its mean, and divides by its standard deviation where that is not 0.

    The values are those of MONAI's ``NormalizeIntensityd(channel_wise=True)`` to the last bit. They take the place of the image's own, so
    that a volume needs no memory besides itself; MONAI makes two more copies of it.

    Args:
        nonzero: voxels of value 0 are left out of mean and deviation, and stay 0.
    """

    def __init__(self, nonzero: bool = False):
        self.nonzero = nonzero

    def __call__(self, data: Mapping[str, Any]) -> dict[str, Any]:
        for channel in data["image"].as_subclass(Tensor):
            _standardize(channel, self.nonzero)
        return dict(data)


def _standardize(channel: Tensor, nonzero: bool) -> None:
    """In place."""
    chosen = channel != 0 if nonzero else None
    values = channel if chosen is None else channel[chosen]
    if not values.numel():
        return
    mean, deviation = values.mean().item(), values.std(unbiased=False).item()
    values.sub_(mean).div_(deviation or 1.0)
    if chosen is not None:
        channel[chosen] = values
