"""Numbers of label maps: large ones, scaled ones, and those below 0."""

import nibabel as nib
import numpy as np
import pytest
import torch

from medtk_monai.errors import DataError
from medtk_monai.formats.label_map import read_label_map
from medtk_monai.importers.mask_objects import MaskRules, mask_fields, read_mask
from medtk_monai.transforms import LoadCased, WorldToVoxelBoxesd


def save(path, values, slope=None):
    image = nib.Nifti1Image(values, np.eye(4), dtype=values.dtype)
    if slope is not None:
        image.header.set_slope_inter(slope, 0)
    nib.save(image, path)
    return str(path)


def case_of(tmp_path, mask, slope=None):
    if slope is None:
        path = save(tmp_path / "m.nii", mask)
    else:
        path = str(tmp_path / "m.nii")
        content = bytearray(nib.Nifti1Image(mask, np.eye(4)).to_bytes())
        content[112:116] = np.float32(slope).tobytes()
        (tmp_path / "m.nii").write_bytes(content)
    return {"case_id": "A", "image": save(tmp_path / "a.nii", np.ones(mask.shape, np.uint8)), "label_map": path}


def boxes(*corners):
    """Hulls of voxels, as the affine of these files has them."""
    return [[*low, *high] for low, high in corners]


def loaded(case, **options):
    return WorldToVoxelBoxesd()(LoadCased(**options)(case))["target"]


@pytest.mark.parametrize("dtype", [np.int64, np.uint32, np.float64])
def test_values_that_float32_would_merge_are_two_objects(tmp_path, dtype):
    mask = np.zeros((8, 8, 8), dtype)
    mask[1:3, 1:3, 1:3], mask[5:7, 5:7, 5:7] = 2**24, 2**24 + 1
    target = loaded(case_of(tmp_path, mask))
    assert target.boxes.tolist() == boxes(([1] * 3, [3] * 3), ([5] * 3, [7] * 3))


@pytest.mark.parametrize("slope", [1.0000001, 0.9999999, 1 / 3, 1 / 255, 0.1])
def test_scales_are_rounded_to_whole_numbers(tmp_path, slope):
    step = round(1 / slope)
    mask = np.zeros((8, 8, 8), np.int16)
    mask[1:3, 1:3, 1:3], mask[5:7, 5:7, 5:7] = step, 2 * step
    target = loaded(case_of(tmp_path, mask, slope), label_map_kind="class")
    assert target.boxes.tolist() == boxes(([1] * 3, [3] * 3), ([5] * 3, [7] * 3)) and target.labels.tolist() == [0, 1]


def test_values_below_0_are_ignored(tmp_path):
    mask = np.zeros((8, 8, 8), np.int16)
    mask[1:3, 1:3, 1:3], mask[5:7, 5:7, 5:7], mask[0, 7, 0] = 1, -1, -7
    case = case_of(tmp_path, mask)
    target = loaded(case)
    order = sorted(zip(target.boxes.tolist(), target.ignored.tolist()), key=lambda pair: pair[0])
    assert order == [([0, 7, 0, 1, 8, 1], True), ([1, 1, 1, 3, 3, 3], False), ([5, 5, 5, 7, 7, 7], True)]
    assert torch.equal(target.ignored_region > 0, torch.from_numpy(mask < 0))
    found = read_mask(tmp_path / "m.nii", "A", 0)
    assert sorted(found.values) == [-1, -1, 1]
    assert mask_fields(found, {1: 0}, MaskRules()) == {"objects": {"label_map": found.path}, "labels": (0,)}
    boxed = mask_fields(found, {1: 0}, MaskRules(min_voxels=9))["objects"]
    assert sorted(boxed["ignored"]) == [True, True, True] and len(boxed["boxes"]) == 3


def test_findings_are_none_below_0(tmp_path):
    mask = np.zeros((8, 8, 8), np.int16)
    mask[1, 1, 1] = -1
    save(tmp_path / "a.nii.gz", mask)
    with pytest.raises(DataError, match="whole numbers from 0"):
        read_label_map(tmp_path / "a.nii.gz")
