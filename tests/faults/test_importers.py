"""Odd annotations, names and layouts of data sets: what a training sees of each is what its pictures show, and what is lost is told."""

import json
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from medtk_monai.doctor.examine import examine
from medtk_monai.errors import DataError
from medtk_monai.importers.coco_objects import enclosing_box
from medtk_monai.importers.plain_yaml import read_plain_yaml
from tests.importers.trees import cases_of, run, save, seen

WIDTH, HEIGHT = 100, 80
SQUARE = (30, 20, 50, 40)
"""The bright pixels of every picture: columns 30 to 49 and rows 20 to 39."""
RIGHT = [([*SQUARE], 0, False)]
YOLO_BOX = f"0 {40 / WIDTH} {30 / HEIGHT} {20 / WIDTH} {20 / HEIGHT}"
MAC = b"\0\5\x16\7" + bytes(400)
"""How the files begin that a Mac adds to archives."""


def paint(path, square=SQUARE):
    pixels = np.zeros((HEIGHT, WIDTH), dtype=np.uint8)
    pixels[square[1] : square[3], square[0] : square[2]] = 250
    path.parent.mkdir(parents=True, exist_ok=True)
    # Pillow knows formats by suffixes in any case of letters.
    Image.fromarray(pixels).save(path)
    return path


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())


def found(out):
    return {name: seen(case, dims=2) for name, case in cases_of(out).items()}


OWN = {"validation": None, "test": None}
"""For data sets with splits of their own."""


def yolo(root, labels, yaml="", split="train", suffix=".png"):
    """Pictures with the lines of their label files, None for none."""
    for name, lines in labels.items():
        paint(root / f"images/{split}/{name}{suffix}")
        if lines is not None:
            write(root / f"labels/{split}/{name}.txt", "\n".join(lines))
    write(root / "data.yaml", f"path: .\ntrain: images/train\nnames: [lesion]\n{yaml}")
    return root


@pytest.mark.parametrize(("shape", "keypoints"), [("[3, 2]", "0.32 0.275 0.48 0.475 0.35 0.45"), ("[2, 3]", "0.32 0.275 2 0.48 0.475 1")])
def test_the_box_of_a_pose_is_its_first_four_numbers(tmp_path, shape, keypoints):
    run("yolo", yolo(tmp_path / "set", {"a": [f"{YOLO_BOX} {keypoints}"]}, f"kpt_shape: {shape}"), tmp_path / "out", **OWN)
    assert found(tmp_path / "out") == {"a": RIGHT}


def test_keypoints_that_the_description_does_not_tell_of_are_no_polygon(tmp_path):
    """Visibilities of 2 are no shares of a picture; one such row is lost with its picture, nothing but such rows is another format."""
    pose = f"{YOLO_BOX} 0.32 0.275 2 0.48 0.475 2"
    account = run("yolo", yolo(tmp_path / "set", {"a": [pose], "b": [YOLO_BOX]}), tmp_path / "out", **OWN)
    assert found(tmp_path / "out") == {"b": RIGHT} and account["cases_left_out"] == ["a"]
    assert "a.txt, line 1" in account["left_out"][0]["what"]
    with pytest.raises(DataError, match="a.txt, line 1.*kpt_shape"):
        run("yolo", yolo(tmp_path / "poses", {"a": [pose]}), tmp_path / "none", **OWN)


def test_predictions_are_no_truth(tmp_path):
    with pytest.raises(DataError, match="a.txt, line 1.* is no class and box"):
        run("yolo", yolo(tmp_path / "set", {"a": [f"{YOLO_BOX} 0.93"]}), tmp_path / "out", **OWN)


