"""Batches of cases with different numbers of objects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from medtk_monai.errors import DataError


def collate_cases(items: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Stack images and list everything else, so that the numbers of objects may differ.

    Args:
        items: with ``image`` (C, *spatial) and ``target`` (a Target); ``case_id``, ``image_path`` and ``affine`` may be absent.

    Returns:
        ``image`` (B, C, *spatial), a plain tensor, since every operation on a MetaTensor costs time; and lists of length B: ``target``,
        ``case_id``, ``image_path``, ``affine``.

    Raises:
        DataError: the images have different sizes.
    """
    for item in items:
        if item["image"].shape != items[0]["image"].shape:
            what = f"image of shape {tuple(item['image'].shape)} in a batch with {tuple(items[0]['image'].shape)}"
            raise DataError(what, str(item.get("case_id", "")), "crop patches of one size, or set the batch size to 1")
    lists = {key: [item.get(key) for item in items] for key in ("target", "case_id", "image_path", "affine")}
    return {"image": torch.stack([item["image"].as_subclass(torch.Tensor) for item in items]), **lists}
