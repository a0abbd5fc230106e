import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_cases import assert_same_boxes, assert_same_findings, made_case

from medtk_monai.errors import DataError
from medtk_monai.formats import find_losses, make_case, read_slicer_markups, write_slicer_markups


def ordered(case):
    """Boxes before points, as they are read."""
    extent = [max(box[3:]) > 0 for box in case["boxes"]]
    order = sorted(range(len(extent)), key=lambda index: not extent[index])
    return case | {key: [case[key][index] for index in order] for key in ("boxes", "scores", "labels", "prior_ids")}


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.booleans(), st.sampled_from(["RAS", "LPS"]), st.integers(0, 5))
def test_cases_come_back(tmp_path_factory, seed, oblique, space, count):
    path = tmp_path_factory.getbasetemp() / "sub-01.mrk.json"
    case = made_case(seed, 3, oblique, count, space)
    write_slicer_markups(path, case)
    back, expected = read_slicer_markups(path), ordered(case)
    assert_same_boxes(expected, back)
    assert_same_findings(expected, back)
    assert back.get("prior_ids", []) == expected["prior_ids"]
    assert find_losses([case], [back]) == ["voxel grids: 1 of 1 not kept"]


def test_a_file_by_hand(tmp_path):
    turned = [[0.6, -0.8, 0], [0.8, 0.6, 0], [0, 0, 1]]
    case = make_case("sub-01", "LPS", [[1.5, -2, 3], [7, 8, 9]], [[4, 5, 6], [0, 0, 0]], turned, [0.9375, 0.5], [1, 0])
    write_slicer_markups(tmp_path / "a.mrk.json", case, ["vessel", "aneurysm"])
    document = json.loads((tmp_path / "a.mrk.json").read_text())
    assert document["@schema"].endswith("/markups-schema-v1.0.3.json#")
    roi, points = document["markups"]
    assert (roi["type"], roi["roiType"], roi["coordinateSystem"], roi["coordinateUnits"]) == ("ROI", "Box", "LPS", "mm")
    assert (roi["center"], roi["size"], roi["orientation"]) == ([1.5, -2, 3], [4, 5, 6], [0.6, -0.8, 0, 0.8, 0.6, 0, 0, 0, 1])
    assert [entry["label"] for entry in roi["controlPoints"]] == ["aneurysm 0.94"]
    assert points["type"] == "Fiducial" and points["coordinateSystem"] == "LPS"
    assert [(p["id"], p["label"], p["description"], p["position"], p["positionStatus"]) for p in points["controlPoints"]] == [
        ("1", "aneurysm 0.94", "score 0.9375, class 1", [1.5, -2, 3], "defined"),
        ("2", "vessel 0.50", "score 0.5, class 0", [7, 8, 9], "defined"),
    ]


@pytest.mark.parametrize("seed", range(8))
def test_orientations_are_right_handed(tmp_path, seed):
    write_slicer_markups(tmp_path / "a.mrk.json", made_case(seed))
    rois = [entry for entry in json.loads((tmp_path / "a.mrk.json").read_text())["markups"] if entry["type"] == "ROI"]
    for roi in rois:
        assert np.linalg.det(np.reshape(roi["orientation"], (3, 3))) == pytest.approx(1, abs=1e-4)


def roi(**changes):
    shape = {"roiType": "Box", "center": [1, 2, 3], "orientation": [1, 0, 0, 0, 1, 0, 0, 0, 1], "size": [4, 5, 6]}
    point = {"id": "1", "label": "R-1", "description": "", "position": [1, 2, 3], "positionStatus": "defined"}
    return {"type": "ROI", "coordinateSystem": "LPS", "coordinateUnits": "mm", **shape, "controlPoints": [point]} | changes


def fiducials(*positions, **changes):
    points = [{"id": str(n), "label": f"F-{n}", "position": list(position)} for n, position in enumerate(positions, 1)]
    return {"type": "Fiducial", "coordinateSystem": "LPS", "controlPoints": points} | changes


def read(tmp_path, *markups):
    (tmp_path / "hand.mrk.json").write_text(json.dumps({"markups": markups}))
    return read_slicer_markups(tmp_path / "hand.mrk.json")


