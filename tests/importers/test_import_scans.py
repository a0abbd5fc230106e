"""Published data sets of scans, as small trees of their layout; what is planted in voxels comes back in voxels."""

import json

import itk
import numpy as np
import pytest

from medtk_monai.errors import DataError
from tests.importers.trees import AFFINE, cases_of, run, save, seen

BLOCK, OTHER = (2, 3, 1, 6, 7, 4), (9, 8, 6, 12, 10, 9)


def write_mhd(path, size, spacing, origin):
    """An image along the axes of the world, LPS mm."""
    image = itk.image_from_array(np.zeros(size[::-1], dtype=np.int16))
    image.SetSpacing(spacing)
    image.SetOrigin(origin)
    path.parent.mkdir(parents=True, exist_ok=True)
    itk.imwrite(image, str(path))


@pytest.fixture
def luna(tmp_path):
    """Two scans with 1 x 1 x 2 mm voxels, whose first voxel center is at LPS (-50, -40, -100)."""
    for number, uid in enumerate(("1.2.1", "1.2.2")):
        write_mhd(tmp_path / f"luna/subset{number}/{uid}.mhd", (40, 40, 30), (1.0, 1.0, 2.0), (-50.0, -40.0, -100.0))
    (tmp_path / "luna/annotations.csv").write_text(
        "seriesuid,coordX,coordY,coordZ,diameter_mm\n1.2.1,-40,-25,-80,8\n9.9.9,0,0,0,5\n9.9.9,1,0,0,5\n"
    )
    return tmp_path / "luna"


def test_luna16(luna, tmp_path):
    (luna / "CSVFILES").mkdir()
    (luna / "CSVFILES/annotations_excluded.csv").write_text(
        "seriesuid,coordX,coordY,coordZ,diameter_mm\n1.2.1,-30,-25,-60,-1\n1.2.2,-30,-25,-60,4\n"
    )
    account = run("luna16", luna, tmp_path / "out", test="subset=1")
    cases = cases_of(tmp_path / "out")
    # (-40, -25, -80) is voxel (10, 15, 10): 4 mm to each side of its center (10.5, 15.5, 10.5) in corners, 2 voxels along z.
    assert seen(cases["1.2.1"]) == [([6.5, 11.5, 8.5, 14.5, 19.5, 12.5], 0, False), ([15.5, 10.5, 18, 25.5, 20.5, 23], 0, True)]
    assert seen(cases["1.2.2"]) == [([18.5, 13.5, 19.5, 22.5, 17.5, 21.5], 0, True)]
    assert (cases["1.2.2"]["split"], cases["1.2.2"]["subset"], cases["1.2.1"]["split"]) == ("test", 1, "training")
    assert account["notes"][0].startswith("2 nodules of 1 scans")


def test_luna16_rows_that_tell_too_little(luna, tmp_path):
    """A nodule without a diameter is an ignored object of the nominal radius, one without a place is lost."""
    with (luna / "annotations.csv").open("a") as file:
        file.write("1.2.1,-30,-25,-60,-1\n1.2.2,,-25,-60,5\n")
    account = run("luna16", luna, tmp_path / "out")
    cases = cases_of(tmp_path / "out")
    assert seen(cases["1.2.1"]) == [([6.5, 11.5, 8.5, 14.5, 19.5, 12.5], 0, False), ([15.5, 10.5, 18, 25.5, 20.5, 23], 0, True)]
    assert [item["case_id"] for item in account["left_out"]] == ["1.2.1", "1.2.2"]
    assert ["row 5" in account["left_out"][0]["what"], "row 6" in account["left_out"][1]["what"]] == [True, True]
    assert set(cases) == {"1.2.1"} and account["cases_left_out"] == ["1.2.2"]


def test_luna16_complains(luna, tmp_path):
    (luna / "annotations.csv").unlink()
    with pytest.raises(DataError, match="has no annotations.csv"):
        run("luna16", luna, tmp_path / "out")


