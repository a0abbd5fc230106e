import json
import os
import pickle

import itk
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_cases import assert_same_boxes, assert_same_findings, case_of, made_affine, made_case

from medtk_monai.errors import DataError
from medtk_monai.formats import read_grid, read_nndetection, voxel_boxes, write_nndetection


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([2, 3]), st.booleans(), st.integers(0, 4))
def test_cases_come_back_without_an_image(tmp_path_factory, seed, dims, oblique, count):
    path = tmp_path_factory.getbasetemp() / "sub-01_boxes.json"
    case = made_case(seed, dims, oblique, count, "LPS")
    write_nndetection(path, case)
    back = read_nndetection(path)
    assert back["case_id"] == "sub-01"
    assert_same_boxes(case, back)
    assert_same_findings(case, back)
    np.testing.assert_allclose(voxel_boxes(back), voxel_boxes(case), atol=1e-4)


@pytest.fixture
def scan(tmp_path):
    """An oblique .mha file, in which the voxels x 3 to 5, y 2, z 6 to 9 are marked."""
    image = itk.image_from_array(np.zeros((11, 17, 24), np.uint8))
    affine = made_affine(np.random.default_rng(5), 3, True)
    flip = np.diag([-1, -1, 1])
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    image.SetSpacing(spacing)
    image.SetOrigin(flip @ affine[:3, 3])
    image.SetDirection(itk.matrix_from_array(flip @ affine[:3, :3] / spacing))
    for x in (3, 4, 5):
        for z in (6, 7, 8, 9):
            image.SetPixel((x, 2, z), 1)
    itk.imwrite(image, str(tmp_path / "scan.mha"))
    return tmp_path / "scan.mha", affine


def test_boxes_are_those_of_an_array_as_simpleitk_indexes_it(scan, tmp_path):
    path, affine = scan
    array = itk.array_from_image(itk.imread(str(path)))  # as SimpleITK's GetArrayFromImage: [z, y, x]
    lower, upper = np.argwhere(array).min(axis=0) - 1, np.argwhere(array).max(axis=0) + 1  # as nnDetection makes boxes of masks
    assert (lower.tolist(), upper.tolist()) == ([5, 1, 2], [10, 3, 6])
    box = [lower[0], lower[1], upper[0], upper[1], lower[2], upper[2]]
    content = {"pred_boxes": np.array([box], np.float32), "pred_scores": np.array([0.5], np.float32), "pred_labels": np.array([1])}
    (tmp_path / "a_boxes.pkl").write_bytes(pickle.dumps(content))
    grid = read_grid(path)
    np.testing.assert_allclose(grid["affine"], affine, atol=1e-6)
    case = read_nndetection(tmp_path / "a_boxes.pkl", grid)
    np.testing.assert_allclose(voxel_boxes(case), [[3, 2, 6, 6, 3, 10]], atol=1e-4)
    write_nndetection(tmp_path / "b_boxes.json", case)
    assert json.loads((tmp_path / "b_boxes.json").read_text())["pred_boxes"] == [pytest.approx([5, 1, 10, 3, 2, 6])]
    painted = np.zeros_like(array)
    x1, y1, x2, y2, z1, z2 = box
    painted[x1 + 1 : x2, y1 + 1 : y2, z1 + 1 : z2] = 1  # as nnDetection paints boxes
    np.testing.assert_array_equal(painted, array)


def test_a_file_by_hand(tmp_path):
    """Spacing 0.5, 1, 2 mm along x, y, z; voxel (0, 0, 0) at LPS (10, 20, 30); x points to the right, against L."""
    path = tmp_path / "sub-01_boxes.json"
    case = case_of([[3, 2, 6, 6, 3, 10]], [[0.5, 0, 0, -10], [0, -1, 0, -20], [0, 0, 2, 30], [0, 0, 0, 1]], (24, 17, 11), [0.5], [1])
    write_nndetection(path, case)
    document = {
        "pred_boxes": [[5, 1, 10, 3, 2, 6]],
        "pred_scores": [0.5],
        "pred_labels": [1],
        "original_size_of_raw_data": [11, 17, 24],
        "itk_spacing": [0.5, 1, 2],
        "itk_origin": [10, 20, 30],
        "itk_direction": [-1, 0, 0, 0, 1, 0, 0, 0, 1],
    }
    assert json.loads(path.read_text()) == document
    assert read_nndetection(path)["boxes"] == [[-8, -22, 45, 1.5, 1, 8]]


def numbers(protocol):
    content = {
        "pred_boxes": np.array([[1, 2, 4, 6, 3, 5.5], [0, 0, 3, 3, 0, 3]], ">f8", order="F"),
        "pred_scores": [np.float32(0.1), 0.75],
        "pred_labels": np.array([1, 0], np.int64),
        "original_size_of_raw_data": (11, 17, 24),
        "itk_origin": np.zeros(3),
        "itk_spacing": np.ones(3),
        "itk_direction": tuple(np.eye(3).ravel()),
        "restore": True,
    }
    return pickle.dumps(content, protocol=protocol)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("core", [b"numpy._core", b"numpy.core"])
