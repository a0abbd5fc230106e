"""From files to files, in all combinations."""

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from made_cases import SIZES, case_of, made_affine, made_case
from PIL import Image

from medtk_monai.errors import DataError
from medtk_monai.formats import FORMATS, convert, read_predictions, voxel_boxes, write_predictions

VOLUMES = [name for name, kind in FORMATS.items() if 3 in kind.dims]
MANUAL = Path(__file__).parents[2] / "docs" / "prediction.md"
ONE_CASE = [name for name, kind in FORMATS.items() if kind.one_case]


def cases(dims=3):
    """Boxes of whole voxels along the patient's axes, on oblique grids where they can be told."""
    made = []
    for seed, case_id in enumerate("ab"):
        affine = made_affine(np.random.default_rng(seed), dims, False)
        boxes = {2: [[1, 2, 4, 6], [10, 8, 12, 9]], 3: [[1, 2, 3, 4, 6, 8], [10, 8, 7, 12, 9, 8]]}[dims]
        made.append(case_of(boxes, affine, SIZES[dims], [0.75, 0.25], [1, 0], case_id))
    return made


def save_images(folder, made):
    folder.mkdir()
    for case in made:
        nib.save(
            nib.Nifti1Image(np.zeros(case["grid"]["size"], np.uint8), np.array(case["grid"]["affine"])),
            folder / f"{case['case_id']}.nii.gz",
        )
    return str(folder)


def place(folder, name):
    return folder / name if name in ONE_CASE else folder / f"{name}{FORMATS[name].suffixes[0]}"


LOST = {
    "medtk": [],
    "luna": ["prior ids: 4 of 4 not kept", "voxel grids: 2 of 2 not kept"],
    "nndetection": ["prior ids: 4 of 4 not kept"],
    "slicer": ["voxel grids: 2 of 2 not kept"],
    "adam": ["centers", "sizes", "scores: 4 of 4 not kept, by up to 0.75", "labels: 2 of 4", "prior ids: 4 of 4", "voxel grids: 2 of 2"],
    "points": ["sizes", "prior ids", "voxel grids"],
    "label": ["prior ids: 4 of 4 not kept"],
}


@pytest.mark.parametrize("name", LOST)
def test_what_each_format_loses(tmp_path, name):
    write_predictions(tmp_path / "predictions.json", cases())
    lines = convert(tmp_path / "predictions.json", place(tmp_path, name), target_format=name)
    assert len(lines) == len(LOST[name])
    assert all(line.startswith(start) for line, start in zip(lines, LOST[name]))


@pytest.mark.parametrize("name", VOLUMES)
def test_the_manual_tells_what_each_format_loses(tmp_path, name):
    write_predictions(tmp_path / "predictions.json", [case | {"image": f"/scans/{case['case_id']}.nii.gz"} for case in cases()])
    kinds = {line.split(":")[0] for line in convert(tmp_path / "predictions.json", place(tmp_path, name), target_format=name)}
    (row,) = (line for line in MANUAL.read_text().splitlines() if line.startswith(f"| `{name}` |"))
    for kind in ("prior ids", "image paths", "voxel grids", "sizes", "scores", "labels"):
        assert (kind in row) == (kind in kinds), kind


@pytest.mark.parametrize("second", VOLUMES)
@pytest.mark.parametrize("first", VOLUMES)
def test_every_format_leads_to_every_other(tmp_path, first, second):
    made = cases()
    images = save_images(tmp_path / "images", made)
    write_predictions(tmp_path / "start.json", made)
    one, two, end = place(tmp_path / "one", first), place(tmp_path / "two", second), tmp_path / "end.json"
    convert(tmp_path / "start.json", one, target_format=first)
    convert(one, two, target_format=second, images=images)  # the source's format is found out
    convert(two, end, second, "medtk", images)
    for case, back in zip(made, read_predictions(end)):
        assert case["case_id"] == back["case_id"]
        lower, upper = np.split(voxel_boxes(case), 2, axis=1)
        middles = np.split(voxel_boxes(back), 2, axis=1)
        np.testing.assert_allclose((middles[0] + middles[1]) / 2, (lower + upper) / 2, atol=0.51)
        if not {"adam", "points"} & {first, second}:
            np.testing.assert_allclose(voxel_boxes(back), voxel_boxes(case), atol=2e-3)
            assert (back["scores"], back["labels"]) == (case["scores"], case["labels"])


