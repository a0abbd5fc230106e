"""2D data sets: the pixels inside a box, measured in the picture itself, are those inside the box that a training gets."""

import json

import numpy as np
import pytest
from PIL import Image

from medtk_monai.errors import DataError
from medtk_monai.importers.plain_yaml import read_plain_yaml
from medtk_monai.transforms import LoadCased
from tests.importers.trees import cases_of, run, seen

WIDTH, HEIGHT = 30, 20
CELL, DUST = (4, 7, 11, 12), (20, 1, 29, 5)
"""Boxes in pixels, (left, top, right, bottom), half open."""


def paint(path, boxes):
    """A picture whose pixels are bright in the boxes: rows are y, columns x."""
    pixels = np.zeros((HEIGHT, WIDTH), dtype=np.uint8)
    for left, top, right, bottom in boxes:
        pixels[top:bottom, left:right] = 250
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def check_brightness(case):
    """Every box of a case holds bright pixels alone, and no bright pixel lies outside of them."""
    image = LoadCased(2)(case)["image"].numpy()[0]
    inside = np.zeros(image.shape, dtype=bool)
    for box, _, _ in seen(case, dims=2):
        assert all(value == int(value) for value in box)
        inside[int(box[0]) : int(box[2]), int(box[1]) : int(box[3])] = True
    assert image.shape == (WIDTH, HEIGHT)
    np.testing.assert_array_equal(image > 128, inside)


def voc_object(name, corners, difficult=0):
    box = "".join(f"<{key}>{value}</{key}>" for key, value in zip(("xmin", "ymin", "xmax", "ymax"), corners))
    return f"<object><name>{name}</name><difficult>{difficult}</difficult><bndbox>{box}</bndbox></object>"


def write_voc(root, name, objects, size=(WIDTH, HEIGHT)):
    (root / "Annotations").mkdir(parents=True, exist_ok=True)
    header = f"<size><width>{size[0]}</width><height>{size[1]}</height><depth>1</depth></size>"
    (root / f"Annotations/{name}.xml").write_text(f"<annotation>{header}{''.join(objects)}</annotation>")


def write_lists(root, **names):
    folder = root / "ImageSets/Main"
    folder.mkdir(parents=True, exist_ok=True)
    for split, cases in names.items():
        (folder / f"{split}.txt").write_text("\n".join(cases) + "\n")


@pytest.fixture
def voc(tmp_path):
    """Three pictures; VOC counts from 1 and the last pixel belongs to a box."""
    root = tmp_path / "VOC"
    for name in "abc":
        paint(root / f"JPEGImages/{name}.png", [CELL, DUST] if name == "a" else [])
    write_voc(root, "a", [voc_object("cell", (5, 8, 11, 12)), voc_object("dust", (21, 2, 29, 5), 1), voc_object("cell", (6, 6, 6, 6))])
    write_voc(root, "b", [])
    write_voc(root, "c", [voc_object("cell", (40, 1, 45, 5))])
    return root


def test_voc(voc, tmp_path):
    write_lists(voc, train=["a"], val=["b"])
    account = run("voc", voc, tmp_path / "out", validation=None, test=None)
    cases = cases_of(tmp_path / "out")
    check_brightness(cases["a"])
    assert seen(cases["a"], dims=2) == [([*CELL], 0, False), ([*DUST], 1, True)]
    assert {name: case["split"] for name, case in cases.items()} == {"a": "training", "b": "validation"}
    assert [(item["case_id"], "no width" in item["what"]) for item in account["left_out"]] == [("a", True)]
    assert account["notes"] == ["1 images in none of the lists were left out", "none of the 1 cases of validation has objects"]
    assert account["splits"]["training"]["objects"] == {"cell": 1, "dust": 0} and account["splits"]["training"]["ignored"] == 1


def test_voc_without_lists(voc, tmp_path):
    account = run("voc", voc, tmp_path / "out")
    assert set(cases_of(tmp_path / "out")) == {"a", "b"} and account["cases_left_out"] == ["c"]
    assert [item["case_id"] for item in account["left_out"]] == ["a", "c"]
    assert "outside the image" in account["left_out"][1]["what"]


def test_voc_complains(voc, tmp_path):
    bomb = '<!DOCTYPE a [<!ENTITY x "xxxx"><!ENTITY y "&x;&x;">]><annotation>&y;</annotation>'
    (voc / "Annotations/b.xml").write_text(bomb)
    with pytest.raises(DataError, match="b.xml is not an annotation .*document type"):
        run("voc", voc, tmp_path / "out")
    write_voc(voc, "b", [], size=(HEIGHT, WIDTH))
    with pytest.raises(DataError, match=r"b.png has \[30, 20\] pixels, the annotations are of \[20, 30\]"):
        run("voc", voc, tmp_path / "out")
    write_voc(voc, "b", [voc_object("cell", (1, "x", 3, 4))])
    assert "b.xml: the corners of a box are" in run("voc", voc, tmp_path / "out")["left_out"][1]["what"]
    write_lists(voc, train=["a"], val=["a"])
    with pytest.raises(DataError, match="in the list of training as well"):
        run("voc", voc, tmp_path / "out")


def coco(names, boxes, **more):
    """A document with pictures of these names; the boxes are of the first."""
    x = [(left, top, right - left, bottom - top) for left, top, right, bottom in boxes]
    return {
        "images": [{"id": 10 + n, "file_name": name, "width": WIDTH, "height": HEIGHT} for n, name in enumerate(names)],
        "annotations": [{"id": n, "image_id": 10, "category_id": 3 + 4 * n, "bbox": box} | more for n, box in enumerate(x)],
        "categories": [{"id": 7, "name": "dust"}, {"id": 3, "name": "cell"}],
    }


