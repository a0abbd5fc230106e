"""Datalists, cached cases and batches of patches."""

from medtk_monai.data.cached_cuda_dataset import CacheBudget, CachedCudaDataset
from medtk_monai.data.collate import collate_cases
from medtk_monai.data.datalist import load_datalist, read_class_names
from medtk_monai.data.locate import locate_datalist
from medtk_monai.data.patch_loader import PatchLoader, Ramp, Workers
from medtk_monai.data.seeding import EpochSampler
from medtk_monai.data.selection import Selection, deal_patients, select_cases, share_cases

__all__ = [
    "CacheBudget",
    "CachedCudaDataset",
    "EpochSampler",
    "PatchLoader",
    "Ramp",
    "Selection",
    "Workers",
    "collate_cases",
    "deal_patients",
    "load_datalist",
    "read_class_names",
    "locate_datalist",
    "select_cases",
    "share_cases",
]
