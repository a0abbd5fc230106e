"""Points of a datalist: boxes of twice their radius, all the way to the loaded case and the truth of an evaluation."""

import json

import nibabel as nib
import numpy as np
import pytest

from medtk_monai.data.datalist import load_datalist, read_class_names, split_names
from medtk_monai.errors import DataError
from medtk_monai.evaluation import read_truth
from medtk_monai.prediction import find_scans
from medtk_monai.transforms import LoadCased, WorldToVoxelBoxesd


@pytest.fixture
def write(tmp_path):
    """write(case, ...) -> a datalist of one case, whose image has 2 mm voxels and its first voxel center at the origin."""
    nib.save(nib.Nifti1Image(np.zeros((20, 20, 20), np.float32), np.diag([2.0, 2, 2, 1])), tmp_path / "a.nii.gz")

    def write(class_names=None, **case):
        document = {"test": [{"image": "a.nii.gz", **case}]} | ({} if class_names is None else {"class_names": class_names})
        (tmp_path / "list.json").write_text(json.dumps(document))
        return tmp_path / "list.json"

    return write


def test_boxes_come_first_and_points_behind_them(write):
    path = write(
        space="RAS",
        boxes=[[1, 2, 3, 4, 5, 6]],
        points=[[7, 8, 9], [1, 1, 1]],
        radii=[1.5, None],
        labels=[2, 0, 1],
        ignored=[False, True, False],
    )
    (case,) = load_datalist(path, "test", point_radius_mm=4)
    assert case["boxes"] == [[1, 2, 3, 4, 5, 6], [7, 8, 9, 3, 3, 3], [1, 1, 1, 8, 8, 8]]
    assert (case["labels"], case["ignored"]) == ([2, 0, 1], [False, True, False])
    assert not {"points", "radii"} & set(case)


def test_a_point_in_lps_lies_where_it_should(write):
    """A ball of 3 mm at voxel (10, 10, 10), whose center is at RAS (20, 20, 20) mm."""
    path = write(space="LPS", points=[[-20, -20, 20]], radii=[3.0], labels=[0])
    (case,) = load_datalist(path, "test")
    target = WorldToVoxelBoxesd()(LoadCased()(case))["target"]
    assert target.boxes.tolist() == [[9, 9, 9, 12, 12, 12]]
    (truth,) = read_truth(path)
    assert truth.boxes.centers.tolist() == [[20, 20, 20]]
    assert truth.boxes.sizes.tolist() == [[6, 6, 6]]


def test_a_nominal_radius_serves_an_evaluation_too(write):
    path = write(space="RAS", points=[[20, 20, 20]], labels=[0])
    assert read_truth(path, point_radius_mm=2.5)[0].boxes.sizes.tolist() == [[5, 5, 5]]
    with pytest.raises(DataError, match="case 'a': point 0 has no radius -- .*radii.*point_radius_mm"):
        read_truth(path)


def test_points_without_radius_do_not_keep_a_scan_from_prediction(write):
    assert [scan.case_id for scan in find_scans([str(write(space="RAS", points=[[20, 20, 20]], labels=[0]))])] == ["a"]


@pytest.mark.parametrize(
    ("case", "what"),
    [
        ({"points": [[1, 2, 3]], "labels": [0], "radii": [1]}, "space"),
        ({"points": [[1, 2, 3]], "labels": [], "radii": [1], "space": "RAS"}, "0 labels for 1"),
        ({"points": [[1, 2, 3]], "labels": [0], "radii": [], "space": "RAS"}, "list of 1"),
        ({"points": [[1, 2, 3]], "labels": [0], "radii": [0], "space": "RAS"}, "radius of point 0 is 0"),
        ({"points": [[1, 2, 3]], "labels": [0], "radii": [True], "space": "RAS"}, "radius of point 0 is True"),
        ({"points": [[1, 2, "3"]], "labels": [0], "radii": [1], "space": "RAS"}, "point 0 is"),
        ({"points": [[1, 2, 3], [1, 2]], "labels": [0, 0], "radii": [1, 1], "space": "RAS"}, "point 1 is"),
        ({"points": [[1, 2]], "boxes": [[1, 2, 3, 1, 1, 1]], "labels": [0, 0], "radii": [1], "space": "RAS"}, "box 1 is"),
        ({"points": [[1, 2, 3]], "label_map": "a.nii.gz"}, "both"),
        ({"radii": [1]}, "list of 0"),
    ],
)
def test_what_is_wrong_with_points_is_told(write, case, what):
    with pytest.raises(DataError, match=what) as info:
        load_datalist(write(**case), "test")
    assert info.value.case == "a" and info.value.remedy


def test_class_names_are_no_split(write):
    path = write(["cyst", "tumor"], space="RAS", points=[], labels=[])
    assert (read_class_names(path), split_names(path)) == (["cyst", "tumor"], ["test"])
    assert read_class_names(write()) == []
    with pytest.raises(DataError, match="no cases in split 'class_names'"):
        load_datalist(write(["cyst"]), "class_names")
    with pytest.raises(DataError, match="class_names"):
        read_class_names(write(["a", "a"]))
