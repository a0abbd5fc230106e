import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from scipy.ndimage import correlate1d, distance_transform_edt, gaussian_filter, label, maximum_filter

from medtk_monai.data.phantom import make_phantom_case, write_phantom_dataset
from medtk_monai.errors import DataError

REAL_SCAN = Path(__file__).parents[2].parent / "shared/data/angiography/tof_mra.nii.gz"
SIGMAS_MM = np.array([1.0, 1.35, 1.8, 2.5, 3.5, 5.0]) / np.sqrt(3)
"""A ball of radius r excites the normalized Laplacian of Gaussian most at r / sqrt(3)."""


@pytest.fixture(scope="module")
def cases():
    return [make_phantom_case(seed=11, index=index) for index in range(15)]


def spacing_of(case):
    return np.linalg.norm(case.affine[:3, :3], axis=0)


def mask_box(mask):
    """(2D,) lower and upper corner, voxels, half open."""
    voxels = np.argwhere(mask)
    return np.concatenate([voxels.min(axis=0), voxels.max(axis=0) + 1])


def blob_response(image, spacing, sigma):
    """Scale-normalized Laplacian of Gaussian, positive on bright blobs."""
    smooth = gaussian_filter(image.astype(np.float32), sigma / spacing, mode="nearest")
    return -(sigma**2) * sum(correlate1d(smooth, [1 / h**2, -2 / h**2, 1 / h**2], axis) for axis, h in enumerate(spacing))


def find_blobs(image, spacing, limit=60):
    """Centers (N, 3) in voxels, radii (N,) in mm and scores (N,) of the brightest blobs, best first."""
    stack = np.stack([blob_response(image, spacing, sigma) for sigma in SIGMAS_MM])
    best = stack.max(axis=0)
    peaks = np.argwhere((best == maximum_filter(best, size=3)) & (best > 0))
    peaks = peaks[np.argsort(-best[tuple(peaks.T)])][: 5 * limit]
    radii = SIGMAS_MM[stack[(slice(None), *peaks.T)].argmax(axis=0)] * np.sqrt(3)
    kept = []
    for i, peak in enumerate(peaks):
        if all(np.linalg.norm((peak - peaks[j]) * spacing) > max(radii[i], radii[j]) for j in kept) and len(kept) < limit:
            kept.append(i)
    return peaks[kept] + 0.5, radii[kept], best[tuple(peaks[kept].T)]


def box_iou(first, second):
    dims = len(first) // 2
    overlap = np.minimum(first[dims:], second[dims:]) - np.maximum(first[:dims], second[:dims])
    common = overlap.clip(min=0).prod()
    return common / ((first[dims:] - first[:dims]).prod() + (second[dims:] - second[:dims]).prod() - common)


def hits(center, radius, spacing, box):
    dims = len(center)
    blob = np.concatenate([center - radius / spacing, center + radius / spacing])
    return ((center >= box[:dims]) & (center <= box[dims:])).all() or box_iou(blob, box) >= 0.1


def blob_sensitivity(scans, false_positives_per_case):
    """Share of objects that blobs hit, at the score that allows so many blobs per case beside objects.

    scans: (image, label_map, spacing) triples.
    """
    found, false, total = [], [], 0
    for image, label_map, spacing in scans:
        boxes = [mask_box(label_map == number) for number in range(1, label_map.max() + 1)]
        total += len(boxes)
        blobs = list(zip(*find_blobs(image, spacing)))
        hit = np.array([[hits(center, radius, spacing, box) for box in boxes] for center, radius, _ in blobs], dtype=bool)
        scores = np.array([score for *_, score in blobs])
        found += [scores[column].max() for column in hit.T if column.any()]
        false += scores[~hit.any(axis=1)].tolist()
    allowed = int(false_positives_per_case * len(scans))
    threshold = sorted(false, reverse=True)[allowed] if len(false) > allowed else 0.0
    return np.mean(np.array(found) > threshold) * len(found) / total


def scan_of(case):
    return case.image, case.label_map, spacing_of(case)
