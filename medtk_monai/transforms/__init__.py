"""Dictionary transforms that MONAI lacks: cases with boxes, from files to patches."""

from medtk_monai.transforms.boxes import ToPlainTensord, WorldBoxes, WorldToVoxelBoxesd
from medtk_monai.transforms.intensity import (
    BiasField,
    Blur,
    Brightness,
    Contrast,
    Cutout,
    Gamma,
    LowResolution,
    Noise,
    RandIntensityd,
)
from medtk_monai.transforms.load import LoadCased
from medtk_monai.transforms.rand_warp import PatchSampling, RandWarpBoxesd, WarpRanges
from medtk_monai.transforms.scan_ranges import fingerprint_of, unusual
from medtk_monai.transforms.standardize import StandardizeIntensityd
from medtk_monai.transforms.visibility import VisibilityRule
from medtk_monai.transforms.warp import Warp, read_warped, warp_boxes

__all__ = [
    "fingerprint_of",
    "unusual",
    "BiasField",
    "Blur",
    "Brightness",
    "Contrast",
    "Cutout",
    "Gamma",
    "LoadCased",
    "LowResolution",
    "Noise",
    "PatchSampling",
    "RandIntensityd",
    "RandWarpBoxesd",
    "StandardizeIntensityd",
    "ToPlainTensord",
    "VisibilityRule",
    "Warp",
    "WarpRanges",
    "WorldBoxes",
    "WorldToVoxelBoxesd",
    "read_warped",
    "warp_boxes",
]
