import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_cases import assert_same_findings, centers_of, made_case

from medtk_monai.errors import DataError
from medtk_monai.formats import make_case, read_points, write_points

NAMES = ["aneurysm", "infundibulum", "vessel", "bone"]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.booleans(), st.sampled_from(["RAS", "LPS"]), st.integers(0, 4), st.sampled_from([None, NAMES]))
def test_cases_come_back(tmp_path_factory, seed, oblique, space, count, names):
    path = tmp_path_factory.getbasetemp() / "sub-01.json"
    case = made_case(seed, 3, oblique, count, space)
    write_points(path, case, names)
    back = read_points(path, names)
    assert (back["case_id"], back["space"]) == ("sub-01", "LPS")
    np.testing.assert_allclose(centers_of(back), centers_of(case), atol=1e-4)
    assert_same_findings(case, back)


def test_a_file_by_hand(tmp_path):
    case = make_case("sub-01", "RAS", [[1.5, -2, 3]], [[4, 4, 4]], None, [0.93], [1])
    write_points(tmp_path / "a.json", case, NAMES)
    assert json.loads((tmp_path / "a.json").read_text()) == {
        "name": "sub-01",
        "type": "Multiple points",
        "points": [{"name": "infundibulum", "point": [-1.5, 2, 3], "probability": 0.93}],
        "version": {"major": 1, "minor": 0},
    }


def points_file(**changes):
    document = {"name": "x", "type": "Multiple points", "points": [{"name": "aneurysm", "point": [-1.5, 2, 3]}]}
    return document | {"version": {"major": 1, "minor": 0}} | changes


def test_a_file_of_others_is_read(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps(points_file()))
    case = read_points(tmp_path / "a.json")
    assert (case["boxes"], case["scores"], case["labels"]) == ([[-1.5, 2, 3, 0, 0, 0]], [1.0], [0])
    assert read_points(tmp_path / "a.json", ["bone", "aneurysm"])["labels"] == [1]


@pytest.mark.parametrize(("file", "name", "expected"), [("points", "x", "x"), ("points", "", "points"), ("a", "lesions", "a")])
def test_case_ids(tmp_path, file, name, expected):
    """Others call all their files by one "name", but give them file names of their own."""
    (tmp_path / f"{file}.json").write_text(json.dumps(points_file(name=name)))
    assert read_points(tmp_path / f"{file}.json")["case_id"] == expected


def point(**changes):
    return points_file(points=[{"name": "a", "point": [1, 2, 3]}, {"name": "a", "point": [1, 2, 3]} | changes])


BROKEN = {
    "other type": (points_file(type="Point"), "not a file of points"),
    "a list": ([], "not a file of points"),
    "version 2": (points_file(version={"major": 2}), "version"),
    "no points": (points_file(points=None), '"points" must be a list'),
    "two numbers": (point(point=[1, 2]), r"points\[1\] must be 3"),
    "words": (point(point=[1, 2, "x"]), r"points\[1\] must be 3"),
    "score in words": (point(probability="high"), r"points\[1\]"),
    "several names": (point(name="b"), "which classes are a, b.*class names"),
}


@pytest.mark.parametrize(("content", "message"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_file_is_named(tmp_path, content, message):
    path = tmp_path / "a.json"
    path.write_text(json.dumps(content))
    with pytest.raises(DataError, match=message) as caught:
        read_points(path)
    assert str(path) in str(caught.value)


def test_an_unknown_name_is_told(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps(points_file()))
    with pytest.raises(DataError, match="a.json: unknown class 'aneurysm'.*bone"):
        read_points(tmp_path / "a.json", ["bone"])
    with pytest.raises(DataError, match="names repeat"):
        read_points(tmp_path / "a.json", ["aneurysm", "aneurysm"])


def test_what_cannot_be_told_is_refused(tmp_path):
    box = [[0, 0, 0]], [[1, 1, 1]], None
    for case, message in [
        (made_case(0, 2), "3D"),
        (make_case("a", "RAS", *box, [1.5]), "0 to 1"),
        (make_case("a", "RAS", *box, [0.5], [4]), "class 4 has no name"),
    ]:
        with pytest.raises(DataError, match=message):
            write_points(tmp_path / "a.json", case, NAMES)
    assert list(tmp_path.iterdir()) == []
