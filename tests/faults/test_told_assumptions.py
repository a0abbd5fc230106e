"""What headers leave open, and voxels unlike all others: told by predict and by check."""

import json

import nibabel as nib
import numpy as np
import pytest

from medtk_monai.doctor.examine import examine
from tests.prediction.marked_scans import predictor


def unplaced(path):
    """A scan whose header tells a spacing alone."""
    image = nib.Nifti1Image(np.random.default_rng(0).integers(0, 100, (16, 16, 16)).astype(np.int16), None)
    image.header["pixdim"][1:4] = 1, 1, 2
    nib.save(image, path)


def with_one_voxel(path):
    values = np.random.default_rng(0).normal(100, 20, (32, 32, 16)).astype(np.float32)
    values[3, 4, 5] = 1e6
    nib.save(nib.Nifti1Image(values, np.eye(4)), path)


@pytest.mark.parametrize(
    ("make", "kind", "told"),
    [(unplaced, "assumed_header", "neither sform nor qform"), (with_one_voxel, "extreme_voxels", "1 of 16384 voxels")],
)
def test_they_are_told(tmp_path, make, kind, told):
    make(tmp_path / "a.nii.gz")
    found = predictor()(tmp_path / "a.nii.gz")
    assert any(told in warning for warning in found.warnings) and found.case["warnings"] == found.warnings
    (tmp_path / "datalist.json").write_text(json.dumps({"test": [{"case_id": "A", "image": "a.nii.gz"}]}))
    assert [finding.kind for finding in examine(tmp_path / "datalist.json").findings if told in finding.what] == [kind]


def test_bright_vessels_are_no_extremes(tmp_path):
    values = np.random.default_rng(0).normal(100, 20, (32, 32, 32)).astype(np.float32)
    values[10:12, :, 10:12] = 900
    nib.save(nib.Nifti1Image(values, np.eye(4)), tmp_path / "a.nii.gz")
    assert predictor()(tmp_path / "a.nii.gz").warnings == []