def test_a_split_without_label_files_is_told_by_import_and_check(tmp_path):
    source = yolo(tmp_path / "set", {"a": [YOLO_BOX], "b": [YOLO_BOX]})
    yolo(source, {"c": None, "d": None}, "val: images/val\n", "val")
    account = run("yolo", source, tmp_path / "out", **OWN)
    assert account["notes"][0].startswith("none of the 2 images of val has a label file, such as ")
    faults = [fault for fault in examine(tmp_path / "out/datalist.json", num_workers=1).findings if fault.kind == "no_objects"]
    assert [fault.split for fault in faults] == ["validation"] and "none of 2 cases" in faults[0].what
    everywhere = run("yolo", yolo(tmp_path / "bare", {"a": None}), tmp_path / "more", **OWN)
    assert "none of the 1 images of train has a label file" in everywhere["notes"][0]


def test_a_label_file_that_was_not_downloaded_is_no_picture_without_objects(tmp_path):
    source = yolo(tmp_path / "set", {"a": [YOLO_BOX], "b": None})
    (source / "labels/train/b.txt").symlink_to("../.git/annex/objects/nowhere")
    with pytest.raises(DataError, match="datalad get"):
        run("yolo", source, tmp_path / "out", **OWN)


def voc(root, boxes, suffix=".png", **texts):
    """Pictures with VOC corners, as they are written."""
    for name, corners in boxes.items():
        parts = "".join(
            "<object><name>lesion</name><bndbox>"
            + "".join(f"<{key}>{v}</{key}>" for key, v in zip(("xmin", "ymin", "xmax", "ymax"), box))
            + "</bndbox></object>"
            for box in corners
        )
        size = f"<size><width>{WIDTH}</width><height>{HEIGHT}</height></size>"
        write(root / f"Annotations/{name}.xml", f"<annotation>{size}{parts}</annotation>")
        paint(root / f"JPEGImages/{name}{suffix}")
    return root


ONE = (31, 21, 50, 40)
"""The square in pixels from 1, the last of which belong to it."""


@pytest.mark.parametrize("box", [(50, 40, 31, 21), (31, 21, 31, 21), (200, 200, 220, 220), ("", "x", 3, 4), ("1e400", 1, 2, 3)])
def test_a_picture_whose_only_voc_box_is_lost_is_left_out(tmp_path, box):
    account = run("voc", voc(tmp_path / "set", {"a": [box], "b": [ONE], "c": [], "d": [box, ONE]}), tmp_path / "out")
    assert found(tmp_path / "out") == {"b": RIGHT, "c": [], "d": RIGHT}
    assert account["cases_left_out"] == ["a"] and [item["case_id"] for item in account["left_out"]] == ["a", "d"]


def coco(root, images, annotations, categories=({"id": 1, "name": "lesion"},), files=()):
    """A document, and its pictures: id -> name; annotations are changes of the box of the square in image 1."""
    usual = {"image_id": 1, "category_id": 1, "bbox": [30, 20, 20, 20], "iscrowd": 0}
    document = {
        "images": [{"id": id_, "file_name": name, "width": WIDTH, "height": HEIGHT} for id_, name in images.items()],
        "annotations": [{"id": n} | usual | changes for n, changes in enumerate(annotations)],
        "categories": list(categories),
    }
    for name in files or images.values():
        paint(root / "images" / name)
    write(root / "instances.json", json.dumps(document))
    return root


@pytest.mark.parametrize(
    "change",
    [
        {"bbox": [50, 40, -20, -20]},
        {"bbox": [30, 20, 0, 20]},
        {"bbox": []},
        {"bbox": None},
        {"bbox": [float("nan")] * 4},
        {"category_id": 7},
    ]
    + [{"bbox": "30"}, {"bbox": [10**400] * 4}, {"category_id": None}, {"bbox": [], "segmentation": [[1, 2]]}],
)
def test_a_picture_whose_only_coco_box_is_lost_is_left_out(tmp_path, change):
    lost = [{"image_id": 1} | change, {"image_id": 2}, {"image_id": 4} | change, {"image_id": 4}]
    account = run("coco", coco(tmp_path / "set", {1: "a.png", 2: "b.png", 3: "c.png", 4: "d.png"}, lost), tmp_path / "out")
    assert found(tmp_path / "out") == {"b": RIGHT, "c": [], "d": RIGHT}
    assert account["cases_left_out"] == ["a"] and [item["case_id"] for item in account["left_out"]] == ["a", "d"]


