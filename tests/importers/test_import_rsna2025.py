"""RSNA 2025: pixels of DICOM slices become points in the patient, and lie in the same voxels when the series is read."""

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from medtk_monai.errors import DataError
from tests.dicom import write_series
from tests.importers.trees import cases_of, run, seen

AFFINES = {"straight": np.diag([-0.5, -0.6, 2.0, 1.0]), "oblique": None}
TURN = np.deg2rad(25)
ROTATION = np.array([[1, 0, 0], [0, np.cos(TURN), -np.sin(TURN)], [0, np.sin(TURN), np.cos(TURN)]])
AFFINES["oblique"] = np.block([[ROTATION @ np.diag([-0.5, -0.6, 2.0]), np.array([[11], [-7], [30]])], [np.zeros((1, 3)), np.ones((1, 1))]])
LOCATIONS = ["Left MCA", "Basilar Tip"]
SIZE = (20, 18, 9)


@pytest.fixture
def tree(tmp_path):
    """tree(affine, named, x and y) -> a data set of four series; the first has a point in slice 3 and one in slice 6."""

    def make(affine=AFFINES["straight"], named=True, places=((4, 11), (13, 5))):
        root, volume = tmp_path / "rsna", np.zeros(SIZE, dtype=np.int16)
        slices = {}
        for uid in ("1.2.1", "1.2.2", "1.2.3"):
            for path in write_series(root / "series" / uid, volume, affine, series_uid=uid, PatientID=f"P{uid[-1]}"):
                slice_uid = str(pydicom.dcmread(path).SOPInstanceUID)
                slices.setdefault(uid, []).append(slice_uid)
                if named:
                    (root / "series" / uid / f"{slice_uid}.dcm").write_bytes((root / path).read_bytes())
                    (root / path).unlink()
        rows = [f"1.2.{n},{60 + n},F,MRA,{n == 1:d},{n == 1:d},{n == 1 or n == 3:d}" for n in (1, 2, 3, 4)]
        head = f"SeriesInstanceUID,PatientAge,PatientSex,Modality,{','.join(LOCATIONS)},Aneurysm Present"
        (root / "train.csv").write_text("\n".join([head, *rows]))
        points = [
            f"1.2.1,{slices['1.2.1'][z]},\"{{'x': {x}, 'y': {y}}}\",{name}" for (x, y), z, name in zip(places, (3, 6), LOCATIONS[::-1])
        ]
        (root / "train_localizers.csv").write_text("\n".join(["SeriesInstanceUID,SOPInstanceUID,coordinates,location", *points]))
        return root

    return make


@pytest.mark.parametrize("affine", AFFINES)
@pytest.mark.parametrize("named", [True, False])
def test_points_lie_in_their_voxels(tree, tmp_path, affine, named):
    account = run("rsna2025", tree(AFFINES[affine], named), tmp_path / "out", location_classes=True)
    cases = cases_of(tmp_path / "out", point_radius_mm=1.5)
    # 3 mm are 6, 5 and 1.5 voxels, around the center of the pixel.
    wanted = [([1.5, 9, 2.75, 7.5, 14, 4.25], 1, False), ([10.5, 3, 5.75, 16.5, 8, 7.25], 0, False)]
    assert seen(cases["1.2.1"]) == wanted
    assert seen(cases["1.2.2"]) == []
    assert account["class_names"] == LOCATIONS
    assert cases["1.2.1"]["location"] == "Basilar Tip; Left MCA" and cases["1.2.1"]["point_locations"] == ["Basilar Tip", "Left MCA"]
    assert {key: cases["1.2.2"][key] for key in ("age", "sex", "modality", "patient_id")} == {
        "age": 62,
        "sex": "F",
        "modality": "MRA",
        "patient_id": "P2",
    }


def test_series_whose_aneurysm_nobody_placed_are_left_out(tree, tmp_path):
    account = run("rsna2025", tree(), tmp_path / "out", radius_mm=2.0)
    assert set(cases_of(tmp_path / "out")) == {"1.2.1", "1.2.2"}
    assert "1 series of train.csv that are not in series/" in account["notes"][0]
    assert "1 series with an aneurysm but no localizer were left out, such as 1.2.3" in account["notes"][1]
    assert account["splits"]["training"]["objects"] == {"aneurysm": 2}


