"""Small data sets to import, and what a training would see of them."""

import json

import nibabel as nib
import numpy as np

from medtk_monai.cli.import_data import import_data
from medtk_monai.data.datalist import load_datalist, split_names
from medtk_monai.transforms import LoadCased, WorldToVoxelBoxesd

SIZE = (16, 14, 12)
TURN = np.deg2rad(20)
AFFINE = np.array(
    [
        [-0.5 * np.cos(TURN), -0.6 * np.sin(TURN), 0, 30],
        [0.5 * np.sin(TURN), -0.6 * np.cos(TURN), 0, -12],
        [0, 0, 1.5, 7],
        [0, 0, 0, 1],
    ]
)
"""An oblique scan with flipped axes and voxels of 0.5 x 0.6 x 1.5 mm."""


def save(path, blocks=(), size=SIZE, affine=AFFINE):
    """Write a NIfTI file with ``blocks`` (value, box as min and max) painted on 0, and make its folder."""
    array = np.zeros(size, dtype=np.int16)
    for value, box in blocks:
        array[tuple(slice(a, b) for a, b in zip(box[:3], box[3:]))] = value
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(array, affine), path)
    return path


def run(name, source, out, **options):
    """Import into ``out``; the account."""
    import_data(name, str(source), str(out), **({"validation": 0, "test": 0} | options))
    return json.loads((out / "import.json").read_text())


def cases_of(out, **options):
    """Case id -> checked case with its split, of all splits."""
    path = out / "datalist.json"
    return {case["case_id"]: case | {"split": name} for name in split_names(path) for case in load_datalist(path, name, **options)}


def seen(case, dims=3, kind="instance"):
    """(box in voxels of the image as stored, class, ignored) of each object, as a training gets them, sorted."""
    loaded = WorldToVoxelBoxesd()(LoadCased(dims, num_channels=None, label_map_kind=kind)(case))
    target = loaded["target"]
    boxes = [[round(value, 3) for value in box] for box in target.boxes.tolist()]
    return sorted(zip(boxes, target.labels.tolist(), target.ignored.tolist()))
