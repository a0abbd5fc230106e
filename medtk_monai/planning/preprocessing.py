"""Transforms that bring images to one orientation, spacing and range of intensities."""

from __future__ import annotations

from typing import Any

from medtk_monai.planning.facts import DataFacts
from medtk_monai.planning.geometry import Grid

_AIR = 0.9
"""Share of the foreground below which background is taken for air, and left out of the statistics."""


def preprocessing(facts: DataFacts, grid: Grid) -> list[dict[str, Any]]:
    """The transforms of ``preprocessing`` in a bundle."""
    load = {
        "_target_": "medtk_monai.transforms.LoadCased",
        "spatial_dims": "@spatial_dims",
        "num_channels": "@in_channels",
        "num_classes": "@num_classes",
        "label_map_kind": "@label_map_kind",
        "min_volume_mm3": "@min_volume_mm3",
        "max_volume_mm3": "@max_volume_mm3",
    }
    turn = {"_target_": "Orientationd", "keys": "image", "axcodes": "RAS", "labels": None}
    resample = {"_target_": "Spacingd", "keys": "image", "pixdim": list(grid.spacing), "mode": "bilinear", "padding_mode": "border"}
    last = [{"_target_": "medtk_monai.transforms.WorldToVoxelBoxesd"}, {"_target_": "medtk_monai.transforms.ToPlainTensord"}]
    turned = [turn] if facts.dims == 3 and set(facts.orientations) != {"RAS"} else []
    return [load, *turned, *([resample] if grid.resample else []), *_intensities(facts), *last]


def _intensities(facts: DataFacts) -> list[dict[str, Any]]:
    """CT: clipped to the range of the foreground, as Hounsfield units mean the same in every scan; else each image by itself."""
    if facts.unit != "HU":
        nonzero = facts.foreground < _AIR and facts.dims == 3
        return [{"_target_": "medtk_monai.transforms.StandardizeIntensityd", "nonzero": nonzero}]
    low, high = facts.intensity["0"], facts.intensity["100"]
    scale = {"_target_": "ScaleIntensityRanged", "keys": "image", "a_min": low, "a_max": high, "b_min": -1.0, "b_max": 1.0, "clip": True}
    return [scale]