def test_segmentations_are_named_and_strange_locations_told(tree, tmp_path):
    root = tree()
    (root / "segmentations").mkdir()
    for name in ("1.2.1.nii", "1.2.1_cowseg.nii", "1.2.11.nii"):
        (root / "segmentations" / name).touch()
    (root / "train_localizers.csv").write_text((root / "train_localizers.csv").read_text().replace("Left MCA", "Left Arm"))
    run("rsna2025", root, tmp_path / "out", radius_mm=2.0)
    cases = cases_of(tmp_path / "out")
    assert cases["1.2.1"]["segmentation"].endswith("1.2.1_cowseg.nii") and "segmentation" not in cases["1.2.2"]
    account = run("rsna2025", root, tmp_path / "classes", location_classes=True)
    assert ["'Left Arm' is no column" in item["what"] for item in account["left_out"]] == [True]
    assert cases_of(tmp_path / "classes", point_radius_mm=1.0)["1.2.1"]["point_locations"] == ["Basilar Tip"]


def test_points_keep_no_radius_unless_given(tree, tmp_path):
    run("rsna2025", tree(), tmp_path / "out")
    with pytest.raises(DataError, match="has no radius -- .*point_radius_mm"):
        cases_of(tmp_path / "out")


def frames_of(path, uid, count):
    """Turn a file of one slice into one of several frames, 3 mm apart along z, whose orientation all share."""
    header = pydicom.dcmread(path)
    shared, orientation, measures = Dataset(), Dataset(), Dataset()
    orientation.ImageOrientationPatient, measures.PixelSpacing = header.ImageOrientationPatient, header.PixelSpacing
    shared.PlaneOrientationSequence, shared.PixelMeasuresSequence = [orientation], [measures]
    frames = []
    for number in range(count):
        frame, plane = Dataset(), Dataset()
        plane.ImagePositionPatient = [10, 20, 30 + 3 * number]
        frame.PlanePositionSequence = [plane]
        frames.append(frame)
    header.SharedFunctionalGroupsSequence, header.PerFrameFunctionalGroupsSequence = [shared], frames
    header.NumberOfFrames, header.PixelData = count, header.PixelData * count
    del header.ImagePositionPatient, header.ImageOrientationPatient, header.PixelSpacing
    header.SOPInstanceUID = header.file_meta.MediaStorageSOPInstanceUID = uid
    header.save_as(path)


def test_frames_count_from_0(tree, tmp_path):
    root = tree()
    first, *others = sorted((root / "series/1.2.1").iterdir())
    for path in others:
        path.unlink()
    frames_of(first, "1.2.1.9", 5)
    table = root / "train_localizers.csv"
    table.write_text("SeriesInstanceUID,SOPInstanceUID,coordinates,location\n1.2.1,1.2.1.9,\"{'f': 2, 'x': 4, 'y': 11}\",Left MCA\n")
    run("rsna2025", root, tmp_path / "out", radius_mm=1.0)
    (box,) = cases_of(tmp_path / "out")["1.2.1"]["boxes"]
    assert box == pytest.approx([10 + 4 * 0.5, 20 + 11 * 0.6, 36, 2, 2, 2])
    table.write_text(table.read_text().replace("'f': 2", "'f': 5"))
    account = run("rsna2025", root, tmp_path / "more", radius_mm=1.0)
    assert "has 5 frames, the localizer names 5" in account["left_out"][0]["what"]
    assert account["cases_left_out"] == ["1.2.1"] and "1.2.1" not in cases_of(tmp_path / "more")


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("{'x': 4", "{'x': __import__('os')", "row 2: the coordinates"),
        (",1.", ",7.", "has no file of slice"),
        ("'y'", "'z'", "the coordinates"),
    ],
)
def test_bad_localizers_are_lost(tree, tmp_path, old, new, what):
    root = tree()
    table = root / "train_localizers.csv"
    head, first, second = table.read_text().splitlines()
    table.write_text("\n".join([head, first.replace(old, new), second]))
    account = run("rsna2025", root, tmp_path / "out")
    (lost,) = account["left_out"]
    assert lost["case_id"] == "1.2.1" and what in lost["what"]
    case = cases_of(tmp_path / "out", point_radius_mm=1.5)["1.2.1"]
    assert case["point_locations"] == [LOCATIONS[0]] and len(case["boxes"]) == 1
    table.write_text(
        "\n".join([head, first.replace(old, new), second.replace(old, new)] if old in second else [head, first.replace(old, new)])
    )
    assert run("rsna2025", root, tmp_path / "more")["cases_left_out"] == ["1.2.1"]
