"""Scans with marks at known places, and predictors that find them."""

import nibabel as nib
import numpy as np
import torch
from monai.transforms import Compose
from scipy.spatial.transform import Rotation

from medtk_monai.bundle.parts import BundleParts
from medtk_monai.inferers import WindowedInferer
from medtk_monai.prediction import Predictor
from medtk_monai.transforms import LoadCased, ToPlainTensord, WorldToVoxelBoxesd
from tests.inferers.marked import STRIDE, MarkNetwork, mark, postprocessor

OBLIQUE = np.eye(4)
OBLIQUE[:3, :3] = Rotation.from_euler("xyz", [12, -7, 20], degrees=True).as_matrix() @ np.diag([0.8, 0.8, 1.0])
OBLIQUE[:3, 3] = [-30, 20, 5]
CELLS = [(1, 2, 3), (5, 6, 2)]


def marked_volume(shape=(32, 36, 28)):
    """(X, Y, Z) with two marks, and their centers in voxels (continuous, voxel i covers [i, i + 1))."""
    image = torch.zeros(1, *shape)
    for number, cell in enumerate(CELLS):
        mark(image, cell, 1.0 - 0.1 * number)
    return image[0].numpy(), (np.array(CELLS) + 0.5) * STRIDE


def save_marked(path, affine=OBLIQUE):
    """A NIfTI file of a marked volume; the centers of its marks in RAS mm."""
    volume, centers = marked_volume()
    nib.save(nib.Nifti1Image(volume, affine), path)
    return centers_in_world(centers, affine)


def centers_in_world(centers, affine):
    return (centers - 0.5) @ affine[:3, :3].T + affine[:3, 3]


def parts(*before, network=None, **fields):
    """What a bundle would give; ``before`` are transforms between reading and the boxes."""
    preprocessing = Compose([LoadCased(), *before, WorldToVoxelBoxesd(), ToPlainTensord()])
    known = {
        "networks": [network or MarkNetwork()],
        "inferer": WindowedInferer(postprocessor(), 24, 4),
        "preprocessing": preprocessing,
        "device": torch.device("cpu"),
        "precision": torch.float32,
        "label_pairs": (),
        "fingerprint": {},
        "class_names": ("right-handed", "left-handed"),
    }
    return BundleParts(**(known | fields))


def predictor(*before, **fields):
    return Predictor(parts(*before, **fields))


def centers_of(case):
    """(N, 3) RAS mm, best first."""
    assert case["space"] == "RAS"
    order = np.argsort(case["scores"])[::-1]
    return np.array(case["boxes"])[order, :3]
