import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_cases import SIZES, case_of, centers_of, made_case

from medtk_monai.errors import DataError
from medtk_monai.formats import grid_of, in_space, read_adam, read_grid, voxel_boxes, write_adam


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.booleans(), st.integers(0, 4))
def test_centers_come_back_to_half_a_voxel(tmp_path_factory, seed, oblique, count):
    path = tmp_path_factory.getbasetemp() / "sub-01.txt"
    case = made_case(seed, 3, oblique, count, "LPS")
    write_adam(path, case)
    back = read_adam(path, in_space(case, "RAS")["grid"])
    assert (back["case_id"], back["scores"], back["labels"]) == ("sub-01", [1.0] * count, [0] * count)
    first, second = (np.array(voxel_boxes(each)).reshape(-1, 2, 3).mean(axis=1) for each in (case, back))
    best = np.argsort(-np.array(case["scores"]), kind="stable")
    assert np.abs(first[best] - second).max(initial=0) <= 0.502
    assert grid_of(back)[0] == SIZES[3]


def test_a_file_by_hand(tmp_path):
    """Voxels are counted along the axes as stored: nibabel's indices."""
    affine = np.array([[0, -0.5, 0, 10], [0.8, 0, 0, -20], [0, 0, 2, 30], [0, 0, 0, 1]])
    nib.save(nib.Nifti1Image(np.zeros((8, 9, 7), np.uint8), affine), tmp_path / "scan.nii.gz")
    case = case_of([[0, 0, 0, 1, 1, 1], [3, 4, 5, 4, 5, 6], [1, 2, 3, 3, 3, 4]], affine, (8, 9, 7), [0.2, 0.9, 0.5])
    write_adam(tmp_path / "result.txt", case)
    assert (tmp_path / "result.txt").read_text() == "3, 4, 5\n2, 2, 3\n0, 0, 0\n"
    back = read_adam(tmp_path / "result.txt", read_grid(tmp_path / "scan.nii.gz"))
    expected = nib.affines.apply_affine(affine, [[3, 4, 5], [2, 2, 3], [0, 0, 0]])
    np.testing.assert_allclose(centers_of(back, "RAS"), expected)
    assert np.array(back["boxes"])[:, 3:].tolist() == [[0, 0, 0]] * 3


def test_an_empty_file_is_a_case_without_findings(tmp_path):
    write_adam(tmp_path / "result.txt", made_case(0, count=0))
    assert (tmp_path / "result.txt").read_text() == ""
    assert read_adam(tmp_path / "result.txt", made_case(0)["grid"])["boxes"] == []


@pytest.mark.parametrize("line", ["1, 2", "1, 2, 3, 4", "1 2 3", "1, 2, x", "1, 2, nan", "1, 2,", "x, y, z", "1, 2, 3,"])
def test_a_broken_line_is_named(tmp_path, line):
    (tmp_path / "result.txt").write_text(f"1, 2, 3\n\n{line}\n")
    with pytest.raises(DataError, match="result.txt, line 3"):
        read_adam(tmp_path / "result.txt", made_case(0)["grid"])


def test_flat_cases_are_refused(tmp_path):
    with pytest.raises(DataError, match="sub-01.*3D"):
        write_adam(tmp_path / "result.txt", made_case(0, 2))
    (tmp_path / "a.txt").write_text("1, 2, 3")
    with pytest.raises(DataError, match="'a'.*3D"):
        read_adam(tmp_path / "a.txt", made_case(0, 2)["grid"])