def test_a_set_of_lost_objects_alone_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"no case has an object that can be read: .*annotations\[0\]"):
        run("coco", coco(tmp_path / "set", {1: "a.png"}, [{"bbox": [50, 40, -20, -20]}]), tmp_path / "out")


def runs_of(mask):
    """Run lengths down the columns, which begin with the background."""
    flat = mask.T.ravel()
    ends = np.flatnonzero(np.diff(flat)) + 1
    lengths = np.diff([0, *ends, flat.size]).tolist()
    return [0, *lengths] if flat[0] else lengths


def compress(runs):
    """As pycocotools does it, one number after the other."""
    text = ""
    for number, run_length in enumerate(runs):
        value = run_length - (runs[number - 2] if number > 2 else 0)
        while True:
            bits, value = value & 31, value >> 5
            more = value != (-1 if bits & 16 else 0)
            text += chr((bits | 32 if more else bits) + 48)
            if not more:
                break
    return text


@pytest.mark.parametrize("seed", range(12))
def test_what_encloses_run_lengths_encloses_their_pixels(seed):
    random = np.random.default_rng(seed)
    mask = (random.random((random.integers(1, 40), random.integers(1, 300))) < (0.9 if seed % 3 else 0.02)).astype(np.uint8)
    mask[random.integers(mask.shape[0]), random.integers(mask.shape[1])] = 1
    rows, columns = np.nonzero(mask)
    wanted = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    runs = runs_of(mask)
    for counts in (runs, compress(runs)):
        assert enclosing_box({"size": list(mask.shape), "counts": counts}, "here") == wanted


def test_boxes_of_segmentations_where_there_is_no_box(tmp_path):
    mask = np.zeros((HEIGHT, WIDTH), dtype=np.uint8)
    mask[20:40, 30:50] = 1
    polygon = [[30, 20, 50, 20, 50, 40, 30, 40]]
    runs = {"size": [HEIGHT, WIDTH], "counts": runs_of(mask)}
    shapes = [polygon, runs, runs | {"counts": compress(runs["counts"])}]
    changes = [{"image_id": n, "bbox": None, "segmentation": shape} for n, shape in enumerate(shapes, 1)]
    run("coco", coco(tmp_path / "set", {1: "a.png", 2: "b.png", 3: "c.png"}, changes), tmp_path / "out")
    assert found(tmp_path / "out") == {"a": RIGHT, "b": RIGHT, "c": RIGHT}


def test_ids_that_are_text(tmp_path):
    changes = [{"image_id": "1"}, {"image_id": "x", "category_id": "1"}]
    run("coco", coco(tmp_path / "set", {1: "a.png", "x": "b.png"}, changes, [{"id": 1.0, "name": "lesion"}]), tmp_path / "out")
    assert found(tmp_path / "out") == {"a": RIGHT, "b": RIGHT}


def test_categories_of_one_name_are_one_class(tmp_path):
    categories = [{"id": 0, "name": "lesion", "supercategory": "none"}, {"id": 1, "name": "lesion"}, {"id": 2, "name": "cyst"}]
    changes = [{}, {"image_id": 2, "category_id": 2}]
    account = run("coco", coco(tmp_path / "set", {1: "a.png", 2: "b.png"}, changes, categories), tmp_path / "out")
    assert account["class_names"] == ["lesion", "cyst"]
    assert found(tmp_path / "out") == {"a": RIGHT, "b": [([*SQUARE], 1, False)]}


@pytest.mark.parametrize(
    ("told", "real"), [("p1\\a.png", "p1/a.png"), ("my%20scan.png", "my scan.png"), ("a.PNG", "a.png"), ("a%20.png", "a%20.png")]
)
def test_spellings_of_file_names(tmp_path, told, real):
    run("coco", coco(tmp_path / "set", {1: told}, [{}], files=[real]), tmp_path / "out")
    assert found(tmp_path / "out") == {Path(real).stem: RIGHT}


