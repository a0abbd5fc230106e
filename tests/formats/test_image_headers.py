import itk
import nibabel as nib
import numpy as np
import pytest
from made_cases import made_affine
from monai.transforms import LoadImage
from PIL import Image

from medtk_monai.errors import DataError
from medtk_monai.formats import read_grid
from medtk_monai.formats.image_headers import find_images


@pytest.mark.parametrize("suffix", [".nii.gz", ".mha", ".nrrd"])
@pytest.mark.parametrize("seed", [0, 1])
def test_grids_are_those_of_monai(tmp_path, suffix, seed):
    affine = made_affine(np.random.default_rng(seed), 3, True)
    nib.save(nib.Nifti1Image(np.zeros((5, 6, 7), np.uint8), affine), tmp_path / "a.nii.gz")
    path = tmp_path / f"b{suffix}"
    itk.imwrite(itk.imread(str(tmp_path / "a.nii.gz")), str(path))
    grid = read_grid(path)
    loaded = LoadImage(image_only=True, reader=None if suffix == ".nii.gz" else "ITKReader")(path)
    assert grid["size"] == list(loaded.shape) == [5, 6, 7]
    np.testing.assert_allclose(grid["affine"], loaded.affine, atol=1e-4)
    np.testing.assert_allclose(grid["affine"], affine, atol=1e-4)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".tif"])
def test_flat_images(tmp_path, suffix):
    Image.fromarray(np.zeros((4, 5), np.uint8)).save(tmp_path / f"a{suffix}", dpi=(100, 100))
    loaded = LoadImage(image_only=True)(tmp_path / f"a{suffix}")
    grid = read_grid(tmp_path / f"a{suffix}")
    assert grid["size"] == list(loaded.shape) == [5, 4]
    np.testing.assert_allclose(np.array(grid["affine"])[:2, :2], np.asarray(loaded.affine)[:2, :2], atol=1e-4)


def test_flat_nifti_images_and_channels(tmp_path):
    nib.save(nib.Nifti1Image(np.zeros((4, 5), np.uint8), np.diag([2, 3, 1, 1])), tmp_path / "a.nii.gz")
    assert read_grid(tmp_path / "a.nii.gz") == {"size": [4, 5], "affine": np.diag([2, 3, 1]).tolist()}
    nib.save(nib.Nifti1Image(np.zeros((4, 5, 6, 2), np.uint8), np.eye(4)), tmp_path / "b.nii.gz")
    assert read_grid(tmp_path / "b.nii.gz") == {"size": [4, 5, 6], "affine": np.eye(4).tolist()}


def test_no_voxels_are_read(tmp_path):
    nib.save(nib.Nifti1Image(np.zeros((50, 60, 70), np.float64), np.eye(4)), tmp_path / "a.nii")
    (tmp_path / "a.nii").write_bytes((tmp_path / "a.nii").read_bytes()[:400])
    assert read_grid(tmp_path / "a.nii")["size"] == [50, 60, 70]


@pytest.mark.parametrize("name", ["a.nii.gz", "a.mha", "a.png", "a.xyz"])
def test_other_files_are_refused(tmp_path, name):
    (tmp_path / name).write_bytes(b"no image")
    with pytest.raises(DataError, match=f"'a'.*header of image .*{name}"):
        read_grid(tmp_path / name, "a")


def test_images_are_found_by_name(tmp_path):
    for name in ["a.nii.gz", "b.1.png", ".hidden.png", "c_0000.nii.gz"]:
        (tmp_path / name).write_bytes(b"")
    folder = find_images(str(tmp_path))
    assert {name: path.name for name, path in folder.by_name.items()} == {
        "a": "a.nii.gz",
        "b.1": "b.1.png",
        "c_0000": "c_0000.nii.gz",
        "c": "c_0000.nii.gz",
    }
    assert folder.find("z", alone=True) is None
    assert find_images(f"{tmp_path}/*.png").find("b.1", alone=False) == tmp_path / "b.1.png"
    named = find_images(str(tmp_path / "a.nii.gz"))
    assert named.find("z", alone=True) == tmp_path / "a.nii.gz" and named.find("z", alone=False) is None
    assert find_images(None).by_name == {}


def test_missing_and_doubled_images_are_told(tmp_path):
    with pytest.raises(DataError, match="no images"):
        find_images(str(tmp_path / "*.png"))
    for name in ["a.png", "a.nii.gz"]:
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(DataError, match="'a'.*one name"):
        find_images(str(tmp_path))