def test_coco_splits(tmp_path):
    root = tmp_path / "coco"
    for folder, name in (("train2017", "a.png"), ("val2017", "b.png")):
        paint(root / folder / name, [CELL, DUST])
        (root / "annotations").mkdir(exist_ok=True)
        (root / f"annotations/instances_{folder}.json").write_text(json.dumps(coco([name], [CELL, DUST])))
    account = run("coco", root, tmp_path / "out", validation=None, test=None)
    cases = cases_of(tmp_path / "out")
    for case in cases.values():
        check_brightness(case)
    assert seen(cases["a"], dims=2) == [([*CELL], 0, False), ([*DUST], 1, False)]
    assert (cases["a"]["split"], cases["b"]["split"], account["class_names"]) == ("training", "validation", ["cell", "dust"])


def test_coco_one_file_and_its_crowds(tmp_path):
    root = tmp_path / "coco"
    for name in ("a.jpg", "b.jpg"):
        paint(root / "images" / name, [CELL])
    (root / "instances.json").write_text(json.dumps(coco(["a.jpg", "b.jpg"], [CELL], iscrowd=1)))
    run("coco", root, tmp_path / "out")
    assert seen(cases_of(tmp_path / "out")["a"], dims=2) == [([*CELL], 0, True)]
    assert seen(cases_of(tmp_path / "out")["b"], dims=2) == []
    (root / "images/b.jpg").unlink()
    with pytest.raises(DataError, match="image b.jpg is in none of"):
        run("coco", root, tmp_path / "none")
    (root / "instances.json").write_text(json.dumps(coco(["a.jpg"], [CELL, DUST, CELL])))
    account = run("coco", root, tmp_path / "more")
    assert "annotations[2] is of category 11, which is not listed" in account["left_out"][0]["what"]
    assert seen(cases_of(tmp_path / "more")["a"], dims=2) == [([*CELL], 0, False), ([*DUST], 1, False)]


@pytest.fixture
def yolo(tmp_path):
    root = tmp_path / "yolo"
    for split, name in (("train", "a"), ("val", "b")):
        paint(root / f"images/{split}/{name}.png", [CELL, DUST] if name == "a" else [])
    (root / "labels/train").mkdir(parents=True)
    left, top, right, bottom = CELL
    shares = ((left + right) / 2 / WIDTH, (top + bottom) / 2 / HEIGHT, (right - left) / WIDTH, (bottom - top) / HEIGHT)
    corners = [(x / WIDTH, y / HEIGHT) for x, y in ((20, 1), (29, 1), (25, 5))]
    lines = [f"1 {' '.join(map(repr, shares))}", f"0 {' '.join(f'{x!r} {y!r}' for x, y in corners)}"]
    (root / "labels/train/a.txt").write_text("\n".join(lines) + "\n")
    (root / "data.yaml").write_text("path: .  # here\ntrain: images/train\nval: images/val\n\nnames:\n  0: dust\n  1: cell\n")
    return root


def test_yolo(yolo, tmp_path):
    account = run("yolo", yolo, tmp_path / "out", validation=None, test=None)
    cases = cases_of(tmp_path / "out")
    check_brightness(cases["a"])
    assert seen(cases["a"], dims=2) == [([*CELL], 1, False), ([*DUST], 0, False)]
    assert seen(cases["b"], dims=2) == [] and cases["b"]["split"] == "validation"
    assert account["class_names"] == ["dust", "cell"]


def test_pictures_of_one_name_are_told_apart(yolo, tmp_path):
    paint(yolo / "images/val/a.png", [])
    run("yolo", yolo, tmp_path / "out", validation=None, test=None)
    assert set(cases_of(tmp_path / "out")) == {"training_a", "validation_a", "b"}


@pytest.mark.parametrize("line", ["2 0.5 0.5 0.1 0.1", "0 0.5 0.5 0.1", "0 0.5 0.5 x 0.1", "cell 0.5 0.5 0.1 0.1", "0 0.1 0.1 0.2 0.2 0.3"])
def test_yolo_complains_of_a_line(yolo, tmp_path, line):
    (yolo / "labels/train/a.txt").write_text(f"\n{line}\n")
    with pytest.raises(DataError, match="a.txt, line 2: .* is no class and box"):
        run("yolo", yolo, tmp_path / "out")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("names: ['a b', c]\nnc: 2\n", {"names": ["a b", "c"], "nc": 2}),
        ("names:\n- a\n- b # second\n", {"names": ["a", "b"]}),
        ("names: {0: a, 1: 'b, c'}\ntest:\n", {"names": {0: "a", 1: "b, c"}, "test": None}),
        ("---\n'x y': \"z\"\ndim: 3.5\nurl: https://a/b\n", {"x y": "z", "dim": 3.5, "url": "https://a/b"}),
    ],
)
def test_plain_yaml(tmp_path, text, wanted):
    (tmp_path / "a.yaml").write_text(text)
    assert read_plain_yaml(tmp_path / "a.yaml") == wanted


@pytest.mark.parametrize(
    "text", ["- a\n", "a: &x 1\n", "a: |\n  text\n", "a:\n  b:\n    c: 1\n    - d\n", "a: 1\n  b: 2\n", "a: [1, [2]]\n"]
)
def test_more_than_plain_yaml_is_refused(tmp_path, text):
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(DataError, match="a.yaml, line"):
        read_plain_yaml(tmp_path / "a.yaml")