def test_other_json_files_beside_a_data_set_are_passed_over_by_name(tmp_path):
    source = coco(tmp_path / "set", {1: "a.png"}, [{}])
    write(source / "results.json", json.dumps([{"image_id": 1, "category_id": 1, "bbox": [0, 0, 9, 9], "score": float("nan")}]))
    write(source / "license.json", '{"name": "CC0"}')
    account = run("coco", source, tmp_path / "out")
    assert found(tmp_path / "out") == {"a": RIGHT}
    assert ["license.json was passed over" in account["notes"][0], "results.json was passed over" in account["notes"][1]] == [True, True]


def test_pictures_of_one_name_are_kept_apart_at_any_depth(tmp_path):
    nested = coco(tmp_path / "nested", {1: "p1/ax/0001.png", 2: "p2/ax/0001.png"}, [{}, {"image_id": 2}])
    run("coco", nested, tmp_path / "out")
    assert found(tmp_path / "out") == {"p1_ax_0001": RIGHT, "p2_ax_0001": RIGHT}
    names = {f"{patient}/{number}": [YOLO_BOX] for patient in ("p1", "p2", "p_1", "p/1") for number in ("0001", "1_0001")}
    run("yolo", yolo(tmp_path / "patients", names), tmp_path / "more", **OWN)
    assert len(found(tmp_path / "more")) == 8 and all(boxes == RIGHT for boxes in found(tmp_path / "more").values())


@pytest.mark.parametrize("suffix", [".JPG", ".Jpeg", ".PnG"])
def test_suffixes_of_pictures_in_any_case(tmp_path, suffix):
    run("voc", voc(tmp_path / "voc", {"a": [ONE]}, suffix), tmp_path / "out")
    run("yolo", yolo(tmp_path / "yolo", {"a": [YOLO_BOX]}, suffix=suffix), tmp_path / "more", **OWN)
    assert found(tmp_path / "out") == found(tmp_path / "more") == {"a": RIGHT}


def test_webp_is_a_picture(tmp_path):
    source = yolo(tmp_path / "set", {"b": [YOLO_BOX]})
    image = Image.open(paint(source / "images/train/a.png"))
    image.save(source / "images/train/a.webp", lossless=True)
    (source / "images/train/a.png").unlink()
    write(source / "labels/train/a.txt", YOLO_BOX)
    run("yolo", source, tmp_path / "out", **OWN)
    assert found(tmp_path / "out") == {"a": RIGHT, "b": RIGHT}


def test_blanks_in_the_names_of_lists(tmp_path):
    source = voc(tmp_path / "set", {"patient 01": [ONE], "b": [ONE]})
    write(source / "ImageSets/Main/train.txt", "patient 01\nb  1\n")
    run("voc", source, tmp_path / "out", **OWN)
    assert found(tmp_path / "out") == {"patient 01": RIGHT, "b": RIGHT}


ZERO, EDGES, DECIMALS = (30, 20, 49, 39), (30, 20, 50, 40), ("30.0", "20.00", "50.0", "40.0")
AT_ZERO, AT_END = (0, 0, 19, 19), (80, 60, 100, 80)


@pytest.mark.parametrize(
    ("boxes", "options", "note"),
    [
        ([ONE], {}, None),
        ([ONE], {"zero_based": False}, None),
        ([ZERO], {"zero_based": True}, None),
        ([ZERO, AT_ZERO], {}, "1 boxes begin at 0"),
        ([EDGES, AT_ZERO, AT_END], {}, "1 boxes begin at 0, and 1 end at"),
        ([EDGES, AT_END], {"zero_based": True}, "1 boxes end at"),
        ([DECIMALS], {}, "all corners are written with decimals"),
        ([ONE, AT_ZERO], {"zero_based": False}, None),
    ],
)
def test_what_corners_count_from(tmp_path, boxes, options, note):
    account = run("voc", voc(tmp_path / "set", {"a": boxes}), tmp_path / "out", **options)
    assert [*SQUARE] in [box for box, _, _ in found(tmp_path / "out")["a"]]
    assert [text.startswith(note or "") for text in account["notes"]] == ([True] if note else [])


