"""Which scans some words stand for."""

import hashlib
import json
import struct
import zipfile

import pytest

from medtk_monai.errors import DataError
from medtk_monai.formats import write_predictions
from medtk_monai.prediction import Scan, find_scans
from medtk_monai.prediction import inputs as inputs_module
from medtk_monai.prediction.inputs import readable


def touch(path, content=b"x"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


IMAGE, REPORT, SEGMENTATION = ("1.2.840.10008.5.1.4.1.1." + part for part in ("4", "88.34", "66.4"))
STRUCTURES, DIRECTORY = "1.2.840.10008.5.1.4.1.1.481.3", "1.2.840.10008.1.3.10"


def dicom(path, uid=IMAGE):
    """A DICOM file that ends after the elements that tell its class."""
    version = struct.pack("<HH2sHI", 2, 1, b"OB", 0, 2) + b"\0\1"
    name = uid.encode() + b"\0" * (len(uid) % 2)
    group = struct.pack("<HH2sHI", 2, 0, b"UL", 4, 0)
    return touch(path, bytes(128) + b"DICM" + group + version + struct.pack("<HH2sH", 2, 2, b"UI", len(name)) + name)


def ids(scans):
    return [scan.case_id for scan in scans]


def test_files_patterns_and_folders(tmp_path):
    for name in ("a.nii.gz", "b.mha", "c.nrrd", "d.nii", "notes.txt", ".hidden.nii"):
        touch(tmp_path / name)
    assert ids(find_scans([tmp_path / "a.nii.gz", tmp_path / "b.mha"])) == ["a", "b"]
    assert ids(find_scans([str(tmp_path / "*.nii*")])) == ["a", "d"]
    assert ids(find_scans([tmp_path])) == ["a", "b", "c", "d"]
    assert ids(find_scans([tmp_path, tmp_path / "a.nii.gz"])) == ["a", "b", "c", "d"], "each scan once"


def test_dicom_folders_at_any_depth(tmp_path):
    for number in range(3):
        dicom(tmp_path / "p1" / "study" / "series" / f"{number}")
        dicom(tmp_path / "p2" / "study" / "series" / f"{number}.dcm")
    touch(tmp_path / "p3.nii")
    found = find_scans([tmp_path])
    assert ids(found) == ["p3", "p1_study_series", "p2_study_series"]
    assert found[1].path == str(tmp_path / "p1/study/series")
    assert ids(find_scans([tmp_path / "p1/study/series"])) == ["series"]


def test_a_series_does_not_hide_what_lies_beside_and_below_it(tmp_path):
    dicom(tmp_path / "inbox" / "IM0")
    dicom(tmp_path / "inbox" / "p1" / "series" / "1.dcm")
    touch(tmp_path / "inbox" / "p2.nii.gz")
    dicom(tmp_path / "inbox" / ".hidden" / "1.dcm")
    found = find_scans([tmp_path / "inbox"])
    assert [(scan.case_id, scan.path) for scan in found] == [
        ("p2", str(tmp_path / "inbox/p2.nii.gz")),
        ("inbox", str(tmp_path / "inbox")),
        ("series", str(tmp_path / "inbox/p1/series")),
    ]


def test_dicom_is_looked_for_among_all_files_until_it_is_found(tmp_path, monkeypatch):
    for number in range(20):
        touch(tmp_path / "late" / f"{number:02}.txt")
    dicom(tmp_path / "late" / "slice")
    assert ids(find_scans([tmp_path])) == ["late"]
    for number in range(20):
        dicom(tmp_path / "series" / f"{number:02}.dcm")
    opened = []
    look = inputs_module.is_dicom_image
    monkeypatch.setattr(inputs_module, "is_dicom_image", lambda path: opened.append(path) or look(path))
    assert ids(find_scans([tmp_path / "series"])) == ["series"] and len(opened) == 1


@pytest.mark.parametrize("uid", [REPORT, SEGMENTATION, STRUCTURES, DIRECTORY])
def test_dicom_that_is_no_image_is_no_scan(tmp_path, uid):
    dicom(tmp_path / "only" / "findings.dcm", uid)
    dicom(tmp_path / "series" / "0.dcm", uid)
    dicom(tmp_path / "series" / "1.dcm")
    assert ids(find_scans([tmp_path])) == ["series"]
    assert ids(find_scans([str(tmp_path / "*" / "*.dcm")])) == ["1"]
    with pytest.raises(DataError, match="holds no images"):
        find_scans([tmp_path / "only"])
    with pytest.raises(DataError, match="DICOM files that are no images -- give the scans"):
        find_scans([tmp_path / "only" / "findings.dcm"])


def predictions(out, case):
    """Such files as predictions leave behind."""
    write_predictions(touch(out / "predictions.json"), [])
    write_predictions(touch(out / case / "predictions.json"), [])
    for name in ("settings.json", f"{case}/findings.nii.gz", f"{case}/preview.png"):
        touch(out / name)
    dicom(out / case / "findings.dcm", REPORT)
    return out


def test_predictions_are_no_scans(tmp_path):
    touch(tmp_path / "a.nii.gz"), dicom(tmp_path / "b" / "0.dcm")
    predictions(tmp_path, "c"), predictions(tmp_path / "out", "a")
    assert ids(find_scans([tmp_path])) == ["a", "b"], "the folder itself may be that of the predictions"
    assert ids(find_scans([tmp_path, tmp_path / "out", tmp_path / "out" / "a"])) == ["a", "b"]
    assert ids(find_scans([str(tmp_path / "**" / "*.nii.gz")])) == ["a"]
    assert ids(find_scans(sorted(tmp_path.iterdir()))) == ["a", "b"], "as a shell finds them by *"
    with pytest.raises(DataError, match="nothing but files of predictions"):
        find_scans([tmp_path / "out"])
    (tmp_path / "out" / "predictions.json").unlink()
    with pytest.raises(DataError, match="nothing but files of predictions"):
        find_scans([tmp_path / "out"])


def test_a_scan_may_have_the_name_of_a_prediction(tmp_path):
    touch(tmp_path / "findings.nii.gz"), touch(tmp_path / "predictions.json", b"[]")
    assert ids(find_scans([tmp_path])) == ["findings"]


def test_datalists(tmp_path):
    for name in ("a", "b", "c"):
        touch(tmp_path / f"{name}.nii")
    path = tmp_path / "list.json"
    splits = {"training": [{"image": "a.nii"}], "test": [{"image": "b.nii", "case_id": "x/../y"}]}
    path.write_text(json.dumps(splits))
    assert find_scans([path]) == [Scan("x/../y", str(tmp_path / "b.nii"))]
    assert find_scans([path])[0].folder.startswith("x_.._y~")
    assert ids(find_scans([path], "training")) == ["a"]
    path.write_text(json.dumps({"mine": [{"image": "c.nii"}]}))
    assert ids(find_scans([path])) == ["c"]
    path.write_text(json.dumps({"one": [{"image": "a.nii"}], "two": [{"image": "b.nii"}]}))
    with pytest.raises(DataError, match="one, two.*--split"):
        find_scans([path])


def test_equal_names_are_told_apart_by_their_folders(tmp_path):
    for name in ("p1/scan.nii", "p2/scan.nii", "p2/other.nii"):
        touch(tmp_path / name)
    assert ids(find_scans([tmp_path / "p1", tmp_path / "p2"])) == ["p1_scan", "other", "p2_scan"]


def test_equal_names_in_one_folder_are_told_apart_by_their_suffixes(tmp_path):
    for name in ("p1/scan.nii.gz", "p1/scan.mha", "p1/other.nii", "p2/scan.nii.gz", "p2/scan.nii"):
        touch(tmp_path / name)
    dicom(tmp_path / "p1" / "scan" / "1.dcm")
    assert ids(find_scans([tmp_path / "p1"])) == ["other", "scan_mha", "scan_nii_gz", "scan"]
    together = ids(find_scans([tmp_path / "p1", tmp_path / "p2"]))
    assert together == ["other", "scan_mha", "p1_scan_nii_gz", "scan", "scan_nii", "p2_scan_nii_gz"]


def test_names_that_cannot_be_told_apart(tmp_path):
    for name in ("a", "b"):
        touch(tmp_path / f"{name}.nii")
        (tmp_path / f"{name}.json").write_text(json.dumps({"test": [{"image": f"{name}.nii", "case_id": "x"}]}))
    with pytest.raises(DataError, match="2 scans have this name"):
        find_scans([tmp_path / "a.json", tmp_path / "b.json"])


@pytest.mark.parametrize(
    "case_id, folder",
    [
        ("site/01", "site_01~"),
        ("..", "~"),
        (".a", "a~"),
        ("a b\\c", "a_b_c~"),
        ("\u00e4-1.2+", "\u00e4-1.2+"),
        ("/", "_~"),
        ("nul.1", "_nul.1~"),
    ],
)
def test_folders_have_names_that_file_systems_take(case_id, folder):
    """Where something of the id had to go, a digest of it follows."""
    mark = hashlib.sha256(case_id.encode()).hexdigest()[:10] if folder.endswith("~") else ""
    assert Scan(case_id, "").folder == folder + mark


@pytest.mark.parametrize("word", ["absent.nii", "*.mha", "notes.txt", "empty"])
def test_what_is_no_scan(tmp_path, word):
    touch(tmp_path / "notes.txt")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError) as error:
        find_scans([tmp_path / word])
    assert word in str(error.value) and error.value.remedy


