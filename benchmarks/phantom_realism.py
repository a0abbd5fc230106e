"""How alike phantoms and a real time-of-flight angiogram are: python -m benchmarks.phantom_realism [--scan FILE] [--out FILE].

The real scan is a slab whose background was removed, so phantoms are made with theirs removed too, in its voxels. What is left of such a
scan are vessels: their brightness, calibers, curvature, the noise in their blood, and the power spectrum of patches around them are
compared. Classifiers that have seen patches of one half of the real head and of some phantoms tell the others apart: an AUROC of 0.5
means that they cannot, 1 that they always can. Tissue that the scan does not hold is not compared with anything.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import process_time

import fire
import nibabel as nib
import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.timing import report
from medtk_monai.phantom import make_head_case, make_phantom_case
from medtk_monai.phantom import realism as measures

SCAN = Path(__file__).parents[2] / "shared/data/angiography/tof_mra.nii.gz"
SIZE = 32
FEATURES: dict[str, Callable[[NDArray], NDArray]] = {
    "brightness": measures.brightness_features,
    "gradients": measures.gradient_features,
    "random filters": measures.filter_features,
}


def main(
    out: str | None = None,
    repeats: int = 1,
    scan: str = str(SCAN),
    cases: int = 8,
    patches: int = 400,
    shape: tuple[int, int, int] = (200, 256, 120),
    network_steps: int = 150,
) -> None:
    """Compare phantoms with a scan.

    Args:
        out: JSON file for the rows.
        repeats: times that everything is done, with other phantoms.
        scan: the real one, without background; where it is absent, other phantoms stand in for it.
        cases: phantoms of each kind.
        patches: of 32 x 32 x 32 voxels, of each kind.
        shape: voxels of a phantom.
        network_steps: of a small network that tells patches apart; 0 for none.
    """
    rows = []
    real, spacing = _read(scan, shape)
    for seed in range(repeats):
        makers = {"head": partial(_head, seed, shape=shape, spacing=spacing), "vessels": partial(_tree, seed)}
        for kind, make in makers.items():
            started = process_time()
            made = [make(index) for index in range(cases)]
            rows.append({"kind": kind, "figure": "CPU seconds per case", "phantom": round((process_time() - started) / cases, 2)})
            rows += _figures(kind, real, made, spacing)
            rows += _separability(kind, real, made, spacing, patches, network_steps)
    report(rows, torch.device("cpu"), out)


def _read(scan: str, shape: tuple[int, ...]) -> tuple[NDArray, NDArray]:
    if not Path(scan).exists():
        print(f"no scan {scan}: a phantom of another seed stands in for it, and what follows says nothing about realism", file=sys.stderr)
        spacing = np.array([0.52, 0.52, 0.65])
        return _head(1000, 0, shape, spacing), spacing
    image = nib.load(scan)
    return np.asarray(image.dataobj).astype(np.float32), np.linalg.norm(image.affine[:3, :3], axis=0)


def _head(seed: int, index: int, shape: tuple[int, ...], spacing: NDArray) -> NDArray:
    voxels = (float(spacing[0]), float(spacing[2]))
    case = make_head_case(seed, index, False, shape, "tof", "vessels", spacing=voxels)
    return (case.image[::-1, ::-1] if case.affine[0, 0] < 0 else case.image).astype(np.float32)


def _tree(seed: int, index: int) -> NDArray:
    """A phantom of vessel trees, which has a background: all below three fifths of its blood is set to zero, as a threshold would."""
    case = make_phantom_case(seed, index, diseased=False)
    blood = np.percentile(case.image[case.lumen], 75)
    return np.maximum(case.image - 0.5 * blood, 0).astype(np.float32) * (case.image > 0.6 * blood)


def _figures(kind: str, real: NDArray, made: list[NDArray], spacing: NDArray) -> list[dict]:
    """Every measure of the scan, with mean and standard deviation of the phantoms'."""
    wanted, found = _measure(real, spacing), [_measure(image, spacing) for image in made]
    rows = []
    for name, value in wanted.items():
        values = [one[name] for one in found]
        mean, spread = np.nanmean(values), np.nanstd(values)
        rows.append(
            {"kind": kind, "figure": name, "real": round(value, 3), "phantom": round(float(mean), 3), "spread": round(float(spread), 3)}
        )
    return rows


