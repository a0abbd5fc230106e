"""Datalists, seeded datasets and batches."""

from medtk_monai.data.cached_cuda_dataset import CacheBudget, CachedCudaDataset
from medtk_monai.data.collate import collate_cases
from medtk_monai.data.datalist import load_datalist
from medtk_monai.data.datasets import EpochSampler, SeededDataset
from medtk_monai.data.locate import locate_datalist
from medtk_monai.data.patch_loader import PatchLoader, Workers

__all__ = [
    "CacheBudget",
    "CachedCudaDataset",
    "EpochSampler",
    "PatchLoader",
    "SeededDataset",
    "Workers",
    "collate_cases",
    "load_datalist",
    "locate_datalist",
]
