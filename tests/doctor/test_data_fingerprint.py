"""The fingerprint of a data set whose grids, objects and intensities are known."""

import json

import nibabel as nib
import numpy as np
import pytest

from medtk_monai.cli.fingerprint import fingerprint
from medtk_monai.doctor.data_fingerprint import fingerprint_data
from medtk_monai.doctor.examine import examine
from medtk_monai.doctor.intensities import guess_unit, measure_intensities
from medtk_monai.errors import DataError
from medtk_monai.transforms import LoadCased
from medtk_monai.transforms.scan_ranges import unusual
from medtk_monai.visualize.fingerprint_plot import plot_fingerprint

TURNED = np.array([[0, 0, -3.0, 5], [0, 2.0, 0, 6], [-1.0, 0, 0, 7], [0, 0, 0, 1]])
"""The first axis points down, the second to the front, the third to the left."""


def save(path, values, affine=None):
    nib.Nifti1Image(values, np.eye(4) if affine is None else affine).to_filename(path)
    return path.name


@pytest.fixture
def datalist(tmp_path):
    """Two training cases, one of a turned scan with a label map of two objects, one with two boxes; a test case without objects."""
    image = np.full((10, 20, 30), 5, np.int16)
    image[2:8, 4:9, 10:13] = 105
    mask = np.zeros(image.shape, np.uint8)
    mask[2:8, 4:9, 10:13], mask[0, 0, 0] = 1, 2
    turned = {"image": save(tmp_path / "a.nii.gz", image, TURNED), "label_map": save(tmp_path / "a_mask.nii.gz", mask, TURNED)}
    turned["labels"] = {"1": 0, "2": 1}
    empty = np.zeros((40, 20, 10), np.int16)
    empty[10:20, :, 5:] = 50
    boxes = [[12.5, 5.0, 7.0, 4.0, 2.0, 2.0], [30.0, 10.0, 5.0, 6.0, 2.0, 4.0]]
    straight = {"image": save(tmp_path / "b.nii.gz", empty), "space": "RAS", "boxes": boxes, "labels": [0, 0]}
    healthy = {"image": save(tmp_path / "c.nii.gz", empty + 1)}
    path = tmp_path / "list.json"
    path.write_text(json.dumps({"training": [turned, straight], "test": [healthy]}))
    return path


def test_grids_and_objects_are_along_the_axes_of_the_world(datalist):
    found = fingerprint_data(examine(datalist, num_workers=1))
    assert (found["num_cases"], found["spatial_dims"], found["left_out"]) == (3, 3, 0)
    first = found["cases"][0]
    assert first["spacing"] == [3, 2, 1] and first["size"] == [30, 20, 10] and first["orientation"] == "IAL"
    assert found["values"]["size_vox"] == [[3, 5, 6], [1, 1, 1], [4, 2, 2], [6, 2, 4]]
    assert found["values"]["size_mm"] == [[9, 10, 6], [3, 2, 1], [4, 2, 2], [6, 2, 4]]
    assert found["values"]["volume_mm3"] == [540, 6, 16, 48]
    assert found["values"]["case_id"] == ["a", "a", "b", "b"] and found["values"]["label"] == [0, 1, 0, 0]
    assert found["spacing"]["median"] == [1, 1, 1] and found["spacing"]["max"] == [3, 2, 1]
    assert found["size"]["percentiles"]["0"] == [30, 20, 10] and found["extent_mm"]["percentiles"]["100"] == [90, 40, 10]


def test_places_and_overlaps_of_objects(datalist):
    """Places by hand; half of a box moved by half its side leaves an IoU of 1 / 3, with boxes of the class alone."""
    content = json.loads(datalist.read_text())
    straight = content["training"][1]
    straight["boxes"] += [[14.5, 5.0, 7.0, 4.0, 2.0, 2.0], [12.5, 5.0, 7.0, 4.0, 2.0, 2.0]]
    straight["labels"] += [0, 1]
    datalist.write_text(json.dumps(content))
    values = fingerprint_data(examine(datalist, num_workers=1))["values"]
    np.testing.assert_allclose(values["center"][0], [1 - 11.5 / 30, 6.5 / 20, 1 - 5 / 10], atol=1e-4)
    np.testing.assert_allclose(values["center"][2], [13 / 40, 5.5 / 20, 7.5 / 10], atol=1e-4)
    np.testing.assert_allclose(values["overlap"], [0, 0, 1 / 3, 0, 1 / 3, 0], atol=1e-4)