def test_adam(tmp_path):
    for subject, blocks in {"10001": [(1, BLOCK), (2, OTHER)], "10044B": [(1, BLOCK)], "10044F": []}.items():
        for folder in ("orig", "pre"):
            save(tmp_path / "adam" / subject / folder / "TOF.nii.gz")
        save(tmp_path / "adam" / subject / "aneurysms.nii.gz", blocks)
    (tmp_path / "adam/10044B/location.txt").write_text("4, 5, 2, 3\n10, 5, 2, 3\n")
    account = run("adam", tmp_path / "adam", tmp_path / "out")
    cases = cases_of(tmp_path / "out")
    assert seen(cases["10001"]) == [([*BLOCK], 0, False), ([*OTHER], 0, True)]
    assert seen(cases["10044B"]) == [([*BLOCK], 0, False)] and seen(cases["10044F"]) == []
    assert {cases[name]["patient_id"] for name in ("10044B", "10044F")} == {"10044"}
    assert account["class_names"] == ["aneurysm"] and any("names 2 aneurysms, the mask has 1" in note for note in account["notes"])
    assert cases["10001"]["image"].endswith("orig/TOF.nii.gz")
    run("adam", tmp_path / "adam", tmp_path / "pre", images="pre")
    assert cases_of(tmp_path / "pre")["10001"]["image"].endswith("pre/TOF.nii.gz")
    (tmp_path / "adam/10001/aneurysms.nii.gz").unlink()
    with pytest.raises(DataError, match="aneurysms.nii.gz does not exist"):
        run("adam", tmp_path / "adam", tmp_path / "none")


def test_cada(tmp_path):
    for name in ("A001_a", "A001_b", "A002"):
        save(tmp_path / "cada/train_dataset" / f"{name}_orig.nii.gz")
    save(tmp_path / "cada/train_mask_images/A001_a_labeledMasks.nii.gz", [(1, BLOCK), (2, (6, 3, 1, 8, 5, 4))])
    save(tmp_path / "cada/train_mask_images/A001_b_masks.nii.gz", [(255, BLOCK), (255, OTHER)])
    save(tmp_path / "cada/train_mask_images/A002_masks.nii.gz", [])
    account = run("cada", tmp_path / "cada", tmp_path / "out")
    cases = cases_of(tmp_path / "out")
    assert seen(cases["A001_a"]) == [([*BLOCK], 0, False), ([6, 3, 1, 8, 5, 4], 0, False)]
    assert seen(cases["A001_b"]) == [([*BLOCK], 0, False), ([*OTHER], 0, False)]
    assert account["splits"]["training"] | {"objects": 0} == account["splits"]["training"] | {"objects": 0, "patients": 2}
    assert account["splits"]["training"]["objects"] == {"aneurysm": 4}
    (tmp_path / "cada/train_mask_images/A002_masks.nii.gz").unlink()
    with pytest.raises(DataError, match="A002_orig.nii.gz has no"):
        run("cada", tmp_path / "cada", tmp_path / "none")


@pytest.fixture
def lausanne(tmp_path):
    root = tmp_path / "ds003949"
    for subject, session in (("sub-000", "ses-20100101"), ("sub-000", "ses-20110101"), ("sub-001", "ses-20100101")):
        save(root / subject / session / "anat" / f"{subject}_{session}_angio.nii.gz")
    masks = root / "derivatives/manual_masks/sub-000/ses-20100101/anat"
    save(masks / "sub-000_ses-20100101_desc-Lesion_1_mask.nii.gz", [(1, BLOCK)])
    save(masks / "sub-000_ses-20100101_desc-Lesion_2_mask.nii.gz", [(1, (6, 3, 1, 8, 5, 4))])
    (root / "participants.tsv").write_text("participant_id\tsex\tage\nsub-000\tF\t61\nsub-001\tM\tn/a\n")
    return root


def test_lausanne(lausanne, tmp_path):
    account = run("lausanne", lausanne, tmp_path / "out")
    cases = cases_of(tmp_path / "out")
    assert seen(cases["sub-000_ses-20100101"]) == [([*BLOCK], 0, False), ([6, 3, 1, 8, 5, 4], 0, False)]
    assert seen(cases["sub-001_ses-20100101"]) == seen(cases["sub-000_ses-20110101"]) == []
    assert (cases["sub-000_ses-20110101"]["patient_id"], cases["sub-000_ses-20110101"]["age"]) == ("sub-000", 61)
    assert "age" not in cases["sub-001_ses-20100101"]
    assert account["splits"]["training"]["patients"] == 2


def test_a_file_that_was_not_downloaded_is_no_healthy_case(lausanne, tmp_path):
    (mask,) = lausanne.rglob("*Lesion_1_mask.nii.gz")
    mask.unlink()
    mask.symlink_to("../.git/annex/objects/nowhere")
    with pytest.raises(DataError, match="datalad get") as info:
        run("lausanne", lausanne, tmp_path / "out")
    assert info.value.case == "sub-000_ses-20100101"