def test_flat_images_through_coco(tmp_path):
    made = [case_of([[10, 5, 19, 8]], np.eye(3), (30, 20), [0.5], [1], "scan", "scan.png")]
    Image.fromarray(np.zeros((20, 30), np.uint8)).save(tmp_path / "scan.png")
    del made[0]["grid"], made[0]["prior_ids"]
    write_predictions(tmp_path / "predictions.json", made)  # the image lies beside it
    assert convert(tmp_path / "predictions.json", tmp_path / "coco.json", target_format="coco", class_names=["cell", "dust"]) == []
    document = json.loads((tmp_path / "coco.json").read_text())
    assert document["annotations"][0]["bbox"] == [10, 5, 9, 3]
    assert document["categories"] == [{"id": 1, "name": "cell"}, {"id": 2, "name": "dust"}]
    assert convert(tmp_path / "coco.json", tmp_path / "back.json", target_format="medtk") == []


@pytest.mark.parametrize("name", ["medtk", "luna", "nndetection", "label"])
def test_flat_scans_through_other_formats(tmp_path, name):
    write_predictions(tmp_path / "predictions.json", cases(2))
    lines = convert(tmp_path / "predictions.json", place(tmp_path, name), target_format=name)
    assert [line.split(":")[0] for line in lines] == [line.split(":")[0] for line in LOST[name]]


@pytest.mark.parametrize("name", ["slicer", "adam", "points"])
def test_flat_scans_are_refused_by_formats_of_volumes(tmp_path, name):
    write_predictions(tmp_path / "predictions.json", cases(2))
    with pytest.raises(DataError, match=f"'a'.*2D.*{name}"):
        convert(tmp_path / "predictions.json", tmp_path / "new", target_format=name)
    assert not (tmp_path / "new").exists()


def test_volumes_are_refused_by_coco_before_grids_are_looked_for(tmp_path):
    made = cases()
    del made[0]["grid"]
    write_predictions(tmp_path / "predictions.json", made)
    with pytest.raises(DataError, match="'a'.*3D.*coco"):
        convert(tmp_path / "predictions.json", tmp_path / "new" / "coco.json", target_format="coco")
    assert [path.name for path in tmp_path.iterdir()] == ["predictions.json"]


def test_an_unknown_grid_is_told(tmp_path):
    made = cases()
    del made[1]["grid"]
    write_predictions(tmp_path / "predictions.json", made)
    with pytest.raises(DataError, match="'b'.*scan.*--images"):
        convert(tmp_path / "predictions.json", tmp_path / "new", target_format="label")


def test_one_image_is_that_of_one_case(tmp_path):
    (tmp_path / "result.txt").write_text("3, 4, 5\n")
    nib.save(nib.Nifti1Image(np.zeros((8, 9, 7), np.uint8), np.diag([1, 1, 2, 1])), tmp_path / "TOF.nii.gz")
    assert convert(tmp_path / "result.txt", tmp_path / "predictions.json", images=str(tmp_path / "TOF.nii.gz")) == []
    (case,) = read_predictions(tmp_path / "predictions.json")
    assert (case["case_id"], case["boxes"]) == ("result", [[3, 4, 10, 0, 0, 0]])
    with pytest.raises(DataError, match="'result'.*images"):
        convert(tmp_path / "result.txt", tmp_path / "predictions.json")


def test_files_are_written_all_or_none(tmp_path):
    made = [made_case(0, case_id="a"), made_case(1, case_id="b")]
    made[1]["scores"][0] = 1.5
    write_predictions(tmp_path / "predictions.json", made)
    with pytest.raises(DataError, match="'b'.*0 to 1"):
        convert(tmp_path / "predictions.json", tmp_path / "new" / "points", target_format="points")
    with pytest.raises(DataError, match="'[ab]'.*has no name"):
        convert(tmp_path / "predictions.json", tmp_path / "new" / "markups", target_format="slicer", class_names=[])
    assert [path.name for path in tmp_path.iterdir()] == ["predictions.json"]


@pytest.mark.parametrize("case_id", ["../a", "a/b", "a\\b", "..", ".a", " "])
def test_case_ids_do_not_lead_elsewhere(tmp_path, case_id):
    write_predictions(tmp_path / "predictions.json", [made_case(0, case_id=case_id)])
    with pytest.raises(DataError, match="cannot be the name of a file"):
        convert(tmp_path / "predictions.json", tmp_path / "new", target_format="slicer")
    assert [path.name for path in tmp_path.iterdir()] == ["predictions.json"]