def test_counts_by_split_and_class(datalist):
    found = fingerprint_data(examine(datalist, num_workers=1))
    assert {label: (part["count"], part["cases"]) for label, part in found["classes"].items()} == {"0": (3, 2), "1": (1, 1)}
    assert found["objects_per_case"]["cases_without"] == 1 and found["objects_per_case"]["percentiles"]["100"] == 2
    assert found["splits"]["training"]["objects"]["count"] == 4 and found["splits"]["test"]["objects"]["count"] == 0
    assert found["objects"]["longest_mm"]["percentiles"]["100"] == 10
    assert found["classes"]["1"]["sizes_mm"]["median"] == [3, 2, 1]


def test_points_are_balls_of_their_radius(datalist):
    """In LPS, of a turned scan: the same as the boxes around the balls; without a radius they are counted only."""
    content = json.loads(datalist.read_text())
    turned = {"image": "a.nii.gz", "space": "LPS", "points": [[30.0, -20.0, 2.0], [50.0, -16.0, 3.0]], "labels": [1, 0]}
    boxes = [[*point, size, size, size] for point, size in zip(turned["points"], (4.0, 3.0))]
    boxed = {"image": "a.nii.gz", "space": "LPS", "boxes": boxes, "labels": [1, 0]}

    def of(case, **arguments):
        datalist.write_text(json.dumps(content | {"training": [case]}))
        return fingerprint_data(examine(datalist, num_workers=1), **arguments)

    wanted = of(boxed)["values"]
    assert len(wanted["label"]) == 2 and of(turned | {"radii": [2.0, 1.5]})["values"] == wanted
    assert of(turned | {"radii": [2.0, None]}, point_radius_mm=1.5)["values"] == wanted
    partly = of(turned | {"radii": [2.0, None]})
    assert partly["values"]["label"] == [1] and partly["cases"][0]["objects"] == 2 and of(turned)["values"]["label"] == []


def test_ignored_objects_are_counted_by_themselves(datalist):
    content = json.loads(datalist.read_text())
    content["training"][1]["ignored"] = [False, True]
    datalist.write_text(json.dumps(content))
    found = fingerprint_data(examine(datalist, num_workers=1))
    assert found["values"]["case_id"] == ["a", "a", "b"] and found["values"]["size_vox"][2] == [4, 2, 2]
    assert [(case["objects"], case["ignored"]) for case in found["cases"]] == [(2, 0), (1, 1), (0, 0)]


def test_classes_are_those_of_all_splits_and_names(datalist):
    content = json.loads(datalist.read_text())
    assert fingerprint_data(examine(datalist, num_workers=1))["num_classes"] == 2
    content["validation"] = [{"image": "c.nii.gz", "space": "RAS", "points": [[3.0, 3.0, 3.0]], "labels": [4]}]
    datalist.write_text(json.dumps(content))
    assert fingerprint_data(examine(datalist, num_workers=1))["num_classes"] == 5
    datalist.write_text(json.dumps(content | {"class_names": list("abcdefg")}))
    assert fingerprint_data(examine(datalist, num_workers=1))["num_classes"] == 7


def test_points_beside_a_label_map_do_not_count(datalist):
    content = json.loads(datalist.read_text())
    content["training"][0] |= {"points": [[-30.0, 20.0, 2.0]], "radii": [3.0], "space": "RAS"}
    datalist.write_text(json.dumps(content))
    assert fingerprint_data(examine(datalist, num_workers=1))["values"]["size_vox"][:2] == [[3, 5, 6], [1, 1, 1]]


