import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from made_cases import assert_same_boxes, assert_same_findings, case_of, made_case
from PIL import Image

from medtk_monai.errors import DataError
from medtk_monai.formats import detections_from_case, find_losses, grid_of, read_coco, read_grid, write_coco
from medtk_monai.transforms import LoadCased


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.booleans(), st.integers(0, 4), st.sampled_from([None, ["a", "b", "c", "d"]]))
def test_cases_come_back_with_their_grids(tmp_path_factory, seed, oblique, count, names):
    path = tmp_path_factory.getbasetemp() / "coco.json"
    cases = [made_case(seed, 2, oblique, count), made_case(seed + 1, 2, oblique, 1, "LPS", "b/b.png")]
    write_coco(path, cases, names)
    grids = {case["case_id"]: {"size": list(size), "affine": affine.tolist()} for case in cases for size, affine in [grid_of(case)]}
    back = read_coco(path, names, grids.get)
    assert [case["case_id"] for case in back] == ["sub-01", "b/b.png"]
    for case, other in zip(cases, back):
        assert_same_boxes(case, other)
        assert_same_findings(case, other)


def test_a_rectangle_in_a_png_has_its_columns_and_rows(tmp_path):
    pixels = np.zeros((20, 30), np.uint8)
    pixels[5:8, 10:19] = 255  # rows 5 to 7, columns 10 to 18
    Image.fromarray(pixels).save(tmp_path / "scan.png")
    loaded = LoadCased(spatial_dims=2)({"image": str(tmp_path / "scan.png")})["image"]
    inside = np.argwhere(loaded[0].numpy() > 0)
    box = [*inside.min(axis=0), *(inside.max(axis=0) + 1)]
    case = case_of([box], np.asarray(loaded.affine), loaded.shape[1:], [0.5], [1], "scan", "scan.png")
    write_coco(tmp_path / "coco.json", [case])
    document = json.loads((tmp_path / "coco.json").read_text())
    assert document["images"] == [{"id": 1, "file_name": "scan.png", "case_id": "scan", "width": 30, "height": 20}]
    (annotation,) = document["annotations"]
    assert (annotation["bbox"], annotation["area"], annotation["score"]) == ([10, 5, 9, 3], 27, 0.5)
    assert document["categories"] == [{"id": 2, "name": "class 1"}]
    (back,) = read_coco(tmp_path / "coco.json")
    assert find_losses([case], [back]) == ["prior ids: 1 of 1 not kept"]
    assert read_grid(tmp_path / "scan.png") == back["grid"]
    torch.testing.assert_close(detections_from_case(back, loaded.affine).boxes, torch.tensor([box], dtype=torch.float32))


def data_set(**changes):
    document = {
        "images": [
            {"id": 7, "file_name": "x/scan.png", "width": 30, "height": 20},
            {"id": 3, "file_name": "b.png", "width": 3, "height": 2},
        ],
        "annotations": [{"id": 1, "image_id": 7, "category_id": 18, "bbox": [10, 5, 9, 3]}],
        "categories": [{"id": 18, "name": "dog"}, {"id": 5, "name": "cat"}],
    }
    return document | changes


def test_a_data_set_of_others_is_read(tmp_path):
    (tmp_path / "coco.json").write_text(json.dumps(data_set()))
    scan, other = read_coco(tmp_path / "coco.json")
    assert (scan["case_id"], scan["image"], scan["space"]) == ("scan", "x/scan.png", "RAS")
    assert scan["boxes"] == [[14, 6, 9, 3]]  # columns 10 to 18: the middle of their centers
    assert (scan["scores"], scan["labels"], other["boxes"]) == ([1.0], [1], [])
    assert scan["grid"] == {"size": [30, 20], "affine": np.eye(3).tolist()}
    assert read_coco(tmp_path / "coco.json", ["dog", "cat"])[0]["labels"] == [0]


def annotated(**changes):
    return data_set(annotations=[data_set()["annotations"][0] | changes])


BROKEN = {
    "results": ([{"image_id": 7, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5}], "list of results.*put the results into"),
    "no images": ({"annotations": []}, '"images" must be a list'),
    "image twice": (data_set(images=[data_set()["images"][0]] * 2), "share an id"),
    "image without size": (data_set(images=[{"id": 7, "file_name": "a.png"}]), "width of image a.png"),
    "image of no pixels": (data_set(images=[{"id": 7, "file_name": "a.png", "width": 0, "height": 2}]), "size"),
    "image without name": (data_set(images=[{"id": 7, "width": 2, "height": 2}]), "image 7 has no"),
    "unknown image": (annotated(image_id=1), r"annotations\[0\] is of image 1"),
    "unknown category": (annotated(category_id=1), r"annotations\[0\] is of category 1"),
    "category without id": (data_set(categories=[{"name": "dog"}]), r"categories\[0\]: id"),
    "box of three": (annotated(bbox=[1, 2, 3]), r"annotations\[0\]: bbox"),
    "negative width": (annotated(bbox=[1, 2, -3, 4]), r"annotations\[0\].*negative"),
    "crowd": (annotated(iscrowd=1), r"annotations\[0\] is a crowd"),
    "score in words": (annotated(score="high"), r"annotations\[0\]: score"),
}


@pytest.mark.parametrize(("content", "message"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_file_is_named(tmp_path, content, message):
    path = tmp_path / "coco.json"
    path.write_text(json.dumps(content))
    with pytest.raises(DataError, match=message):
        read_coco(path)


def test_scans_must_be_flat_and_have_a_grid(tmp_path):
    with pytest.raises(DataError, match="sub-01.*2D"):
        write_coco(tmp_path / "coco.json", [made_case(0)])
    flat = made_case(0, 2)
    del flat["grid"]
    with pytest.raises(DataError, match="sub-01.*grid"):
        write_coco(tmp_path / "coco.json", [flat])
    assert list(tmp_path.iterdir()) == []


def test_an_image_of_another_size_is_refused(tmp_path):
    (tmp_path / "coco.json").write_text(json.dumps(data_set()))
    with pytest.raises(DataError, match="'scan'.*30, 20.*20, 30"):
        read_coco(tmp_path / "coco.json", None, lambda case: {"size": [20, 30], "affine": np.eye(3).tolist()})
