"""How alike two sets of angiograms are, in numbers: brightness, calibers, curvature, noise, and a classifier that tells patches apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.fft
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, label, maximum_filter, uniform_filter
from scipy.optimize import minimize
from scipy.spatial import KDTree
from scipy.stats import rankdata

BRIGHT, PIECE = 0.25, 80.0
"""A vessel is what is brighter than this share of the brightest blood, in pieces of at least so many mm3."""
PERCENTILES = (10, 25, 50, 75, 90)


def brightest_blood(image: NDArray) -> float:
    """Of a scan without background: the value that one voxel in a hundred of the others exceeds."""
    return float(np.percentile(image[image > 0], 99))


def vessel_mask(image: NDArray, spacing: NDArray) -> NDArray[np.bool_]:
    """The larger bright pieces of a scan without background.

    Args:
        image: (X, Y, Z), 0 where background was removed.
        spacing: (3,) mm.
    """
    pieces, _ = label(image > BRIGHT * brightest_blood(image), np.ones((3, 3, 3)))
    sizes = np.bincount(pieces.ravel()) * np.prod(spacing)
    sizes[0] = 0
    return (sizes > PIECE)[pieces]


def centers(mask: NDArray, spacing: NDArray) -> tuple[NDArray, NDArray]:
    """Points on the centerlines of vessels, (N, 3) mm, and their calibers, (N,) mm: where the distance to the wall is largest."""
    inside = distance_transform_edt(mask, sampling=spacing)
    peaks = np.argwhere(mask & (inside >= maximum_filter(inside, size=3) - 1e-6))
    return peaks * spacing, 2 * inside[tuple(peaks.T)]


def curvatures(points: NDArray, reach: float = 3.0) -> NDArray:
    """(N, 3) points on centerlines, mm -> (M,) curvatures, 1/mm: how directions of neighborhoods differ that lie ``reach`` apart.

    A neighborhood that does not look like a line, as at a bifurcation, has no direction.
    """
    tree = KDTree(points)
    near = tree.query_pairs(reach, output_type="ndarray")
    both = np.concatenate([near, near[:, ::-1], np.repeat(np.arange(len(points))[:, None], 2, axis=1)])
    values = points[both[:, 1]] - points[both[:, 0]]
    products = (values[:, :, None] * values[:, None]).reshape(-1, 9)
    terms = [None, *values.T, *products.T]
    moments = np.stack([np.bincount(both[:, 0], term, len(points)) for term in terms], axis=1)
    means = moments[:, 1:4] / moments[:, :1]
    spreads = (moments[:, 4:] / moments[:, :1]).reshape(-1, 3, 3) - means[:, :, None] * means[:, None]
    strengths, directions = np.linalg.eigh(spreads)
    lines = (moments[:, 0] >= 5) & (strengths[:, 1] < 0.25 * strengths[:, 2])
    pairs = tree.query_pairs(1.3 * reach, output_type="ndarray")
    gaps = np.linalg.norm(points[pairs[:, 0]] - points[pairs[:, 1]], axis=1)
    kept = pairs[(gaps > 0.8 * reach) & lines[pairs].all(axis=1)]
    cosines = np.abs((directions[kept[:, 0], :, 2] * directions[kept[:, 1], :, 2]).sum(axis=1))
    return np.arccos(np.clip(cosines, 0, 1)) / np.linalg.norm(points[kept[:, 0]] - points[kept[:, 1]], axis=1)


def noise_in_blood(image: NDArray, mask: NDArray, spacing: NDArray, lags: int = 4) -> NDArray:
    """(3, lags) root mean square differences between voxels 1, 2, ... apart along each axis, deep in wide vessels, relative to their mean."""
    deep = distance_transform_edt(mask, sampling=spacing) > 1.3
    values = image.astype(np.float64)
    mean = values[deep].mean()
    found = np.full((3, lags), np.nan)
    for axis in range(3):
        for lag in range(1, lags + 1):
            first, second = _shifted(deep, axis, lag)
            both = first & second
            low, high = _shifted(values, axis, lag)
            if both.sum() > 20:
                found[axis, lag - 1] = np.sqrt(np.mean((high[both] - low[both]) ** 2)) / mean
    return found


def radial_spectrum(patches: NDArray, bins: int = 8) -> NDArray:
    """(N, S, S, S) -> (bins,) mean logarithm of the power from low to high frequencies, relative to the lowest."""
    size = patches.shape[-1]
    window = np.hanning(size)
    windowed = patches * window[:, None, None] * window[:, None] * window
    power = np.mean(np.abs(np.fft.fftn(windowed, axes=(1, 2, 3))) ** 2, axis=0)
    grid = np.meshgrid(*[np.fft.fftfreq(size)] * 3, indexing="ij")
    radius = np.sqrt(sum(part**2 for part in grid))
    edges = np.linspace(0.5 / size, 0.5, bins + 1)
    levels = np.array([np.log10(power[(radius >= a) & (radius < b)].mean() + 1e-12) for a, b in zip(edges[:-1], edges[1:])])
    return levels - levels[0]


def patches_around(rng: Generator, image: NDArray, points: NDArray, size: int, count: int) -> NDArray[np.float32]:
    """(count, size, size, size) parts of an image around random ones of (N, 3) voxels, those at its border filled up with 0."""
    padded = np.pad(image, size // 2)
    chosen = points[rng.integers(len(points), size=count)] + rng.integers(-size // 6, size // 6 + 1, size=(count, 3))
    starts = np.clip(chosen, 0, np.array(image.shape) - 1)
    return np.stack([padded[x : x + size, y : y + size, z : z + size] for x, y, z in starts]).astype(np.float32)


def brightness_features(patches: NDArray) -> NDArray:
    """(N, S, S, S) -> (N, F): shares of zeros and percentiles of what is not zero."""
    flat = patches.reshape(len(patches), -1)
    rows = []
    for row in flat:
        shown = row[row > 0] if (row > 0).any() else np.zeros(1)
        rows.append([np.log((row > 0).mean() + 1e-4), *np.percentile(shown, [5, 25, 50, 75, 95, 99]), shown.std(), row.mean()])
    return np.array(rows)


def gradient_features(patches: NDArray) -> NDArray:
    """(N, S, S, S) -> (N, F): how steep and how rough patches are where they are not zero, along each axis."""
    rows = []
    for patch in patches:
        shown = patch > 0
        row = []
        for axis in range(3):
            low, high = _shifted(patch, axis, 1)
            first, second = _shifted(shown, axis, 1)
            steps = np.abs(high - low)[first & second] if (first & second).any() else np.zeros(1)
            edges = (np.maximum(low, high))[first ^ second] if (first ^ second).any() else np.zeros(1)
            row += [*np.percentile(steps, [25, 50, 90]), steps.mean(), *np.percentile(edges, [25, 50, 90])]
        rough = np.abs(patch - uniform_filter(patch, 3))[shown] if shown.any() else np.zeros(1)
        rows.append([*row, *np.percentile(rough, [50, 90])])
    return np.array(rows)


def filter_features(patches: NDArray, count: int = 12) -> NDArray:
    """(N, S, S, S) -> (N, 2 * count): means and spreads of what random filters of 5 x 5 x 5 voxels see; the filters are always the same."""
    rng = np.random.default_rng(0)
    filters = rng.standard_normal((count, 5, 5, 5)).astype(np.float32)
    filters -= filters.mean(axis=(1, 2, 3), keepdims=True)
    size = patches.shape[1:]
    spectra = scipy.fft.rfftn(filters, s=size, axes=(1, 2, 3))
    rows = []
    for patch in patches:
        seen = np.maximum(scipy.fft.irfftn(spectra * scipy.fft.rfftn(patch), s=size, axes=(1, 2, 3)), 0)
        rows.append([*seen.mean(axis=(1, 2, 3)), *seen.std(axis=(1, 2, 3))])
    return np.log(np.array(rows) + 1e-3)


def auroc(negative: NDArray, positive: NDArray) -> float:
    """Area under the ROC curve of scores."""
    ranks = rankdata(np.concatenate([negative, positive]))
    return float((ranks[len(negative) :].sum() - len(positive) * (len(positive) + 1) / 2) / (len(negative) * len(positive)))


def separability(training: Sequence[NDArray], testing: Sequence[NDArray], ridge: float = 1.0) -> float:
    """AUROC by which logistic regression on (N, F) features of two sets tells two other sets apart.

    Args:
        training: features of the first and of the second kind.
        testing: the same of other patches.
        ridge: weight of the squared coefficients.
    """
    features = np.concatenate(training)
    middle, spread = features.mean(axis=0), features.std(axis=0) + 1e-9
    design = [_with_squares((part - middle) / spread) for part in (*training, *testing)]
    rows = np.concatenate(design[:2])
    signs = np.repeat([-1.0, 1.0], [len(design[0]), len(design[1])])

    def loss(weights: NDArray) -> tuple[float, NDArray]:
        margins = signs * (rows @ weights[1:] + weights[0])
        slope = -signs / (1 + np.exp(np.clip(margins, -30, 30)))
        gradient = np.concatenate([[slope.sum()], rows.T @ slope + ridge * weights[1:]])
        return float(np.logaddexp(0, -margins).sum() + 0.5 * ridge * (weights[1:] ** 2).sum()), gradient

    weights = minimize(loss, np.zeros(rows.shape[1] + 1), jac=True, method="L-BFGS-B", options={"maxiter": 300}).x
    first, second = (part @ weights[1:] for part in design[2:])
    return auroc(first, second)


def _with_squares(rows: NDArray) -> NDArray:
    rows = np.clip(rows, -5, 5)
    return np.concatenate([rows, 0.5 * rows**2], axis=1)


def _shifted(values: NDArray, axis: int, lag: int) -> tuple[NDArray, NDArray]:
    size = values.shape[axis]
    return np.take(values, range(size - lag), axis=axis), np.take(values, range(lag, size), axis=axis)
