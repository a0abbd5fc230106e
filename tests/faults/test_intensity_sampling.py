"""Intensities of scans whose slices have a round number of voxels: as NumPy finds them over all voxels."""

import json

import nibabel
import numpy as np
import pytest

from medtk_monai.doctor.data_fingerprint import fingerprint_data
from medtk_monai.doctor.examine import examine

SPACING = (0.5, 0.5, 0.7)
CENTER = (122, 167, 14.5)


def ct(generator):
    """Tissue, air, and vessels of 450 and 600 HU that the first slice does not show."""
    values = generator.normal(40, 15, (320, 320, 32))
    values[generator.random(values.shape) < 0.1] = -600
    values[100:130, 150:180, 5:30] = 450
    values[115:131, 160:176, 10:20] = 600
    return values


def padded(generator):
    """CT whose first slices a registration has filled with zeros."""
    values = generator.normal(40, 15, (320, 320, 32))
    values[generator.random(values.shape) < 0.5] = -1000
    values[:, :, :3] = 0
    return values


def mr(generator):
    """Tissue with a dim first slice."""
    values = generator.gamma(4, 100, (448, 448, 40))
    values[:, :, 0] = generator.gamma(2, 5, (448, 448))
    return values


@pytest.mark.parametrize("kind, unit", [(ct, "HU"), (padded, "HU"), (mr, "arbitrary")])
def test_fingerprint_tells_the_intensities_of_all_slices(tmp_path, kind, unit):
    values = kind(np.random.default_rng(0)).astype(np.int16)
    nibabel.save(nibabel.Nifti1Image(values, np.diag([*SPACING, 1])), tmp_path / "scan.nii")
    box = [*(c * s for c, s in zip(CENTER, SPACING)), 8.0, 8.0, 7.0]
    (tmp_path / "data.json").write_text(json.dumps({"training": [{"image": "scan.nii", "space": "RAS", "boxes": [box], "labels": [0]}]}))
    found = fingerprint_data(examine(tmp_path / "data.json", num_workers=1))
    ends = found["intensity"]
    assert ends["unit"] == unit
    for name, q in zip(("0.5", "50", "99.5"), (0.5, 50, 99.5)):
        told = ends["min"][(0.5, 50, 99.5).index(q)]
        near = np.percentile(values, (max(q - 0.8, 0), min(q + 0.3, 99.95)))
        assert near[0] - 1 <= told <= near[1] + 1, name
    background = 0 if (values == 0).sum() >= (values == values.min()).sum() else values.min()
    foreground = values[values != background]
    whole = ends["foreground"]
    assert whole["0"] == foreground.min() and whole["100"] == foreground.max()
    assert whole["50"] == pytest.approx(np.percentile(foreground, 50), rel=0.03, abs=1)