def test_intensities_and_foreground(datalist):
    found = fingerprint_data(examine(datalist, num_workers=1))
    turned, straight, _ = found["cases"]
    # the single voxel of the second object belongs to the background, of the lowest value
    assert turned["intensities"]["inside_objects"][1:6] == [105] * 5 and turned["intensities"]["foreground"] == [105] * 7
    assert turned["foreground_share"] == pytest.approx(90 / 6000) and turned["foreground_box_share"] == [0.1, 0.25, 0.6]
    assert straight["foreground_box_share"] == [0.25, 1.0, 0.5] and straight["foreground_share"] == 0.125
    assert straight["intensities"]["outside_objects"] == [50] * 7
    assert found["intensity"]["unit"] == "arbitrary" and found["intensity"]["units"] == {"arbitrary": 3}


def test_scans_can_be_compared_with_it(datalist):
    found = fingerprint_data(examine(datalist, num_workers=1))
    item = LoadCased()({"image": str(datalist.parent / "b.nii.gz")})
    assert unusual(item["scan_facts"], found) == []
    assert "spacing" in unusual(item["scan_facts"] | {"spacing": [9.0, 9.0, 9.0]}, found)[0]


@pytest.mark.parametrize(
    "values, stored_as_bytes, unit",
    [
        (np.r_[np.full(50, -1000.0), np.linspace(-100, 1500, 50)], False, "HU"),
        (np.arange(200.0), True, "8-bit"),
        (np.arange(200.0), False, "arbitrary"),
        (np.arange(256.0), False, "8-bit"),
        (np.linspace(0, 1, 50), False, "unit interval"),
        (np.random.default_rng(0).normal(size=500), False, "standardized"),
        (np.linspace(0, 3000, 50), False, "arbitrary"),
    ],
)
def test_units_by_their_range(values, stored_as_bytes, unit):
    assert guess_unit(values, stored_as_bytes) == unit


def test_means_in_boxes_that_leave_the_image():
    values = np.arange(12.0).reshape(3, 4)
    found = measure_intensities(values, np.array([[-1.0, -1.0, 1.0, 2.0], [1.2, 2.1, 2.0, 2.9], [7.0, 7.0, 9.0, 9.0]]))
    assert found.means[:2] == (0.5, 6.0) and np.isnan(found.means[2])


def test_the_command_writes_figures_and_a_picture(datalist, tmp_path):
    told = fingerprint(str(datalist), str(tmp_path / "out/found.json"), num_workers=1)
    assert "training: cases 2, objects 4" in told and "class 1: objects 1, in cases 1" in told
    assert json.loads((tmp_path / "out/found.json").read_text())["num_cases"] == 3
    assert (tmp_path / "out/found.png").stat().st_size > 10_000
    with pytest.raises(DataError, match="not different files"):
        fingerprint(str(datalist), str(datalist))


def test_bars_of_the_picture_are_the_counts(datalist):
    figure = plot_fingerprint(fingerprint_data(examine(datalist, num_workers=1)))
    per_case, classes = figure.axes[3], figure.axes[7]
    tops = {round(bar.get_x() + bar.get_width() / 2): bar.get_y() + bar.get_height() for bar in per_case.patches if bar.get_height()}
    assert tops == {0: 1, 2: 2}
    assert [bar.get_height() for bar in classes.patches][:2] == [3, 1]


def test_without_any_usable_case(tmp_path):
    path = tmp_path / "list.json"
    path.write_text('{"test": [{"image": "gone.nii.gz"}]}')
    with pytest.raises(DataError, match="no case"):
        fingerprint_data(examine(path))


def test_without_objects_the_picture_still_is_drawn(datalist, tmp_path):
    content = json.loads(datalist.read_text())
    datalist.write_text(json.dumps({"test": content["test"]}))
    found = fingerprint_data(examine(datalist))
    assert found["objects"]["count"] == 0 and found["objects"]["sizes_mm"] == {} and found["classes"] == {}
    plot_fingerprint(found, tmp_path / "empty.png")