def test_pickles_of_any_age_are_read(tmp_path, protocol, core):
    content = numbers(protocol)
    if protocol < 4:  # no lengths before the names
        content = content.replace(b"numpy._core", core)
    (tmp_path / "a_boxes.pkl").write_bytes(content)
    case = read_nndetection(tmp_path / "a_boxes.pkl")
    assert (case["case_id"], case["scores"], case["labels"]) == ("a", [float(np.float32(0.1)), 0.75], [1, 0])
    np.testing.assert_allclose(voxel_boxes(case), [[4, 3, 2, 5.5, 6, 4], [1, 1, 1, 3, 3, 3]], atol=1e-6)


class Hostile:
    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


class Altered:
    """Sets an attribute of what a pickle is given for NumPy's function."""

    def __reduce__(self):
        return np.dtype, ("f4",), {"dtype": "x"}


HOSTILE = {
    "os.system": (Hostile(os.system, "touch harmed"), "(posix|nt).system"),
    "eval": (Hostile(eval, "open('harmed', 'w')"), "builtin.*eval"),
    "nested": ({"pred_boxes": [Hostile(os.mkdir, "harmed")]}, "posix.mkdir"),
    "getattr": (Hostile(getattr, {}, "clear"), "builtin.*getattr"),
    "numpy function": (Hostile(np.fromfile, "harmed"), "numpy.*fromfile"),
    "object array": ({"pred_boxes": np.array([{}], dtype=object)}, "not a pickle of arrays"),
    "altered": ({"pred_boxes": Altered()}, "not a pickle of arrays"),
}


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
@pytest.mark.parametrize(("content", "message"), HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_pickle_is_refused_and_not_run(tmp_path, monkeypatch, content, message, protocol):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "a_boxes.pkl"
    path.write_bytes(pickle.dumps(content, protocol=protocol))
    with pytest.raises(DataError, match=message) as caught:
        read_nndetection(path)
    assert str(path) in str(caught.value)
    assert [entry.name for entry in tmp_path.iterdir()] == ["a_boxes.pkl"]


STREAMS = {
    "global by name": b"cos\nsystem\n(S'touch harmed'\ntR.",
    "instance": b"(S'touch harmed'\nios\nsystem\n.",
    "shape without data": b"cnumpy._core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR(I1\n(I9999999999\ntcnumpy\ndtype\n(S'f8'\ntRI00\nS''\ntb.",
    "other codec": b"c_codecs\nencode\n(S'cbzoo'\nS'rot13'\ntR.",
    "state for a class": b"cnumpy\nndarray\n(I1\ntb.",
    "truncated": numbers(2)[:40],
    "empty": b"",
    "a list": pickle.dumps([1]),
    "no pickle": b"hello",
    "lists in lists": pickle.dumps({"pred_boxes": [[[[[1]]]]]}),
}


@pytest.mark.parametrize("stream", STREAMS.values(), ids=STREAMS.keys())
def test_other_streams_are_refused(tmp_path, monkeypatch, stream):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a_boxes.pkl").write_bytes(stream)
    with pytest.raises(DataError, match="a_boxes.pkl"):
        read_nndetection(tmp_path / "a_boxes.pkl")
    assert len(list(tmp_path.iterdir())) == 1


def boxes_file(**changes):
    return {
        "pred_boxes": [[1, 2, 4, 6, 3, 5]],
        "pred_scores": [0.5],
        "pred_labels": [0],
        "original_size_of_raw_data": [11, 17, 24],
    } | changes


BROKEN = {
    "no boxes": ({"pred_scores": []}, "pred_boxes"),
    "a list": ([], "not a file of boxes"),
    "flat boxes": (boxes_file(pred_boxes=[[1, 2, 3, 4]]), r"pred_boxes\[0\]|24"),
    "too few scores": (boxes_file(pred_scores=[]), "pred_scores"),
    "no labels": (boxes_file(pred_labels=None), "pred_labels"),
    "half a label": (boxes_file(pred_labels=[0.5]), "a label"),
    "upside down": (boxes_file(pred_boxes=[[4, 2, 1, 6, 3, 5]]), "ends before it begins"),
    "other size": (boxes_file(original_size_of_raw_data=[11, 17, 25]), "scan of.*25"),
    "size of four": (boxes_file(original_size_of_raw_data=[11, 17, 25, 1]), "2 or 3 numbers"),
}


@pytest.mark.parametrize(("content", "message"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_file_is_named(tmp_path, content, message):
    path = tmp_path / "a_boxes.json"
    path.write_text(json.dumps(content))
    with pytest.raises(DataError, match=message) as caught:
        read_nndetection(path, {"size": [24, 17, 11], "affine": np.eye(4).tolist()})
    assert "a_boxes.json" in str(caught.value) or caught.value.case == "a"


@pytest.mark.parametrize("text", ["{", '{"pred_boxes": [[NaN]]}', "[" * 100_000, "\xff"])
def test_other_json_is_refused(tmp_path, text):
    (tmp_path / "a_boxes.json").write_text(text, encoding="latin1")
    with pytest.raises(DataError, match="a_boxes.json is not a JSON file"):
        read_nndetection(tmp_path / "a_boxes.json")


def test_an_unknown_grid_is_told(tmp_path):
    (tmp_path / "a_boxes.json").write_text(json.dumps(boxes_file()))
    with pytest.raises(DataError, match="'a'.*scan that is not known.*images"):
        read_nndetection(tmp_path / "a_boxes.json")


def test_pickles_are_not_written(tmp_path):
    with pytest.raises(DataError, match="not written"):
        write_nndetection(tmp_path / "a_boxes.pkl", made_case(0))
