"""What a scan is like before anything is done to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import nibabel
import numpy as np
from monai.data import MetaTensor

from medtk_monai.box_ops import spatial_affine
from medtk_monai.transforms.extremes import find_extremes, tell_extremes
from medtk_monai.transforms.sampling import evenly_sampled

PERCENTILES = (0.5, 50.0, 99.5)


def scan_facts(image: MetaTensor) -> dict[str, Any]:
    """Spacing (mm), size (voxels) and intensity percentiles (0.5, 50, 99.5) of an image (C, *spatial), as JSON knows them.

    Where few voxels lie far outside of all others, ``extremes`` are told too.
    Spacing and size of a volume are given along the world's axes (right, anterior, superior), whatever the order of its own.
    Intensities are those of the first channel, see ``evenly_sampled``.
    """
    spacing, size = grid_facts(spatial_affine(image.affine, image.ndim - 1).numpy(), image.shape[1:])
    voxels = image.as_tensor()[0].numpy()
    values = np.percentile(evenly_sampled(voxels), PERCENTILES)
    extremes = find_extremes(voxels, values.tolist())
    facts = {
        "spacing": spacing,
        "size": size,
        "intensity": [float(f"{value:.6g}") for value in values],
    }
    return facts | ({"extremes": extremes} if extremes else {})


def what_is_odd(facts: Mapping[str, Any]) -> list[str]:
    """What about a scan cannot be right, or is not sure, whatever other scans are like: clauses that begin with a verb or a number."""
    told = [str(clause) for clause in facts.get("assumed", ())]
    return told + ([tell_extremes(facts["extremes"], facts["intensity"])] if facts.get("extremes") else [])


def grid_facts(affine: np.ndarray, size: Sequence[int]) -> tuple[list[float], list[int]]:
    """Spacing (mm) and size (voxels) of a grid (D + 1, D + 1); of a volume along the world's axes."""
    spacing, lengths = np.linalg.norm(affine[:-1, :-1], axis=0), np.array(size)
    if len(lengths) == 3:
        order = nibabel.orientations.io_orientation(affine)[:, 0]  # type: ignore[attr-defined]
        spacing, lengths = (values[np.argsort(order)] for values in (spacing, lengths))
    return [round(float(value), 5) for value in spacing], [int(value) for value in lengths]
