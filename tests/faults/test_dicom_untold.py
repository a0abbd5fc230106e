"""Series of DICOM files that do not tell everything, or hold more than a scan: told of, or refused by the names of files."""

import logging
import shutil
from pathlib import Path

import numpy as np
import pydicom
import pytest

from medtk_monai.images.dicom import dicom_header, dicom_voxels
from tests.dicom import write_series
from tests.faults.dicom_told import assert_as_told, refusal

AFFINE = np.diag([-0.8, -0.7, 2.0, 1.0])
VOLUME = np.random.default_rng(0).integers(-1000, 1000, (9, 7, 6))


@pytest.mark.parametrize(
    ("attributes", "words", "spacing"),
    [
        ({"PixelSpacing": None}, "tells no pixel spacing (PixelSpacing); 1 mm is assumed", (1, 1, 2)),
        ({"PixelSpacing": [0, 0]}, "tells a pixel spacing of 0\\0 (PixelSpacing); 1 mm is assumed", (1, 1, 2)),
        ({"PixelSpacing": None, "ImagerPixelSpacing": [0.3, 0.2]}, "tells no pixel spacing; ImagerPixelSpacing is taken", (0.2, 0.3, 2)),
        (
            {"PixelSpacing": [0, 0], "NominalScannedPixelSpacing": [0.3, 0.2]},
            "tells a pixel spacing of 0\\0; NominalScannedPixelSpacing is taken",
            (0.2, 0.3, 2),
        ),
        (
            {"ImageOrientationPatient": None},
            "tells no orientation (ImageOrientationPatient); the axes of the patient are assumed",
            (0.8, 0.7, 2),
        ),
        (
            {"ImageOrientationPatient": [0] * 6},
            "tells 0\\0\\0\\0\\0\\0 as its orientation (ImageOrientationPatient); the axes of the patient are assumed",
            (0.8, 0.7, 2),
        ),
        ({"RescaleSlope": 0}, "tells '0.0' as its rescale slope; 1 is assumed", (0.8, 0.7, 2)),
        ({"NumberOfFrames": -5}, "tells '-5' as its number of frames; 1 is assumed", (0.8, 0.7, 2)),
    ],
)
def test_geometry_that_is_not_told_is_told_of(tmp_path, attributes, words, spacing):
    write_series(tmp_path, VOLUME, AFFINE, "CT", **attributes)
    size, affine, assumed = dicom_header(tmp_path)
    assert assumed == (words,) and size == VOLUME.shape
    np.testing.assert_allclose(affine, np.diag([-spacing[0], -spacing[1], spacing[2], 1]))
    np.testing.assert_array_equal(dicom_voxels(tmp_path), VOLUME)


def test_one_slice_of_many_that_does_not_tell_is_named(tmp_path):
    files = write_series(tmp_path, VOLUME, np.diag([-1, -1, 2.0, 1]), "CT")
    dataset = pydicom.dcmread(files[2])
    del dataset.PixelSpacing
    dataset.save_as(files[2])
    (clause,) = dicom_header(tmp_path)[2]
    assert clause == f"tells no pixel spacing (PixelSpacing); 1 mm is assumed (1 of 6 files, as {Path(files[2]).name})"


def test_slices_without_positions_go_by_their_location_or_are_refused(tmp_path):
    files = write_series(tmp_path / "located", VOLUME, AFFINE, "CT", ImagePositionPatient=None)
    assert "no position (ImagePositionPatient)" in refusal(tmp_path / "located")
    for number, path in enumerate(files):
        dataset = pydicom.dcmread(path)
        dataset.SliceLocation = 7 - 2 * number
        dataset.save_as(path)
    _, affine, (clause,) = dicom_header(tmp_path / "located")
    assert "SliceLocation is taken" in clause and np.allclose(affine[:3, 3], [0, 0, -3]) and np.allclose(affine[2, 2], 2)
    np.testing.assert_array_equal(dicom_voxels(tmp_path / "located"), VOLUME[:, :, ::-1])
    (alone,) = write_series(tmp_path / "alone", VOLUME[:, :, :1], AFFINE, "CT", ImagePositionPatient=None)
    assert dicom_header(alone)[2] == ("tells no position (ImagePositionPatient); 0, 0, 0 mm is assumed",)


