"""Where findings are said to be."""

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.transforms import CropForegroundd, Orientationd, Spacingd

from medtk_monai.errors import DataError
from medtk_monai.prediction import Predictor, Scan, ViewOptions
from tests.prediction.marked_scans import OBLIQUE, centers_in_world, centers_of, marked_volume, parts, predictor, save_marked


def test_findings_are_where_the_marks_are(tmp_path):
    world = save_marked(tmp_path / "scan.nii.gz")
    found = predictor()(tmp_path / "scan.nii.gz")
    assert found.case["case_id"] == "scan" and found.case["image"] == str(tmp_path / "scan.nii.gz")
    np.testing.assert_allclose(centers_of(found.case), world, atol=1e-3)
    np.testing.assert_allclose(np.array(found.case["boxes"])[:, 3:], [[3.2, 3.2, 4.0]] * 2, atol=1e-3)
    assert found.case["grid"]["size"] == [32, 36, 28]
    np.testing.assert_allclose(found.case["grid"]["affine"], OBLIQUE, atol=1e-6)
    assert found.detections.boxes.round().tolist() == [[4, 8, 12, 8, 12, 16], [20, 24, 8, 24, 28, 12]]
    assert set(found.seconds) == {"read", "preprocess", "network", "merge"} and min(found.seconds.values()) >= 0


REORDERED = {
    "turned": [Orientationd("image", axcodes="RAS", labels=None)],
    "cropped": [CropForegroundd("image", source_key="image", margin=4)],
    "turned and cropped": [Orientationd("image", axcodes="LPI", labels=None), CropForegroundd("image", source_key="image", margin=4)],
}


@pytest.mark.parametrize("before", REORDERED)
@pytest.mark.parametrize("axes", ["as it is", "flipped and swapped"])
def test_preprocessing_does_not_move_findings(tmp_path, before, axes):
    volume, centers = marked_volume((32, 32, 32))
    affine, world = OBLIQUE, centers_in_world(centers, OBLIQUE)
    if axes != "as it is":
        volume = volume[::-1, :, ::-1].transpose(2, 0, 1)
        affine = affine @ np.array([[0, -1, 0, 31], [0, 0, 1, 0], [-1, 0, 0, 31], [0, 0, 0, 1.0]])
    nib.save(nib.Nifti1Image(np.ascontiguousarray(volume), affine), tmp_path / "scan.nii")
    found = predictor(*REORDERED[before])(tmp_path / "scan.nii")
    np.testing.assert_allclose(centers_of(found.case), world, atol=1e-3)
    boxes = found.detections.boxes.round().int().tolist()
    assert all(volume[tuple(slice(*ends) for ends in zip(box[:3], box[3:]))].min() > 0.5 for box in boxes)


def test_spacing_is_undone(tmp_path):
    """Each voxel of the scan becomes four cells of the network: their boxes surround the mark."""
    volume, _ = marked_volume()
    affine = np.diag([1.0, 1.0, 1.0, 1.0])
    nib.save(nib.Nifti1Image(np.repeat(np.repeat(np.repeat(volume, 2, 0), 2, 1), 2, 2), affine), tmp_path / "fine.nii")
    found = predictor(Spacingd("image", pixdim=(2, 2, 2), mode="nearest", align_corners=False))(tmp_path / "fine.nii").case
    expected = (np.array([[1, 2, 3], [5, 6, 2]]) + 0.5) * 8 - 0.5
    assert all(np.abs(centers_of(found) - center).max(axis=1).min() < 5 for center in expected)
    assert found["grid"]["size"] == [64, 72, 56] and found["boxes"][0][3] == pytest.approx(8)


def test_scores_and_numbers_are_limited(tmp_path):
    save_marked(tmp_path / "scan.nii.gz")
    scores = predictor()(tmp_path / "scan.nii.gz").case["scores"]
    assert scores[0] > scores[1]
    limited = Predictor(parts(), score_threshold=(scores[0] + scores[1]) / 2)
    assert limited(tmp_path / "scan.nii.gz").case["scores"] == scores[:1]
    assert Predictor(parts(), top_k=1)(Scan("other", str(tmp_path / "scan.nii.gz"))).case["scores"] == scores[:1]


def test_views_and_ensembles_find_the_same(tmp_path):
    world = save_marked(tmp_path / "scan.nii.gz")
    many = parts(label_pairs=[(0, 1)])
    many.networks.append(many.networks[0])
    found = Predictor(many, ViewOptions(mirrors=8))(tmp_path / "scan.nii.gz")
    np.testing.assert_allclose(centers_of(found.case), world, atol=1e-3)
    alone = predictor()(tmp_path / "scan.nii.gz")
    np.testing.assert_allclose(found.case["scores"], alone.case["scores"], atol=1e-5)
    assert found.case["labels"] == alone.case["labels"] == [0, 0] and found.look.startswith("8 views")


def test_scans_unlike_the_training_are_told(tmp_path):
    save_marked(tmp_path / "scan.nii.gz")
    fingerprint = {"num_cases": 1, "spacing": {"min": [0.4] * 3, "max": [0.5] * 3}, "size": {"min": [30] * 3, "max": [40] * 3}}
    (warning,) = predictor(fingerprint=fingerprint)(tmp_path / "scan.nii.gz").warnings
    assert warning == "is unlike the training scans: spacing 0.8 x 0.8 x 1 mm, in training 0.4 x 0.4 x 0.4 to 0.5 x 0.5 x 0.5"


def test_errors_name_the_case(tmp_path):
    (tmp_path / "torn.nii.gz").write_bytes(b"\x1f\x8b broken")
    with pytest.raises(DataError, match="case 'torn': cannot read image .*torn.nii.gz"):
        predictor()(tmp_path / "torn.nii.gz")
    values = np.zeros((8, 8, 8), np.float32)
    values[1, 2, 3] = np.nan
    nib.save(nib.Nifti1Image(values, np.eye(4)), tmp_path / "nan.nii")
    with pytest.raises(DataError, match="case 'nan'.*1 voxels that are NaN"):
        predictor()(tmp_path / "nan.nii")
    nib.save(nib.Nifti1Image(np.zeros((8, 8, 8, 3), np.float32), np.eye(4)), tmp_path / "four.nii")
    with pytest.raises(DataError, match="case 'four'.*3 channels.*choose one volume"):
        predictor()(tmp_path / "four.nii")
    nib.save(nib.Nifti1Image(np.zeros((8, 8, 8), np.float32), np.eye(4)), tmp_path / "flat.nii")
    content = bytearray((tmp_path / "flat.nii").read_bytes())
    content[296:308] = bytes(12)  # the second row of the sform's matrix
    (tmp_path / "flat.nii").write_bytes(content)
    with pytest.raises(DataError, match="case 'flat'.*zero spacing"):
        predictor()(tmp_path / "flat.nii")


def test_an_image_of_one_voxel(tmp_path):
    nib.save(nib.Nifti1Image(np.ones((1, 1, 1), np.float32), np.eye(4)), tmp_path / "one.nii")
    assert torch.isfinite(predictor()(tmp_path / "one.nii").detections.boxes).all()
