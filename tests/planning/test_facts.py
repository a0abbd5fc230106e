"""What a plan reads out of a fingerprint."""

import json

import nibabel as nib
import numpy as np
import pytest

from medtk_monai.doctor.data_fingerprint import fingerprint_data
from medtk_monai.doctor.examine import examine
from medtk_monai.errors import DataError
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


@pytest.fixture
def fingerprint(tmp_path):
    """fingerprint(case) -> of a training case on a cube of 20 mm."""
    nib.Nifti1Image(np.arange(8000, dtype=np.int16).reshape(20, 20, 20), np.eye(4)).to_filename(tmp_path / "a.nii.gz")

    def make(split="training", **case):
        path = tmp_path / "list.json"
        path.write_text(json.dumps({split: [{"image": "a.nii.gz", "space": "RAS", **case}], "class_names": ["a", "b", "c"]}))
        return fingerprint_data(examine(path, num_workers=1))

    return make


BOX = [10.0, 10.0, 10.0, 4.0, 4.0, 4.0]


def test_classes_that_the_split_lacks_are_planned_for(fingerprint):
    assert read_facts(fingerprint(boxes=[BOX], labels=[0])).num_classes == 3


def test_ignored_objects_have_no_say(fingerprint):
    facts = read_facts(fingerprint(boxes=[BOX, [10.0, 10.0, 10.0, 15.0, 15.0, 15.0]], labels=[0, 0], ignored=[False, True]))
    assert facts.sides_mm.tolist() == [[4.0, 4.0, 4.0]] and facts.overlap == 0


@pytest.mark.parametrize(
    "case, arguments, told",
    [
        ({"boxes": [BOX], "labels": [0]}, {"split": "test"}, "no split 'test' -- choose from training"),
        ({"boxes": [BOX], "labels": [0]}, {"min_volume_mm3": 100, "max_volume_mm3": 200}, "no objects to fit of 100 to 200 mm3; it has 1"),
        ({}, {}, "'training' has no objects to fit -- see"),
        ({"boxes": [BOX], "labels": ["x"]}, {}, "no class that can be used"),
        ({"points": [BOX[:3]] * 2, "radii": [2.0, None], "labels": [0, 1]}, {}, "1 points of the data have no radius"),
    ],
)
def test_what_cannot_be_planned_for(fingerprint, case, arguments, told):
    with pytest.raises(DataError, match=told):
        read_facts(fingerprint(**case), **arguments)
