"""Folders of DICOM slices: right ones at their place, wrong ones refused."""

import shutil
from pathlib import Path

import numpy as np
import pydicom
import pytest

from medtk_monai.errors import DataError
from medtk_monai.images.dicom_files import is_dicom_image
from medtk_monai.images.dicom_series import find_series, series_files
from medtk_monai.transforms import LoadCased
from tests.dicom import write_series
from tests.prediction.marked_scans import OBLIQUE

VOLUME = np.random.default_rng(0).integers(-100, 1000, (9, 7, 5))


def load(folder):
    return LoadCased()({"image": str(folder), "case_id": "c"})["image"]


def at(image, point):
    """The value of the voxel at a place in the world."""
    index = np.linalg.inv(image.affine.numpy()) @ [*point, 1]
    assert np.abs(index[:3] - index[:3].round()).max() < 1e-3
    return float(image[(0, *index[:3].round().astype(int))])


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("turn", [np.eye(4), np.diag([1.0, 1, -1, 1])])
def test_every_voxel_is_at_its_place(tmp_path, reverse, turn):
    affine = OBLIQUE @ turn
    files = write_series(tmp_path / "series", VOLUME, affine, reverse_files=reverse, reverse_instances=reverse)
    image = load(tmp_path / "series")
    assert sorted(image.shape) == sorted((1, *VOLUME.shape)) and len(series_files(tmp_path / "series")) == len(files)
    for index in ((0, 0, 0), (8, 6, 4), (3, 5, 1)):
        point = affine[:3, :3] @ index + affine[:3, 3]
        assert at(image, point) == VOLUME[index]


def test_order_is_by_position_not_by_name(tmp_path):
    first, second = ([Path(file).name for file in sorted_by_position(tmp_path, reverse)] for reverse in (False, True))
    assert first == second[::-1] and len(first) == 5


def sorted_by_position(folder, reverse):
    write_series(folder / str(reverse), VOLUME, OBLIQUE, series_uid="1.2.3", reverse_files=reverse, reverse_instances=reverse)
    return series_files(folder / str(reverse))


def test_a_single_slice_is_a_volume(tmp_path):
    (file,) = write_series(tmp_path / "one", VOLUME[:, :, :1], OBLIQUE)
    assert load(tmp_path / "one").shape == (1, 9, 7, 1) and load(file).shape == (1, 9, 7, 1)


def test_missing_slices_are_told(tmp_path):
    write_series(tmp_path / "gap", VOLUME, OBLIQUE, missing=[2])
    with pytest.raises(DataError, match=r"case 'c'.*slices 2 and 3 of 4 are 2\.00 mm apart, the others 1\.00 mm"):
        load(tmp_path / "gap")


def test_two_series_in_one_folder(tmp_path):
    write_series(tmp_path / "mixed", VOLUME, OBLIQUE)
    for path in write_series(tmp_path / "other", VOLUME, OBLIQUE):
        shutil.copy(path, tmp_path / "mixed" / f"b{Path(path).name}")
    with pytest.raises(DataError, match=r"holds 2 DICOM series: .*\(5 files\), .*\(5 files\).*folder of its own"):
        load(tmp_path / "mixed")
    assert [len(files) for files in find_series(tmp_path / "mixed").values()] == [5, 5]


def test_segmentations_beside_a_series_are_left_out(tmp_path):
    files = write_series(tmp_path, VOLUME, OBLIQUE)
    overlay = pydicom.dcmread(files[0])
    overlay.SOPClassUID = overlay.file_meta.MediaStorageSOPClassUID = pydicom.uid.SegmentationStorage
    overlay.SeriesInstanceUID, overlay.Modality = pydicom.uid.generate_uid(), "SEG"
    overlay.save_as(tmp_path / "overlay.dcm")
    assert sorted(series_files(tmp_path)) == sorted(files)
    assert is_dicom_image(files[0]) and not is_dicom_image(tmp_path / "overlay.dcm")


def test_files_without_the_mark_of_dicom_count_by_their_suffix(tmp_path):
    for name in ("old.dcm", "notes", "empty.DCM"):
        (tmp_path / name).write_bytes(b"" if "empty" in name else bytes(200))
    assert [is_dicom_image(tmp_path / name) for name in ("old.dcm", "notes", "empty.DCM")] == [True, False, True]


def test_two_time_points_in_one_series(tmp_path):
    write_series(tmp_path / "twice", VOLUME, OBLIQUE, series_uid="1.2.3")
    for path in write_series(tmp_path / "second", VOLUME, OBLIQUE, series_uid="1.2.3"):
        shutil.copy(path, tmp_path / "twice" / f"b{Path(path).name}")
    with pytest.raises(DataError, match="several slices have one position"):
        load(tmp_path / "twice")


def test_slices_that_are_not_parallel(tmp_path):
    write_series(tmp_path / "scout", VOLUME, OBLIQUE, series_uid="1.2.3")
    (path,) = write_series(tmp_path / "other", VOLUME[:, :, :1], OBLIQUE[:, [2, 1, 0, 3]], series_uid="1.2.3")
    shutil.copy(path, tmp_path / "scout" / "side.dcm")
    with pytest.raises(DataError, match="not parallel"):
        load(tmp_path / "scout")


def test_a_folder_without_dicom(tmp_path):
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(DataError, match="holds 0 DICOM series: none"):
        load(tmp_path)


def test_a_tilted_gantry_is_told(tmp_path):
    """Slices that are parallel and evenly spaced, but shifted along their columns: no straight volume has their places."""
    sheared = OBLIQUE.copy()
    for number in range(5):
        sheared[:3, 3] = OBLIQUE[:3, 3] + number * (OBLIQUE[:3, 2] + 0.25 * OBLIQUE[:3, 1])
        write_series(tmp_path / "tilt", VOLUME[:, :, number : number + 1], sheared, series_uid="1.2.3")
        for path in (tmp_path / "tilt").glob("*_0001.dcm"):
            path.rename(tmp_path / "tilt" / f"{number}.dcm")
    with pytest.raises(DataError, match=r"shifted against each other by up to 0\.8 mm, as by a tilted gantry"):
        load(tmp_path / "tilt")
