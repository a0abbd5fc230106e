"""Datalists, cached cases and batches of patches.

Names are imported when they are first asked for: the phantom needs none of them, and with them MONAI, in each of its processes.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from medtk_monai.data.cached_cuda_dataset import CacheBudget, CachedCudaDataset
    from medtk_monai.data.collate import collate_cases
    from medtk_monai.data.datalist import load_datalist, read_class_names
    from medtk_monai.data.locate import locate_datalist
    from medtk_monai.data.patch_loader import PatchLoader, Ramp, Workers
    from medtk_monai.data.seeding import EpochSampler
    from medtk_monai.data.selection import Selection, deal_patients, select_cases, share_cases

_MODULES = {
    "CacheBudget": "cached_cuda_dataset",
    "CachedCudaDataset": "cached_cuda_dataset",
    "EpochSampler": "seeding",
    "PatchLoader": "patch_loader",
    "Ramp": "patch_loader",
    "Selection": "selection",
    "Workers": "patch_loader",
    "collate_cases": "collate",
    "deal_patients": "selection",
    "load_datalist": "datalist",
    "locate_datalist": "locate",
    "read_class_names": "datalist",
    "select_cases": "selection",
    "share_cases": "selection",
}

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


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
