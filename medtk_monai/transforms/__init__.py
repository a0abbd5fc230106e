"""Dictionary transforms that MONAI lacks: cases with boxes, from files to patches."""

from medtk_monai.transforms.boxes import ToPlainTensord, WorldBoxes, WorldToVoxelBoxesd
from medtk_monai.transforms.crop import RandCropBoxesd, VisibilityRule
from medtk_monai.transforms.load import LoadCased
from medtk_monai.transforms.spatial import RandFlipBoxesd, RandSwapAxesBoxesd, flip_axes, swap_axes

__all__ = [
    "LoadCased",
    "RandCropBoxesd",
    "RandFlipBoxesd",
    "RandSwapAxesBoxesd",
    "ToPlainTensord",
    "VisibilityRule",
    "WorldBoxes",
    "WorldToVoxelBoxesd",
    "flip_axes",
    "swap_axes",
]