def _measure(image: NDArray, spacing: NDArray) -> dict[str, float]:
    mask = measures.vessel_mask(image, spacing)
    points, calibers = measures.centers(mask, spacing)
    bends = measures.curvatures(points)
    shown, blood = image[image > 0], measures.brightest_blood(image)
    noise = measures.noise_in_blood(image, mask, spacing)
    figures = {"share above 0, %": 100 * (image > 0).mean(), "share in vessels, %": 100 * mask.mean()}
    for percent in measures.PERCENTILES:
        figures[f"value above 0, percentile {percent}, of brightest"] = np.percentile(shown, percent) / blood
        figures[f"value in vessels, percentile {percent}, of brightest"] = np.percentile(image[mask], percent) / blood
        figures[f"caliber, percentile {percent}, mm"] = np.percentile(calibers, percent)
        figures[f"curvature, percentile {percent}, 1/mm"] = np.percentile(bends, percent) if len(bends) else np.nan
    for axis, name in enumerate("xyz"):
        figures |= {f"difference in blood, {lag} apart along {name}": noise[axis, lag - 1] for lag in (1, 2, 4)}
    return {name: float(value) for name, value in figures.items()}


def _separability(kind: str, real: NDArray, made: list[NDArray], spacing: NDArray, patches: int, steps: int) -> list[dict]:
    """AUROC of classifiers trained on one half of the head and half of the phantoms, for the others, and the same the other way round."""
    sides = [_patches(real, spacing, side, patches // 2) for side in (0, 1)]
    halves = [made[::2], made[1::2] or made]
    each = [max(patches // (2 * len(half)), 1) for half in halves]
    others = [np.concatenate([_patches(image, spacing, n % 2, count) for n, image in enumerate(half)]) for half, count in zip(halves, each)]
    spectra = [measures.radial_spectrum(np.concatenate(part)) for part in (sides, others)]
    rows = [
        {"kind": kind, "figure": f"log10 power, band {band}", "real": round(float(a), 2), "phantom": round(float(b), 2)}
        for band, (a, b) in enumerate(zip(*spectra))
        if band
    ]
    for name, describe in FEATURES.items():
        a, b = [describe(part) for part in others], [describe(part) for part in sides]
        found = [measures.separability((a[s], b[s]), (a[1 - s], b[1 - s]), ridge=10.0) for s in (0, 1)]
        rows.append({"kind": kind, "figure": f"AUROC, {name}", "phantom": round(float(np.mean(found)), 3)})
    if steps:
        found = [_network_auroc(others[s], sides[s], others[1 - s], sides[1 - s], steps) for s in (0, 1)]
        rows.append({"kind": kind, "figure": "AUROC, small network", "phantom": round(float(np.mean(found)), 3)})
    return rows


def _patches(image: NDArray, spacing: NDArray, side: int, count: int) -> NDArray:
    """Patches around vessels of one side of the head, those of the other mirrored onto it."""
    voxels = np.argwhere(measures.vessel_mask(image, spacing))
    middle = image.shape[0] // 2
    chosen = voxels[(voxels[:, 0] > middle + 4) if side else (voxels[:, 0] < middle - 4)]
    chosen = chosen if len(chosen) else np.array([[middle, image.shape[1] // 2, image.shape[2] // 2]])
    found = measures.patches_around(np.random.default_rng(side), image / measures.brightest_blood(image), chosen, SIZE, count)
    return found[:, ::-1] if side else found


def _network_auroc(first: NDArray, second: NDArray, other_first: NDArray, other_second: NDArray, steps: int) -> float:
    """AUROC by which a small convolutional network, trained on the first two sets, tells the other two apart."""
    torch.manual_seed(0)
    layers: list[torch.nn.Module] = []
    for inputs, width in ((1, 8), (8, 16), (16, 32)):
        layers += [torch.nn.Conv3d(inputs, width, 3, stride=2, padding=1), torch.nn.BatchNorm3d(width), torch.nn.ReLU()]
    network = torch.nn.Sequential(*layers, torch.nn.AdaptiveAvgPool3d(1), torch.nn.Flatten(), torch.nn.Dropout(0.3), torch.nn.Linear(32, 1))
    images = torch.from_numpy(np.concatenate([first, second]))[:, None]
    truth = torch.repeat_interleave(torch.tensor([0.0, 1.0]), torch.tensor([len(first), len(second)]))
    optimizer = torch.optim.AdamW(network.parameters(), 2e-3, weight_decay=1e-2)
    for _ in range(steps):
        chosen = torch.randint(len(images), (32,))
        flips = [axis for axis in (2, 3, 4) if torch.rand(()) < 0.5]
        logits = network(images[chosen].flip(flips))[:, 0]
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, truth[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    network.eval()
    with torch.no_grad():
        scores = [network(torch.from_numpy(np.ascontiguousarray(part))[:, None])[:, 0].numpy() for part in (other_first, other_second)]
    return measures.auroc(*scores)


if __name__ == "__main__":
    fire.Fire(main)