def test_encodings_of_voc_files(tmp_path):
    source = voc(tmp_path / "set", {"a": [ONE], "b": [ONE]})
    text = (source / "Annotations/a.xml").read_text()
    write(source / "Annotations/a.xml", b"\xef\xbb\xbf" + text.replace("><", ">\r\n<").encode())
    latin = "<?xml version='1.0' encoding='iso-8859-1'?>" + text.replace("lesion", "L\xe4sion")
    write(source / "Annotations/b.xml", latin.encode("latin-1"))
    assert run("voc", source, tmp_path / "out")["class_names"] == ["L\xe4sion", "lesion"]
    assert [box for box, _, _ in found(tmp_path / "out")["b"]] == [[*SQUARE]]


def mhd(path):
    """A scan of 40 x 40 x 30 voxels of 1 x 1 x 2 mm, whose first voxel center is at LPS (-50, -40, -100)."""
    text = "ObjectType = Image\nNDims = 3\nDimSize = 40 40 30\nElementType = MET_UCHAR\nElementSpacing = 1 1 2\nOffset = -50 -40 -100\n"
    write(path, text + f"ElementDataFile = {path.stem}.raw\n")
    write(path.with_suffix(".raw"), bytes(40 * 40 * 30))


def test_luna16_names_with_blanks_and_scans_that_are_not_there(tmp_path):
    source = tmp_path / "luna"
    mhd(source / "subset0/1.2.3.mhd")
    mhd(source / "subset0/1.2.4.mhd")
    write(source / "annotations.csv", "seriesuid, coordX,coordY,coordZ,diameter_mm\n 1.2.3 ,-40,-25, -80,8\n9.9,0,0,0,5\n9.9,1,0,0,5\n")
    account = run("luna16", source, tmp_path / "out")
    cases = cases_of(tmp_path / "out")
    # Voxel (10, 15, 10), with 4 mm on each side of its center.
    assert seen(cases["1.2.3"]) == [([6.5, 11.5, 8.5, 14.5, 19.5, 12.5], 0, False)]
    assert seen(cases["1.2.4"]) == []
    assert account["notes"][0].startswith("2 nodules of 1 scans") and account["notes"][0].endswith("such as 9.9")


JUNK = ("._{}", ".hidden/{}", "__MACOSX/{}")


def litter(root):
    """Beside each file, what a Mac adds; and the same in hidden folders."""
    for path in [path for path in root.rglob("*") if path.is_file()]:
        for place in JUNK:
            write(path.parent / place.format(path.name), MAC)
    return root


def masks(root):
    for name in ("a", "b"):
        save(root / f"images/{name}.nii.gz")
        save(root / f"masks/{name}.nii.gz", [(1, BLOCK)])
    return root


def luna(root):
    mhd(root / "subset0/1.2.3.mhd")
    write(root / "annotations.csv", "seriesuid,coordX,coordY,coordZ,diameter_mm\n1.2.3,-40,-25,-80,8\n")
    return root


def adam(root):
    save(root / "10001/orig/TOF.nii.gz")
    save(root / "10001/aneurysms.nii.gz", [(1, BLOCK)])
    return root


def cada(root):
    save(root / "A001_orig.nii.gz")
    save(root / "A001_masks.nii.gz", [(1, BLOCK)])
    return root


def lausanne(root):
    save(root / "sub-000/ses-1/anat/sub-000_ses-1_angio.nii.gz")
    save(root / "derivatives/manual_masks/sub-000/ses-1/anat/sub-000_ses-1_Lesion_1_mask.nii.gz", [(1, BLOCK)])
    return root