def test_sources_and_images_are_not_written_over(tmp_path):
    made = cases()
    images = save_images(tmp_path / "images", made)
    write_predictions(tmp_path / "predictions.json", made)
    for target, options in [
        ("predictions.json", {}),
        ("images", {"target_format": "label", "images": images}),
        ("images", {"target_format": "label"}),
    ]:
        with pytest.raises(DataError, match="choose another target"):
            convert(tmp_path / "predictions.json", tmp_path / target, **options)
    assert read_predictions(tmp_path / "predictions.json") == made
    assert sorted(path.name for path in (tmp_path / "images").iterdir()) == ["a.nii.gz", "b.nii.gz"]
    with pytest.raises(DataError, match="is an image or part of the source"):
        convert(tmp_path / "predictions.json", tmp_path / "predictions.json", overwrite=True)


def test_the_file_beside_a_label_map_is_part_of_the_source(tmp_path):
    write_predictions(tmp_path / "predictions.json", cases()[:1])
    convert(tmp_path / "predictions.json", tmp_path / "a.nii.gz")
    with pytest.raises(DataError, match="a.json exists, and is an image or part of the source"):
        convert(tmp_path / "a.nii.gz", tmp_path / "a.json", target_format="medtk", overwrite=True)


def test_existing_files_are_written_over_on_demand(tmp_path):
    write_predictions(tmp_path / "predictions.json", cases())
    for target, name in ((tmp_path / "found.csv", None), (tmp_path / "maps", "label")):
        convert(tmp_path / "predictions.json", target, target_format=name)
    (tmp_path / "found.csv").write_text("mine")
    for target, name, shown in ((tmp_path / "found.csv", None, "found.csv"), (tmp_path / "maps", "label", "a.json")):
        with pytest.raises(DataError, match=f"{shown} exists -- choose another target, or give --overwrite"):
            convert(tmp_path / "predictions.json", target, target_format=name)
        assert (tmp_path / "found.csv").read_text() == "mine"
    for target, name in ((tmp_path / "found.csv", None), (tmp_path / "maps", "label")):
        convert(tmp_path / "predictions.json", target, target_format=name, overwrite=True)
    assert "seriesuid" in (tmp_path / "found.csv").read_text()


def test_formats_that_stay_open_are_told(tmp_path):
    write_predictions(tmp_path / "predictions.json", cases())
    for call, message in [
        (lambda: convert(tmp_path / "none.json", tmp_path / "a.csv"), "no file"),
        (lambda: convert(tmp_path / "predictions.json", tmp_path / "out.json"), "format of .*out.json is open"),
        (lambda: convert(tmp_path / "predictions.json", tmp_path / "new"), "format of .*new is open"),
        (lambda: convert(tmp_path / "predictions.json", tmp_path / "a.csv", target_format="xml"), "no format 'xml'.*medtk, luna"),
        (lambda: convert(tmp_path / "predictions.json", tmp_path / "result.txt"), "cannot hold 2 cases.*folder"),
        (lambda: convert(tmp_path / "predictions.json", tmp_path, target_format="luna"), "is a folder"),
    ]:
        with pytest.raises(DataError, match=message):
            call()
    (tmp_path / "notes.md").write_text("")
    with pytest.raises(DataError, match="notes.md is of no known format"):
        convert(tmp_path / "notes.md", tmp_path / "a.csv")
    (tmp_path / "other.csv").write_text("seriesuid,coordX,coordY,coordZ\n")
    with pytest.raises(DataError, match="several formats: luna, medtk"):
        convert(tmp_path, tmp_path / "new", target_format="slicer")


def test_a_folder_is_read_by_the_format_that_is_named(tmp_path):
    write_predictions(tmp_path / "predictions.json", cases())
    (tmp_path / "other.csv").write_text("seriesuid,coordX,coordY,coordZ\n")
    (tmp_path / ".hidden.json").write_text("{")
    assert len(convert(tmp_path, tmp_path / "a.csv", source_format="medtk")) == 2
    write_predictions(tmp_path / "again.json", cases()[:1])
    with pytest.raises(DataError, match="'a'.*found twice"):
        convert(tmp_path, tmp_path / "b.csv", source_format="medtk")


def test_lists_of_results_are_refused_with_a_remedy(tmp_path):
    (tmp_path / "results.json").write_text('[{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5}]')
    with pytest.raises(DataError, match="list of results.*put the results into a data set"):
        convert(tmp_path / "results.json", tmp_path / "a.csv")