def test_x_rays_have_no_place_to_tell(tmp_path):
    removed = {"PixelSpacing": None, "ImagePositionPatient": None, "ImageOrientationPatient": None}
    kind = pydicom.uid.DigitalXRayImageStorageForPresentation
    (path,) = write_series(tmp_path, VOLUME[:, :, :1], AFFINE, "CT", SOPClassUID=kind, ImagerPixelSpacing=[0.2, 0.1], **removed)
    size, affine, assumed = dicom_header(path)
    assert size == (9, 7, 1) and assumed == () and np.allclose(np.diag(affine), [-0.1, -0.2, 2, 1])


def test_a_localizer_in_a_series_is_named(tmp_path):
    files = write_series(tmp_path / "scan", VOLUME, AFFINE, series_uid="1.2.3")
    scout = {"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"], "series_uid": "1.2.3"}
    (path,) = write_series(tmp_path / "other", VOLUME[:, :, :1], np.eye(4)[:, [2, 1, 0, 3]], **scout)
    shutil.copy(path, tmp_path / "scan" / "side.dcm")
    assert "side.dcm (a localizer) is not parallel to the other 6 slices -- move what does not belong" in refusal(tmp_path / "scan")
    (tmp_path / "scan" / "side.dcm").unlink()
    assert_as_told(tmp_path / "scan", files)


def test_a_slice_of_another_size_is_named(tmp_path):
    write_series(tmp_path / "scan", VOLUME, AFFINE, series_uid="1.2.3")
    (path,) = write_series(tmp_path / "other", VOLUME[:5, :6, :1], AFFINE, series_uid="1.2.3")
    shutil.copy(path, tmp_path / "scan" / "small.dcm")
    assert "small.dcm has 5 x 6 pixels, unlike the other 6 slices" in refusal(tmp_path / "scan")
    (path,) = write_series(tmp_path / "other", VOLUME[:, :, :1], np.diag([-0.4, -0.7, 2, 1]), series_uid="1.2.3")
    shutil.copy(path, tmp_path / "scan" / "small.dcm")
    assert "small.dcm has pixels of 0.4 x 0.7 mm, unlike the other 6 slices" in refusal(tmp_path / "scan")


def test_a_copy_of_a_file_is_left_out_and_told_of(tmp_path, caplog):
    files = write_series(tmp_path, VOLUME, AFFINE)
    shutil.copy(files[1], tmp_path / "copy.dcm")
    with caplog.at_level(logging.WARNING):
        assert_as_told(tmp_path, files)
    assert f"copy.dcm is a copy of {Path(files[1]).name}, and is left out" in caplog.text
    dataset = pydicom.dcmread(files[1])
    dataset.PixelData = bytes(len(dataset.PixelData))
    dataset.save_as(tmp_path / "copy.dcm")
    words = refusal(tmp_path)
    assert "several slices have one position" in words and Path(files[1]).name in words and "copy.dcm" in words


def test_many_series_are_counted(tmp_path):
    for number in range(8):
        write_series(tmp_path, VOLUME[:, :, :1], AFFINE, series_uid=f"1.2.3.{number + 100}")
    words = refusal(tmp_path)
    assert "holds 8 DICOM series of 1 file each, the first 1.2.3.100 -- give the slices of one series one SeriesInstanceUID" in words
    write_series(tmp_path, VOLUME, AFFINE, series_uid="1.2.3.200")
    assert "holds 9 DICOM series: 1.2.3.100 (1 file), 1.2.3.101 (1 file), 1.2.3.102 (1 file) and 6 more" in refusal(tmp_path)


def test_a_damaged_slice_is_named(tmp_path):
    files = write_series(tmp_path, VOLUME, AFFINE)
    Path(files[5]).write_bytes(b"")
    assert f"{files[5]} is no DICOM file" in refusal(tmp_path)


def test_what_changes_is_read_again(tmp_path):
    files = write_series(tmp_path, VOLUME, AFFINE)
    assert dicom_header(tmp_path)[0] == (9, 7, 6)
    Path(files[5]).unlink()
    assert dicom_header(tmp_path)[0] == (9, 7, 5) and dicom_voxels(tmp_path).shape == (9, 7, 5)