def msd(root):
    save(root / "imagesTr/a.nii.gz")
    save(root / "labelsTr/a.nii.gz", [(1, BLOCK)])
    rows = [{"image": "./imagesTr/a.nii.gz", "label": "./labelsTr/a.nii.gz"}]
    write(root / "dataset.json", json.dumps({"labels": {"0": "background", "1": "tumor"}, "training": rows}))
    return root


def nndetection(root):
    save(root / "imagesTr/a_0000.nii.gz")
    save(root / "labelsTr/a.nii.gz", [(1, BLOCK)])
    write(root / "labelsTr/a.json", '{"instances": {"1": 0}}')
    write(root / "dataset.json", '{"labels": {"0": "lesion"}}')
    return root


def nnunet(root, **more):
    """Of version 2: names have values, and files the numbers of channels."""
    for channel in ("0000", "0001"):
        for name in ("a", "b"):
            save(root / f"imagesTr/{name}_{channel}.nii.gz")
    for name in ("a", "b"):
        save(root / f"labelsTr/{name}.nii.gz", [(2, BLOCK), (3, OTHER)])
    labels = {"background": 0, "cyst": 1, "tumor": 2, "ignore": 3}
    channels = {"channel_names": {"0": "T1", "1": "T2"}, "labels": labels, "numTraining": 2, "file_ending": ".nii.gz"}
    write(root / "dataset.json", json.dumps(channels | more))
    return root


BLOCK, OTHER = (2, 3, 1, 6, 7, 4), (9, 8, 6, 12, 10, 9)
BRIGHT = {"a": [ONE]}
SETS = {
    "masks": (masks, 2),
    "semantic": (masks, 2),
    "luna16": (luna, 1),
    "adam": (adam, 1),
    "cada": (cada, 1),
    "lausanne": (lausanne, 1),
    "msd": (msd, 1),
    "nndetection": (nndetection, 1),
    "voc": (lambda root: voc(root, BRIGHT), 1),
    "coco": (lambda root: coco(root, {1: "a.png"}, [{}]), 1),
    "yolo": (lambda root: yolo(root, {"a": [YOLO_BOX]}), 1),
}


@pytest.mark.parametrize("name", SETS)
def test_what_a_mac_adds_is_no_part_of_a_data_set(tmp_path, name):
    make, cases = SETS[name]
    account = run(name, litter(make(tmp_path / "set")), tmp_path / "out", **(OWN if name == "yolo" else {}))
    (split,) = account["splits"].values()
    assert (split["cases"], split["cases_without_objects"], account["left_out"], account["notes"]) == (cases, 0, [], [])


def test_files_are_listed_in_one_place():
    """So that no importer takes a hidden file for a case."""
    folder = Path(examine.__code__.co_filename).parents[1] / "importers"
    listing = [
        path.name for path in sorted(folder.glob("*.py")) if any(word in path.read_text() for word in (".glob(", "rglob(", "iterdir("))
    ]
    assert listing == ["files.py"]


def test_nnunet_of_version_2(tmp_path):
    account = run("msd", nnunet(tmp_path / "set"), tmp_path / "out", channel=1)
    cases = cases_of(tmp_path / "out")
    assert {name: seen(case) for name, case in cases.items()} == dict.fromkeys("ab", [([*BLOCK], 1, False), ([*OTHER], 0, True)])
    assert account["class_names"] == ["cyst", "tumor"] and cases["a"]["image"].endswith("a_0001.nii.gz")
    assert "1 channels beside number 1 were left out" in account["notes"][0]
    (tmp_path / "set/labelsTr/b.nii.gz").unlink()
    notes = run("msd", tmp_path / "set", tmp_path / "more")["notes"]
    assert any("1 images of imagesTr without a label map" in note for note in notes) and any(
        "tells of 2 training cases" in note for note in notes
    )