def test_a_box_and_its_point_are_read_once(tmp_path):
    case = read(tmp_path, fiducials([1, 2, 3.0001], [9, 9, 9]), roi())
    assert case["boxes"] == [[1, 2, 3, 4, 5, 6], [9, 9, 9, 0, 0, 0]]
    assert (case["case_id"], case["scores"], case["labels"], "prior_ids" in case) == ("hand", [1.0, 1.0], [0, 0], False)


def test_points_alone_are_boxes_without_extent(tmp_path):
    undefined = {"id": "9", "position": None, "positionStatus": "undefined"}
    case = read(tmp_path, fiducials([1, 2, 3]), fiducials(controlPoints=[undefined]))
    assert (case["boxes"], case["direction"]) == ([[1, 2, 3, 0, 0, 0]], np.eye(3).tolist())
    assert read(tmp_path)["boxes"] == []


def test_ras_files_are_read(tmp_path):
    oblique = [1, 0, 0, 0, 0.6, -0.8, 0, 0.8, 0.6]
    case = read(tmp_path, roi(coordinateSystem="RAS", orientation=oblique), fiducials([7, 8, 9], coordinateSystem="RAS"))
    assert (case["space"], case["boxes"]) == ("LPS", [[-1, -2, 3, 4, 5, 6], [-7, -8, 9, 0, 0, 0]])
    ras = make_case("hand", "RAS", [[1, 2, 3]], [[4, 5, 6]], np.reshape(oblique, (3, 3)))
    assert_same_boxes(case | {"boxes": case["boxes"][:1]}, ras)


def test_axes_may_have_other_names(tmp_path):
    case = read(tmp_path, roi(), roi(orientation=[0, -1, 0, 1, 0, 0, 0, 0, 1], center=[7, 8, 9]))
    assert case["boxes"] == [[1, 2, 3, 4, 5, 6], [7, 8, 9, 5, 4, 6]]


@pytest.mark.parametrize(
    "text", ["score 0.5, class 1 or so", "score half, class 1", "Score 0.5, class 1", "score 0.5", "score inf, class 1"]
)
def test_other_descriptions_say_nothing(tmp_path, text):
    point = roi()["controlPoints"][0] | {"description": text}
    case = read(tmp_path, roi(controlPoints=[point]))
    assert (case["scores"], case["labels"]) == ([1.0], [0])


BROKEN = {
    "line": (roi(type="Line"), "type 'Line'"),
    "unknown frame": (roi(coordinateSystem="IJK"), "'IJK'"),
    "meters": (roi(coordinateUnits="m"), "'m'"),
    "other shape": (roi(roiType="Sphere"), "Sphere"),
    "no center": (roi(center=None), "center must be 3"),
    "size of two": (roi(size=[1, 2]), "size must be 3"),
    "negative size": (roi(size=[1, 2, -3]), "size is below 0"),
    "scaled axes": (roi(orientation=[2, 0, 0, 0, 1, 0, 0, 0, 1]), "unit vectors"),
    "point of two": (fiducials([1, 2]), "position of a control point"),
    "points are none": (fiducials(controlPoints=3), "controlPoints"),
}


@pytest.mark.parametrize(("markup", "message"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_markup_is_named(tmp_path, markup, message):
    with pytest.raises(DataError, match=rf"hand.mrk.json: markups\[1\].*{message}"):
        read(tmp_path, roi(), markup)


def test_rois_turned_against_each_other_are_refused(tmp_path):
    with pytest.raises(DataError, match="'hand'.*turned against"):
        read(tmp_path, roi(), roi(orientation=[0.6, -0.8, 0, 0.8, 0.6, 0, 0, 0, 1]))


def test_other_documents_are_refused(tmp_path):
    (tmp_path / "a.mrk.json").write_text("[]")
    with pytest.raises(DataError, match='no "markups"'):
        read_slicer_markups(tmp_path / "a.mrk.json")
    with pytest.raises(DataError, match="sub-01.*3D"):
        write_slicer_markups(tmp_path / "a.mrk.json", made_case(0, 2))
