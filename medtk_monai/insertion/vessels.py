"""Bright vessels in a scan: their lumen, calibers and directions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_propagation, distance_transform_edt, gaussian_filter, label, maximum_filter

from medtk_monai.errors import DataError
from medtk_monai.insertion.scene import Scene, part_around

_TISSUE_MM = 4.0
"""Width over which the brightness of the tissue around vessels is taken."""
_SEED, _GROW = 0.5, 0.3
"""Shares of the brightest vessels' height above the tissue, at which a vessel is sure, and as far as which it goes on."""
_CLEAR = 5.0
"""Deviations of what lies above the tissue, from which on the brightest are vessels and not noise."""
_LEAST_MM3 = 60.0
_LARGEST_MM = 4.0
"""Radius of the largest vessel; what is thicker is bone, fat, or a sinus."""
_LONG = 3.0
"""How many times longer than wide a vessel is."""


@dataclass(frozen=True)
class Vessels:
    """The vessels of a scan.

    Args:
        lumen: (X, Y, Z) bool.
        centers: (N, 3) voxels along the middle of vessels.
        radii: (N,) mm, of the vessels there.
        noise: standard deviation of the values in the middle of vessels.
    """

    lumen: NDArray[np.bool_]
    centers: NDArray[np.int64]
    radii: NDArray[np.float64]
    noise: float


def find_vessels(scene: Scene, case: str = "", least_radius_mm: float = 0.5) -> Vessels:
    """The vessels that stand out brightly from what is around them, as in TOF-MRA, or in CTA away from bone.

    Args:
        case: id, for the message.
        least_radius_mm: of vessels that are wanted.

    Raises:
        DataError: there are none.
    """
    height = _height_above_tissue(scene)
    shown = height[height > 0]
    top = float(np.percentile(shown, 90 if scene.is_cut_out else 99.5)) if shown.size else np.inf
    if not scene.is_cut_out and top < _CLEAR * 1.4826 * float(np.median(shown if shown.size else 0)):
        top = np.inf
    sure = height > _SEED * top
    bright = binary_propagation(sure, mask=height > _GROW * top)
    depth = distance_transform_edt(bright, sampling=scene.spacing).astype(np.float32)
    lumen = _tubes(bright, depth, scene.spacing)
    middle = lumen & (depth >= least_radius_mm) & (depth <= _LARGEST_MM)
    middle &= depth >= maximum_filter(depth, 3)
    centers = np.argwhere(middle)
    if not len(centers):
        what = f"no bright vessels with a radius of {least_radius_mm:g} mm were found"
        raise DataError(what, case, "give angiograms, TOF-MRA or CTA; or --kind lesion, which needs no vessels")
    return Vessels(lumen, centers, depth[middle].astype(np.float64), _noise(scene.image, depth))


def vessel_axis(vessels: Vessels, center: NDArray, radius: float, spacing: NDArray) -> NDArray[np.float64]:
    """The unit direction (3,), mm, that a vessel takes at a place: the longest axis of its lumen nearby."""
    part = part_around(center, 2 * radius + 1.5, spacing, vessels.lumen.shape)
    if part is None:
        part = tuple(slice(0, length) for length in vessels.lumen.shape)
    names, _ = label(vessels.lumen[part])
    here = np.array(center) - [piece.start for piece in part]
    places = np.argwhere(names == names[tuple(here)]) * spacing
    return np.linalg.eigh(np.cov(places.T) + 1e-9 * np.eye(3))[1][:, -1]


def _height_above_tissue(scene: Scene) -> NDArray[np.float32]:
    """How far each voxel lies above the tissue around it; vessels themselves count little there."""
    inside = scene.foreground
    if scene.is_cut_out:
        return np.where(inside, scene.image - scene.lowest, 0).astype(np.float32)
    cap = float(np.percentile(scene.image[inside], 80))
    sigma = _TISSUE_MM / scene.spacing
    weights = gaussian_filter(inside.astype(np.float32), sigma)
    tissue = gaussian_filter(np.where(inside, np.minimum(scene.image, cap), 0), sigma) / np.maximum(weights, 0.05)
    return np.where(inside, scene.image - tissue, 0).astype(np.float32)


def _tubes(mask: NDArray[np.bool_], depth: NDArray[np.float32], spacing: NDArray) -> NDArray[np.bool_]:
    """The components that are large enough, and longer than wide; ``depth`` is the distance to their surface, mm."""
    names, count = label(mask, np.ones((3, 3, 3)))
    if not count:
        return mask
    volumes = np.bincount(names.ravel()) * float(spacing.prod())
    depths = np.zeros(count + 1)
    np.maximum.at(depths, names[mask], depth[mask])
    kept = (volumes > _LEAST_MM3) & (volumes > _LONG * (2 * depths) ** 3 * np.pi / 4)
    kept[0] = False
    return kept[names]


def _noise(image: NDArray[np.float32], depth: NDArray[np.float32]) -> float:
    """From second differences along the first axis, which brightness that rises evenly leaves at 0, deep inside vessels."""
    deep = depth > np.percentile(depth[depth > 0], 75)
    deep[[0, -1]] = False
    at = np.flatnonzero(deep.ravel())
    flat, step = image.ravel(), int(np.prod(image.shape[1:]))
    rough = flat[at] - (flat[at - step] + flat[at + step]) / 2
    return 1.4826 * float(np.median(np.abs(rough - np.median(rough)))) / 1.5**0.5 if len(at) > 20 else 0.0