def test_nnunet_cases_that_its_description_places(tmp_path):
    rows = {"x": {"images": ["imagesTr/b_0000.nii.gz", "imagesTr/b_0001.nii.gz"], "label": "labelsTr/b.nii.gz"}}
    run("msd", nnunet(tmp_path / "set", dataset=rows), tmp_path / "out")
    assert {name: len(seen(case)) for name, case in cases_of(tmp_path / "out").items()} == {"x": 2}
    rows = [{"image": "./imagesTr/a.nii.gz", "label": "./labelsTr/a.nii.gz"}]
    run("msd", nnunet(tmp_path / "set", training=rows), tmp_path / "more")
    assert cases_of(tmp_path / "more")["a"]["image"].endswith("a_0000.nii.gz")
    with pytest.raises(DataError, match="regions of several values"):
        run("msd", nnunet(tmp_path / "set", labels={"background": 0, "whole": [1, 2]}), tmp_path / "none")


@pytest.mark.parametrize(
    ("image", "label_map", "names"),
    [
        ("volume-{}.nii", "segmentation-{}.nii", ("volume-0", "volume-10")),
        ("img/img{:04d}.nii.gz", "label/label{:04d}.nii.gz", ("img0000", "img0010")),
        ("case_{:05d}/imaging.nii.gz", "case_{:05d}/segmentation.nii.gz", ("case_00000", "case_00010")),
    ],
)
@pytest.mark.parametrize("others", [False, True])
def test_names_of_lits_btcv_and_kits_find_each_other(tmp_path, image, label_map, names, others):
    """Each scan with the block that was painted for it, one voxel further for each number; of KiTS's tests there are no label maps."""
    for number in (0, 10):
        save(tmp_path / "set" / image.format(number))
        save(tmp_path / "set" / label_map.format(number), [(1, (number, 3, 1, 5 + number, 7, 4))])
    if others and "imaging" in image:
        save(tmp_path / "set" / image.format(20))
    account = run("semantic", tmp_path / "set", tmp_path / "out")
    assert {name: seen(case)[0][0][0] for name, case in cases_of(tmp_path / "out").items()} == dict(zip(names, (0, 10)))
    assert len(account["notes"]) == (others and "imaging" in image)


def test_label_maps_of_one_name_in_folders_of_patients(tmp_path):
    for number, patient in enumerate(("p1", "p2")):
        for scan in ("0001", "0002"):
            save(tmp_path / f"set/images/{patient}/{scan}.nii.gz")
            save(tmp_path / f"set/masks/{patient}/{scan}.nii.gz", [(1, (number, 3, 1, 5 + number, 7, 4))])
    run("masks", tmp_path / "set", tmp_path / "out")
    starts = {name: seen(case)[0][0][0] for name, case in cases_of(tmp_path / "out").items()}
    assert starts == {"p1_0001": 0, "p1_0002": 0, "p2_0001": 1, "p2_0002": 1}


@pytest.mark.parametrize("folder", ["set #1", "#set", "a [x] 'b' \u00e4"])
def test_signs_in_paths_stay_as_they_are(tmp_path, folder):
    source = tmp_path / folder
    run("masks", masks(source / "masks"), tmp_path / "out")
    run("masks", source / "masks", tmp_path / "pattern", images="images/*.nii.gz", label_maps="masks")
    assert set(cases_of(tmp_path / "out")) == set(cases_of(tmp_path / "pattern")) == {"a", "b"}
    tree = yolo(source / "yolo", {"a #1": [YOLO_BOX], "#b": [YOLO_BOX]})
    run("yolo", tree, tmp_path / "first", **OWN)
    write(tree / "my #list.txt", "images/train/a #1.png\nimages/train/#b.png\n")
    write(tree / "data.yaml", "train: 'my #list.txt' # all\nnames: [\"les#ion # 'big'\"]\n")
    account = run("yolo", tree, tmp_path / "second", **OWN)
    assert found(tmp_path / "first") == found(tmp_path / "second") == {"a #1": RIGHT, "#b": RIGHT}
    assert account["class_names"] == ["les#ion # 'big'"]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a: b#c # d", "b#c"),
        ("a: 'it''s # here' # d", "it's # here"),
        ('a: "q \\" # r" # d', 'q " # r'),
        ("a: 'C:\\new\\table'", "C:\\new\\table"),
        ("a: it's # d", "it's"),
        ("a: [ 'x # y', z#1 ] # d", ["x # y", "z#1"]),
        ("a: {0: 'p, q: # r', 1: s}", {0: "p, q: # r", 1: "s"}),
        ("a: my images/train set", "my images/train set"),
        ("a: 007", "007"),
        ("a: -3.5e2", -350.0),
    ],
)
def test_quotes_signs_and_blanks_in_yaml(tmp_path, text, wanted):
    write(tmp_path / "a.yaml", text)
    assert read_plain_yaml(tmp_path / "a.yaml")["a"] == wanted


