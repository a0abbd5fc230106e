"""Scans are known by what they hold: never does one get the findings of another."""

import hashlib
import json
import os
import shutil
import time

import nibabel
import pytest

from medtk_monai.data.content import Content
from medtk_monai.errors import DataError
from medtk_monai.formats import read_predictions
from medtk_monai.prediction import find_scans
from medtk_monai.prediction.run import predict_scans
from tests.prediction.marked_scans import centers_of, predictor, save_marked

JSON = ("json",)


def predict(out, *paths):
    return predict_scans(predictor, find_scans(paths), out, JSON, {})


def unneeded():
    raise AssertionError("nothing is left to do")


def other_scan(path):
    """A scan with the same marks, placed 10 mm further."""
    scan = nibabel.load(path)
    affine = scan.affine.copy()
    affine[:3, 3] += 10
    beside = path.with_name(f"beside{''.join(path.suffixes)}")
    nibabel.save(nibabel.Nifti1Image(scan.get_fdata(dtype="float32"), affine), beside)
    os.replace(beside, path)


def test_another_scan_under_the_same_path_is_refused_not_given_the_earlier_findings(tmp_path):
    path = tmp_path / "incoming" / "scan.nii.gz"
    path.parent.mkdir()
    world = save_marked(path)
    predict(tmp_path / "out", path)
    kept = json.loads((tmp_path / "out/scan/predictions.json").read_text())["cases"][0]["content"]
    assert kept["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    other_scan(path)
    with pytest.raises(
        DataError, match="case 'scan': .*content has changed -- remove .*scan to have it done again, or choose another --out"
    ):
        predict(tmp_path / "out", path)
    shutil.rmtree(tmp_path / "out/scan")
    assert list(predict(tmp_path / "out", path).done) == ["scan"]
    (case,) = read_predictions(tmp_path / "out/predictions.json")
    assert abs(centers_of(case) - world - 10).max() < 0.01


def test_another_scan_of_the_same_size_and_times_is_refused(tmp_path):
    """As rsync and archives keep the times of files."""
    path = tmp_path / "scan.nii"
    save_marked(path)
    before = path.stat()
    predict(tmp_path / "out", path)
    other_scan(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    with pytest.raises(DataError, match="content has changed"):
        predict(tmp_path / "out", path)


def test_a_scan_that_was_only_touched_is_not_done_again(tmp_path):
    path = tmp_path / "scan.nii.gz"
    save_marked(path)
    predict(tmp_path / "out", path)
    shutil.copy(path, tmp_path / "copy")
    os.replace(tmp_path / "copy", path)
    os.utime(path, (time.time() + 100,) * 2)
    assert predict_scans(unneeded, find_scans([path]), tmp_path / "out", JSON, {}).skipped == ["scan"]


def test_findings_of_an_earlier_release_are_not_trusted(tmp_path):
    path = tmp_path / "scan.nii.gz"
    save_marked(path)
    predict(tmp_path / "out", path)
    kept = tmp_path / "out/scan/predictions.json"
    document = json.loads(kept.read_text())
    del document["cases"][0]["content"]
    kept.write_text(json.dumps(document))
    with pytest.raises(DataError, match="does not tell what .*scan.nii.gz was when it was looked at.*choose another --out"):
        predict(tmp_path / "out", path)


def test_one_scan_under_two_names_is_told(tmp_path, capsys):
    for name in ("a", "b"):
        save_marked(tmp_path / f"{name}.nii")
    other_scan(tmp_path / "b.nii")
    shutil.copy(tmp_path / "a.nii", tmp_path / "c.nii")
    assert len(predict(tmp_path / "out", tmp_path).done) == 3
    told = [line for line in capsys.readouterr().out.splitlines() if "one scan" in line]
    assert len(told) == 1 and "cases 'a' and 'c' are one scan" in told[0]


def test_a_folder_of_slices_is_known_by_all_of_them(tmp_path):
    folder = tmp_path / "series"
    folder.mkdir()
    for name in ("1.dcm", "2.dcm"):
        (folder / name).write_bytes(name.encode())
    content = Content.of(folder)
    (folder / ".DS_Store").write_bytes(b"junk")
    assert content.is_of(folder)
    (folder / "2.dcm").write_bytes(b"other")
    assert not content.is_of(folder)
    (folder / "2.dcm").write_bytes(b"2.dcm")
    assert content.is_of(folder)
    (folder / "3.dcm").write_bytes(b"3.dcm")
    assert not content.is_of(folder)


@pytest.mark.parametrize(
    "line", ["ElementDataFile = other.raw", "ElementDataFile=other.raw", "elementdatafile : other.raw", "ElementDataFile = LIST\nother.raw"]
)
def test_a_header_is_known_with_the_data_that_it_names(tmp_path, line):
    (tmp_path / "scan.mhd").write_text(f"ObjectType = Image\n{line}\n")
    (tmp_path / "other.raw").write_bytes(b"one")
    content = Content.of(tmp_path / "scan.mhd")
    assert content.is_of(tmp_path / "scan.mhd")
    (tmp_path / "other.raw").write_bytes(b"two")
    assert not content.is_of(tmp_path / "scan.mhd")