@pytest.fixture
def msd(tmp_path):
    root = tmp_path / "Task99"
    save(root / "imagesTr/case_001.nii.gz", size=(16, 14, 12, 2))
    save(root / "labelsTr/case_001.nii.gz", [(1, BLOCK), (3, OTHER), (1, (13, 1, 1, 14, 2, 2))])
    save(root / "imagesTs/case_002.nii.gz", size=(16, 14, 12, 2))
    content = {
        "labels": {"0": "background", "1": "edema", "2": "cyst", "3": "tumor"},
        "modality": {"0": "T1", "1": "T2"},
        "training": [{"image": "./imagesTr/case_001.nii.gz", "label": "./labelsTr/case_001.nii.gz"}],
        "test": ["./imagesTs/case_002.nii.gz"],
    }
    (root / "dataset.json").write_text(json.dumps(content))
    return root


def test_msd(msd, tmp_path):
    account = run("msd", msd, tmp_path / "out")
    (case,) = cases_of(tmp_path / "out").values()
    assert seen(case) == [([*BLOCK], 0, False), ([*OTHER], 2, False), ([13, 1, 1, 14, 2, 2], 0, False)]
    assert account["class_names"] == ["edema", "cyst", "tumor"]
    assert account["notes"][:2] == ["channels: T1, T2", "1 test images without labels were left out"]
    run("msd", msd, tmp_path / "test", unlabeled_test=True)
    assert {name: case["split"] for name, case in cases_of(tmp_path / "test").items()} == {"case_001": "training", "case_002": "test"}


def test_msd_complains_of_a_value_without_a_name(msd, tmp_path):
    save(msd / "labelsTr/case_001.nii.gz", [(1, BLOCK), (7, OTHER)])
    with pytest.raises(DataError, match="has the value 7, which is no class") as info:
        run("msd", msd, tmp_path / "out")
    assert info.value.case == "case_001"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("dataset.json", '{"labels": {"0": "benign", "1": "malignant"}, "modalities": {"0": "CT", "1": "PET"}}'),
        ("dataset.yaml", 'task: Task000\nlabels: # classes\n  "0": benign\n  "1": malignant\nmodalities: {0: CT, 1: PET}\n'),
    ],
)
def test_nndetection(tmp_path, name, text):
    root = tmp_path / "Task000"
    for part, case in (("Tr", "case_1"), ("Ts", "case_2")):
        for channel in ("0000", "0001"):
            save(root / f"raw_splitted/images{part}/{case}_{channel}.nii.gz")
        save(root / f"raw_splitted/labels{part}/{case}.nii.gz", [(1, BLOCK), (2, OTHER)])
        (root / f"raw_splitted/labels{part}/{case}.json").write_text('{"instances": {"1": 1, "2": 0}}')
    (root / name).write_text(text)
    account = run("nndetection", root, tmp_path / "out", channel=1)
    cases = cases_of(tmp_path / "out")
    assert seen(cases["case_1"]) == [([*BLOCK], 1, False), ([*OTHER], 0, False)]
    assert cases["case_1"]["image"].endswith("case_1_0001.nii.gz") and cases["case_2"]["split"] == "test"
    assert account["class_names"] == ["benign", "malignant"] and "1 modalities" in account["notes"][0]
    (root / "raw_splitted/labelsTs/case_2.json").unlink()
    with pytest.raises(DataError, match="case_2.json does not exist"):
        run("nndetection", root, tmp_path / "none")


def test_monai_lists(tmp_path):
    """Voxel (4, 5, 6) of an oblique scan, in LPS as MONAI's lists of LUNA16 are, as centers and sizes or as corners."""
    save(tmp_path / "images/a/a.nii.gz", affine=np.diag([2.0, 2, 2, 1]))
    save(tmp_path / "images/b/b.nii.gz", affine=AFFINE)
    lists = {
        "training": [{"image": "a/a.nii.gz", "box": [[-8, -10, 12, 4, 6, 8], [0, 0, 0, 0, 1, 1]], "label": [1, 0], "site": "X"}],
        "validation": [{"image": "b/b.nii.gz", "box": [], "label": []}],
    }
    (tmp_path / "fold0.json").write_text(json.dumps(lists))
    account = run("monai", tmp_path / "fold0.json", tmp_path / "out", validation=None, test=None, images="images")
    cases = cases_of(tmp_path / "out")
    assert seen(cases["a"]) == [([3.5, 4, 4.5, 5.5, 7, 8.5], 1, False)]
    assert (cases["a"]["site"], cases["b"]["split"]) == ("X", "validation")
    assert [item["case_id"] for item in account["left_out"]] == ["a"]
    lists["training"][0] |= {"box": [[-10, -13, 8, -6, -7, 16]], "label": [0]}
    (tmp_path / "fold0.json").write_text(json.dumps(lists))
    run("monai", tmp_path / "fold0.json", tmp_path / "corners", validation=None, test=None, images="images", box_mode="xyzxyz")
    assert seen(cases_of(tmp_path / "corners")["a"]) == [([3.5, 4, 4.5, 5.5, 7, 8.5], 0, False)]