def archive(path, *names):
    with zipfile.ZipFile(path, "w") as file:
        for name in names:
            file.writestr(name, bytes(128) + b"DICM")
    return Scan("z", str(path))


def test_an_archive_is_unpacked_for_the_time_being(tmp_path):
    with readable(archive(tmp_path / "z.zip", "study/1.dcm", "study/2.dcm")) as folder:
        inside = inputs_module.Path(folder)
        assert sorted(path.name for path in inside.iterdir()) == ["1.dcm", "2.dcm"]
    assert not inside.exists()


def test_an_archive_writes_nowhere_else(tmp_path):
    (tmp_path / "in").mkdir()
    with readable(archive(tmp_path / "in" / "z.zip", "../../evil.dcm", "/evil2.dcm")):
        assert not list(tmp_path.rglob("evil*"))


@pytest.mark.parametrize("names", [(), ("a/1.dcm", "b/1.dcm")])
def test_an_archive_must_hold_one_series(tmp_path, names):
    with pytest.raises(DataError, match=f"'z'.*{len(names)} folders"), readable(archive(tmp_path / "z.zip", *names)):
        pass


def test_a_broken_or_huge_archive(tmp_path, monkeypatch):
    with pytest.raises(DataError, match=r"cannot unpack .*bad\.zip"), readable(Scan("b", str(touch(tmp_path / "bad.zip")))):
        pass
    monkeypatch.setattr(inputs_module, "MAX_ARCHIVE_BYTES", 200)
    with pytest.raises(DataError, match="GB"), readable(archive(tmp_path / "z.zip", "1.dcm", "2.dcm")):
        pass
