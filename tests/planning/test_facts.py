"""What a plan reads out of a fingerprint."""

import json

import nibabel as nib
import numpy as np

from medtk_monai.analysis.data_fingerprint import fingerprint_data
from medtk_monai.analysis.doctor.examine import examine
from medtk_monai.planning.facts import read_facts

TURNED = np.array([[0, 0, -3.0, 5], [0, 2.0, 0, 6], [-1.0, 0, 0, 7], [0, 0, 0, 1]])
"""The first axis points down, the second to the front, the third to the left."""


def test_objects_that_reach_the_border_are_counted(tmp_path):
    """Of three objects of a turned scan one reaches its lower end, another the front; the third is a voxel short of each face."""
    mask = np.zeros((10, 20, 30), np.uint8)
    mask[5:10, 4:9, 10:13], mask[2:5, 15:20, 2:6], mask[1:3, 1:3, 26:29] = 1, 2, 3
    for name, values in (("image", np.arange(mask.size, dtype=np.int16).reshape(mask.shape)), ("mask", mask)):
        nib.Nifti1Image(values, TURNED).to_filename(tmp_path / f"{name}.nii.gz")
    path = tmp_path / "list.json"
    path.write_text(json.dumps({"training": [{"image": "image.nii.gz", "label_map": "mask.nii.gz"}]}))
    facts = read_facts(fingerprint_data(examine(path, num_workers=1)))
    assert len(facts.labels) == 3 and facts.at_border == 2 / 3
