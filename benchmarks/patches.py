"""Patches of 96^3 from volumes of 256^3 against MONAI's dictionary transforms: python -m benchmarks.patches [--device cuda] [--out FILE].

Both crop around boxes (MONAI's route through points fails where a patch shows none), rotate, scale, flip and change intensities; ours also
"""

from __future__ import annotations

import resource
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import fire
import nibabel
import numpy as np
import torch
from monai.apps.detection.transforms.dictionary import RandCropBoxByPosNegLabeld
from monai.data import MetaTensor
from monai.transforms import (
    ApplyTransformToPointsd,
    Compose,
    ConvertBoxToPointsd,
    ConvertPointsToBoxesd,
    RandAdjustContrastd,
    RandAffined,
    RandFlipd,
    RandGaussianNoised,
    RandGaussianSmoothd,
    RandScaleIntensityd,
)

from benchmarks.timing import report, time_in_turns
from medtk_monai.data import CacheBudget, CachedCudaDataset, PatchLoader, Workers
from medtk_monai.structures import Target
from medtk_monai.transforms import Blur, Contrast, Gamma, LoadCased, Noise, PatchSampling, RandWarpBoxesd, ToPlainTensord, WarpRanges
from medtk_monai.transforms import WorldToVoxelBoxesd as ToVoxels

CASES, BOXES = 4, 8


def make_boxes(seed: int, side: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    lower = 0.1 * side + torch.rand(BOXES, 3, generator=generator) * 0.8 * side
    return torch.cat([lower, lower + 0.04 * side], dim=1).round()


def monai_pipeline(patch: int) -> Callable[[dict[str, Any]], Any]:
    crop = RandCropBoxByPosNegLabeld("image", "box", "label", spatial_size=[patch] * 3, whole_box=False, pos=1, neg=0)
    after = Compose([
        ConvertBoxToPointsd("box"),
        RandAffined("image", prob=1, rotate_range=[0.26] * 3, scale_range=[0.2] * 3, padding_mode="reflection", mode="bilinear"),
        *(RandFlipd("image", prob=0.5, spatial_axis=axis) for axis in range(3)),
        ApplyTransformToPointsd("points", refer_keys="image", affine_lps_to_ras=False),
        ConvertPointsToBoxesd("points"),
        RandGaussianNoised("image", prob=0.2, std=0.1),
        RandGaussianSmoothd("image", prob=0.1),
        RandScaleIntensityd("image", prob=0.5, factors=0.2),
        RandAdjustContrastd("image", prob=0.2, gamma=(0.7, 1.5)),
    ])  # fmt: skip
    return lambda item: after(crop(item))


def our_loader(dataset: Any, patch: int, workers: Workers) -> PatchLoader:
    ranges = WarpRanges(rotation=15, scale=1.2, flip_prob=0.5, elastic=4.0, elastic_spacing=24.0)
    patches = RandWarpBoxesd(PatchSampling(patch, 1.0), ranges)
    return PatchLoader(dataset, patches, [Noise(), Blur(), Contrast(), Gamma()], batch_size=2, samples_per_case=2, workers=workers)


def time_patches(place: torch.device, side: int, patch: int, repeats: int) -> dict[str, Any]:
    generator = torch.Generator().manual_seed(0)
    volumes = [torch.randn(1, side, side, side, generator=generator) for _ in range(CASES)]
    flags = torch.zeros(BOXES, dtype=torch.int64)
    items = [{"image": v.to(place), "target": Target(make_boxes(i, side), flags, flags.bool())} for i, v in enumerate(volumes)]
    peer_items = [
        {"image": MetaTensor(volume, affine=torch.eye(4)), "box": make_boxes(i, side), "label": flags} for i, volume in enumerate(volumes)
    ]
    peer, loader = monai_pipeline(patch), our_loader(items, patch, Workers(place, 0))
    seconds = time_in_turns(
        {"ours": lambda: list(loader), "monai": lambda: [peer(item) for item in peer_items for _ in range(2)]}, place, repeats, 120
    )
    count = 2 * CASES
    return {
        "what": f"patches of {patch}^3",
        "ours_per_s": count / seconds["ours"],
        "monai_per_s": count / seconds["monai"],
        "times_faster": seconds["monai"] / seconds["ours"],
    }


def time_cache(side: int) -> dict[str, Any]:
    """A first start, which loads files, and a second one, which finds what the first left."""
    with tempfile.TemporaryDirectory() as folder:
        cases, noise = [], np.random.default_rng(0)
        for number in range(CASES):
            path = Path(folder) / f"{number}.nii.gz"
            nibabel.save(nibabel.Nifti1Image(noise.normal(100, 20, (side,) * 3).astype(np.int16), np.eye(4)), path)
            cases.append({"image": str(path), "case_id": str(number), "boxes": [[side / 2] * 3 + [5.0] * 3], "labels": [0], "space": "RAS"})
        transform = Compose([LoadCased(), ToVoxels(), ToPlainTensord()])
        seconds = []
        for _ in range(2):
            start = perf_counter()
            dataset = CachedCudaDataset(cases, transform, budget=CacheBudget(host_gb=0.0, folder=f"{folder}/cache"), progress=False)
            assert len(dataset) == CASES
            seconds.append(perf_counter() - start)
    return {
        "what": f"starts with {CASES} cases of {side}^3",
        "first_s": seconds[0],
        "second_s": seconds[1],
        "times_faster": seconds[0] / seconds[1],
    }


def main(device: str = "cpu", out: str | None = None, repeats: int = 5, side: int = 256, patch: int = 96) -> None:
    """Prints patches per second of both, and the seconds of a first and a second start from the cache."""
    place = torch.device(device)
    rows = [time_patches(place, side, patch, repeats), time_cache(side)]
    rows.append({"what": "memory", "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9})
    report(rows, place, out)


if __name__ == "__main__":
    fire.Fire(main)