def monai(root):
    save(root / "a.nii.gz", affine=np.diag([2.0, 2, 2, 1]))
    save(root / "b.nii.gz", affine=np.diag([2.0, 2, 2, 1]))
    good, odd = [-8, -10, 12, 4, 6, 8], [None, [], [0, 0, 0, 0, 1, 1], [1, 2, 3], "x"]
    rows = [{"image": "a.nii.gz", "box": [good, *odd], "label": [0] * 6}, {"image": "b.nii.gz", "box": odd, "label": [0] * 5}, {"box": []}]
    write(root / "list.json", json.dumps({"training": rows}))
    return root / "list.json"


def test_odd_boxes_of_monai_lists(tmp_path):
    account = run("monai", monai(tmp_path / "set"), tmp_path / "out", **OWN)
    # LPS (-8, -10, 12) is RAS (8, 10, 12), voxel (4, 5, 6) of 2 mm; sizes of 4, 6, 8 mm.
    assert {name: seen(case) for name, case in cases_of(tmp_path / "out").items()} == {"a": [([3.5, 4, 4.5, 5.5, 7, 8.5], 0, False)]}
    assert (len(account["left_out"]), account["cases_left_out"]) == (10, ["b"])
    assert account["notes"] == ["1 entries without an image were left out, such as training[2]"]


BOMB = "<!DOCTYPE a [<!ENTITY x 'xx'><!ENTITY y '&x;&x;'>]><annotation>&y;</annotation>"


@pytest.mark.parametrize(
    ("name", "file", "content"),
    [("voc", "Annotations/a.xml", content) for content in (b"", BOMB.encode(), b"<a>" * 5, b"\xff\xfe", struct.pack("<64Q", *range(64)))]
    + [
        (name, file, content)
        for name, file in (
            ("coco", "instances.json"),
            ("msd", "dataset.json"),
            ("nndetection", "dataset.json"),
            ("nndetection", "labelsTr/a.json"),
        )
        for content in (
            b"",
            b"[" * 100_000,
            b'{"labels": 1e999}',
            b'{"images": ' + b"9" * 5000 + b"}",
            b"[]",
            b"1",
            b'{"labels": null}',
            b"\xff",
        )
    ]
    + [("yolo", "data.yaml", content) for content in (b"", b"\xff\xfe\0", b"names: " + b"[" * 5000, b"train: 1e999\nnames: 1")]
    + [("yolo", "labels/train/a.txt", content) for content in (b"\xff", b"0 1e400 1 1 1", b"9" * 5000 + b" 0.5 0.5 0.1 0.1")]
    + [("luna16", "annotations.csv", content) for content in (b"", b"\0\xff", b"a,b\n1,2,3", b'"' * 999, b"seriesuid,coordX\n1,2\n")],
)
def test_hostile_files_end_in_one_line(tmp_path, name, file, content):
    source = SETS[name][0](tmp_path / "set")
    write(source / file, content)
    options = OWN if name == "yolo" else {}
    with pytest.raises(DataError) as info:
        run(name, source, tmp_path / "out", **options)
    assert "\n" not in str(info.value) and len(str(info.value)) < 1000
    (source / file).unlink()
    (source / file).mkdir()
    with pytest.raises(DataError):
        run(name, source, tmp_path / "out", **options)
