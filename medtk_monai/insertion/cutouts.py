"""Objects cut from scans and put down in others, with soft edges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.ndimage import affine_transform, distance_transform_edt, find_objects

from medtk_monai.insertion.lesions import Tissue
from medtk_monai.insertion.scans import Scan
from medtk_monai.insertion.scene import Insert, Scene

_MARGIN_MM = 3.0
_TRIES = 100


@dataclass(frozen=True)
class Cutout:
    """An object as it looked in its scan.

    Args:
        height: (*size) float32, of the object and what is around it above the level around, in deviations of its scan's foreground.
        mask: (*size) bool.
        spacing: (D,) mm.
        source: case id.
        label: its class.
    """

    height: NDArray[np.float32]
    mask: NDArray[np.bool_]
    spacing: NDArray[np.float64]
    source: str
    label: int = 0


@dataclass(frozen=True)
class PasteRanges:
    """How pasted objects are changed.

    Args:
        scale: largest factor of their size, as likely made smaller.
        contrast: least and largest factor of their height above what is around.
        edge_mm: width over which they fade into what is around.
    """

    scale: float = 1.4
    contrast: tuple[float, float] = (0.8, 1.2)
    edge_mm: float = 2.0


def cut_objects(scan: Scan, deviation: float) -> list[Cutout]:
    """The objects of a scan; those that are ignored, and those that its border cuts, are left out.

    Args:
        deviation: of the foreground's values.
    """
    scene = scan.scene
    margin = np.maximum(np.ceil(_MARGIN_MM / scene.spacing), 1).astype(int)
    cutouts = []
    for number, where in enumerate(find_objects(scene.label_map), 1):
        if where is None or scan.ignored[number - 1]:
            continue
        start = np.array([piece.start for piece in where]) - margin
        stop = np.array([piece.stop for piece in where]) + margin
        if (start < 0).any() or (stop > scene.image.shape).any():
            continue
        part = tuple(map(slice, start, stop))
        mask = scene.label_map[part] == number
        ring = scene.label_map[part] == 0
        level = float(np.median(scene.image[part][ring])) if ring.any() else 0.0
        height = (scene.image[part] - level) / max(deviation, 1e-6)
        cutouts.append(Cutout(height.astype(np.float32), mask, scene.spacing, scan.case_id, scan.labels[number - 1]))
    return cutouts


def draw_paste(random: Generator, scene: Scene, tissue: Tissue, cutouts: Sequence[Cutout], ranges: PasteRanges) -> Insert | None:
    """A cut-out, turned and scaled at random, in tissue that has room for it; None where none of many tries found a place."""
    cutout = cutouts[int(random.integers(len(cutouts)))]
    height, mask = _turned(random, cutout, scene.spacing, ranges)
    if not mask.any():
        return None
    fade = np.clip(1 - distance_transform_edt(~mask, sampling=scene.spacing) / max(ranges.edge_mm, 1e-6), 0, 1)
    fade = fade * fade * (3 - 2 * fade)
    contrast = random.uniform(*ranges.contrast)
    shape = np.array(mask.shape)
    for _ in range(_TRIES):
        start = tissue.places[int(random.integers(len(tissue.places)))] - shape // 2
        if (start < 0).any() or (start + shape > scene.image.shape).any():
            continue
        part = tuple(slice(int(first), int(first + length)) for first, length in zip(start, shape))
        inside = scene.foreground[part]
        if not inside[mask].all():
            continue
        old = scene.image[part]
        level = float(np.median(old[inside & ~mask])) if (inside & ~mask).any() else float(np.median(old[inside]))
        values = old + fade * (level + contrast * height * tissue.deviation - old)
        facts = {"kind": "paste", "source": cutout.source, "contrast": round(contrast, 2), "label": cutout.label}
        insert = Insert(tuple(int(first) for first in start), values.astype(np.float32), mask, facts)
        if scene.is_free(insert, 2.0):
            return insert
    return None


def _turned(random: Generator, cutout: Cutout, spacing: NDArray, ranges: PasteRanges) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Height and mask on a grid of the scene's spacing, rotated freely, mirrored at random and scaled."""
    dims = len(spacing)
    frame = np.linalg.qr(random.normal(size=(dims, dims)))[0]
    factor = float(np.exp(random.uniform(-1, 1) * np.log(ranges.scale)))
    size = np.array(cutout.mask.shape)
    reach = np.abs(frame) @ (size * cutout.spacing) * factor / spacing
    shape = np.maximum(np.ceil(reach), 1).astype(int)
    matrix = (frame.T * spacing) / factor / cutout.spacing[:, None]
    offset = (size - 1) / 2 - matrix @ ((shape - 1) / 2)
    output = tuple(shape.tolist())
    height = affine_transform(cutout.height, matrix, offset, output, order=1, mode="nearest")
    mask = affine_transform(cutout.mask.astype(np.float32), matrix, offset, output, order=1) > 0.5
    return height, mask
