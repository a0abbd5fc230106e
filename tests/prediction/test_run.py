"""Many scans: some broken, some done before, some cut off."""

import json
import os
import signal
import time
from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest

from medtk_monai.errors import DataError
from medtk_monai.formats import (
    FORMATS,
    in_space,
    read_label_map,
    read_luna_csv,
    read_points,
    read_predictions,
    read_slicer_markups,
)
from medtk_monai.prediction import Scan, find_scans
from medtk_monai.prediction import outputs as outputs_module
from medtk_monai.prediction.outputs import chosen_formats
from medtk_monai.prediction.own_files import is_own_file
from medtk_monai.prediction.run import Progress, predict_scans, timing_table
from tests.prediction.marked_scans import centers_of, predictor, save_marked

ALL = chosen_formats(None)
NAMES = {"predictions.json", "predictions.csv", "findings.mrk.json", "findings.nii.gz", "findings.json", "points.json", "preview.png"}


def scans(folder, count=3):
    folder.mkdir(exist_ok=True)
    for number in range(count):
        save_marked(folder / f"scan{number}.nii.gz")
    return find_scans([folder])


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_every_scan_gets_its_files(tmp_path):
    progress = predict_scans(predictor, scans(tmp_path / "in"), tmp_path / "out", ALL, {"seed": 1})
    assert list(progress.done) == ["scan0", "scan1", "scan2"] and not progress.failed and not progress.skipped
    for name in progress.done:
        assert {path.name for path in (tmp_path / "out" / name).iterdir()} == NAMES
        assert all(is_own_file(path) for path in (tmp_path / "out" / name).iterdir())
    assert all(is_own_file(path) for path in (tmp_path / "out").iterdir() if path.is_file())
    together = read_predictions(tmp_path / "out" / "predictions.json")
    assert [case["case_id"] for case in together] == list(progress.done)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {*progress.done, "settings.json", "predictions.json", "predictions.csv"}


def test_all_files_tell_the_same_places(tmp_path):
    world = save_marked(tmp_path / "scan.nii.gz")
    predict_scans(predictor, [Scan("scan", str(tmp_path / "scan.nii.gz"))], tmp_path / "out", ALL, {})
    folder = tmp_path / "out" / "scan"
    read = {
        "predictions.json": read_predictions,
        "predictions.csv": read_luna_csv,
        "findings.mrk.json": lambda path: [read_slicer_markups(path)],
        "points.json": lambda path: [read_points(path)],
        "findings.nii.gz": lambda path: [read_label_map(path)],
    }
    for name in read:
        (case,) = read[name](folder / name)
        np.testing.assert_allclose(centers_of(in_space(case, "RAS")), world, atol=2e-3, err_msg=name)
        assert case["case_id"] == "scan"
    labels = nib.load(folder / "findings.nii.gz")
    scan = nib.load(tmp_path / "scan.nii.gz")
    np.testing.assert_allclose(labels.affine, scan.affine, atol=1e-5)
    values = np.asarray(labels.dataobj)
    assert values.shape == scan.shape and (values[4:8, 8:12, 12:16] == 1).all() and (values[20:24, 24:28, 8:12] == 2).all()
    assert (values > 0).sum() == 128


@pytest.mark.parametrize("names, shown", [((), "class 0"), (("knot", "loop", "third"), "knot")])
def test_classes_are_named(tmp_path, names, shown):
    scan = scans(tmp_path / "in", 1)
    predict_scans(lambda: predictor(class_names=()), scan, tmp_path / "out", ALL, {}, names)
    points = json.loads((tmp_path / "out" / "scan0" / "points.json").read_text())["points"]
    assert [point["name"] for point in points] == [shown, shown]


def test_what_is_done_is_not_done_again(tmp_path):
    given = scans(tmp_path / "in")
    predict_scans(predictor, given[:2], tmp_path / "out", ("json",), {})
    before = contents(tmp_path / "out")
    progress = predict_scans(predictor, given, tmp_path / "out", ("json",), {})
    assert progress.skipped == ["scan0", "scan1"] and list(progress.done) == ["scan2"]
    after = contents(tmp_path / "out")
    assert all(after[name] == content for name, content in before.items() if name != "predictions.json")
    assert len(read_predictions(tmp_path / "out" / "predictions.json")) == 3

    def unneeded():
        raise AssertionError("nothing is left to do")

    assert predict_scans(unneeded, given, tmp_path / "out", ("json",), {}).done == {}


def test_other_settings_and_other_scans_need_another_folder(tmp_path):
    given = scans(tmp_path / "in", 1)
    predict_scans(predictor, given, tmp_path / "out", ("json",), {"checkpoints": ["a"], "top_k": 1})
    with pytest.raises(DataError, match="other settings: checkpoints -- choose another --out"):
        predict_scans(predictor, given, tmp_path / "out", ("json",), {"checkpoints": ["b"], "top_k": 1})
    with pytest.raises(DataError, match="two scans have one name"):
        predict_scans(
            predictor, [Scan("scan0", str(tmp_path / "other.nii"))], tmp_path / "out", ("json",), {"checkpoints": ["a"], "top_k": 1}
        )


def test_a_broken_scan_does_not_stop_the_others(tmp_path):
    given = scans(tmp_path / "in")
    whole = (tmp_path / "in" / "scan1.nii.gz").read_bytes()
    (tmp_path / "in" / "scan1.nii.gz").write_bytes(whole[: len(whole) // 2])
    progress = predict_scans(predictor, given, tmp_path / "out", ALL, {})
    assert list(progress.done) == ["scan0", "scan2"]
    assert "case 'scan1': cannot read image" in progress.failed["scan1"] and "\n" not in progress.failed["scan1"]
    assert not (tmp_path / "out" / "scan1").exists() and not list((tmp_path / "out").glob(".*"))
    (tmp_path / "in" / "scan1.nii.gz").write_bytes(whole)
    assert list(predict_scans(predictor, given, tmp_path / "out", ALL, {}).done) == ["scan1"]


def test_a_writer_that_fails_leaves_nothing(tmp_path, monkeypatch):
    def full(*args):
        raise OSError("No space left on device")

    monkeypatch.setitem(FORMATS, "label", replace(FORMATS["label"], write=full))
    progress = predict_scans(predictor, scans(tmp_path / "in", 1), tmp_path / "out", ALL, {})
    assert "No space left" in progress.failed["scan0"]
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"settings.json", "predictions.json", "predictions.csv"}


@pytest.mark.parametrize("moment", ["first file", "last file"])
def test_a_killed_run_is_taken_up_again(tmp_path, moment):
    given = scans(tmp_path / "in")
    predict_scans(predictor, given, tmp_path / "whole", ALL, {})
    child = os.fork()
    if child == 0:  # dies while it writes the second scan
        write = outputs_module._with_file

        def write_and_die(files, path, kind, prediction, scan, names):
            after = write(files, path, kind, prediction, scan, names)
            if scan.case_id == "scan1" and (moment == "first file" or kind.name == "medtk"):
                os.kill(os.getpid(), signal.SIGKILL)
            return after

        outputs_module._with_file = write_and_die
        try:
            predict_scans(predictor, given, tmp_path / "out", ALL, {})
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    left = {path.name for path in (tmp_path / "out").iterdir() if not path.name.startswith(".")}
    assert left == {"settings.json", "scan0"} and list((tmp_path / "out").glob(".unfinished-*"))
    assert list(predict_scans(predictor, given, tmp_path / "out", ALL, {}).done) == ["scan1", "scan2"]
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def test_what_a_living_process_writes_is_left_alone(tmp_path):
    child = os.fork()
    if child == 0:
        time.sleep(30)
        os._exit(0)
    try:
        alive = tmp_path / f".unfinished-{outputs_module.socket.gethostname()}-{child}-abcdef"
        alive.mkdir()
        outputs_module.remove_unfinished(tmp_path)
        assert alive.exists()
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    outputs_module.remove_unfinished(tmp_path)
    assert not alive.exists()


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot write .*file.*choose another folder"):
        predict_scans(predictor, scans(tmp_path / "in", 1), tmp_path / "file" / "out", ("json",), {})


def test_an_unforeseen_error_is_shown_whole(tmp_path, caplog):
    def broken():
        raise ZeroDivisionError("by zero")

    def faulty():
        made = predictor()
        made.parts.networks[0].register_forward_hook(lambda *args: broken())
        return made

    progress = predict_scans(faulty, scans(tmp_path / "in", 1), tmp_path / "out", ("json",), {})
    assert "ZeroDivisionError: by zero -- see the error above" in progress.failed["scan0"] and "Traceback" in caplog.text


def test_times_in_a_table():
    progress = Progress(done={"a": {"read": 1.0, "network": 3.0}, "long name": {"read": 3.0, "network": 5.0}})
    lines = timing_table(progress).splitlines()
    assert lines[0].split() == ["seconds", "read", "network", "total"]
    assert lines[3].split() == ["mean", "2.00", "4.00", "6.00"] and lines[4].split() == ["share", "33.3%", "66.7%"]
    assert timing_table(Progress()) == ""


def test_settings_are_kept_as_json(tmp_path):
    predict_scans(predictor, scans(tmp_path / "in", 1), tmp_path / "out", ("json",), {"views": (1, (1.0,)), "bundle": tmp_path})
    assert json.loads((tmp_path / "out" / "settings.json").read_text()) == {"views": [1, [1.0]], "bundle": str(tmp_path)}
    assert centers_of(read_predictions(tmp_path / "out" / "predictions.json")[0]).shape == (2, 3)


def test_equal_names_in_two_folders_are_two_scans(tmp_path, monkeypatch):
    for name in ("a", "b"):
        scans(tmp_path / name, 1)
    monkeypatch.chdir(tmp_path / "a")
    predict_scans(predictor, find_scans(["scan0.nii.gz"]), tmp_path / "out", ("json",), {})
    monkeypatch.chdir(tmp_path)
    assert predict_scans(predictor, find_scans(["a/scan0.nii.gz"]), tmp_path / "out", ("json",), {}).skipped == ["scan0"]
    monkeypatch.chdir(tmp_path / "b")
    with pytest.raises(DataError, match="two scans have one name"):
        predict_scans(predictor, find_scans(["scan0.nii.gz"]), tmp_path / "out", ("json",), {})


def test_a_scan_that_is_done_keeps_its_name(tmp_path, capsys):
    """Names depend on which scans are given together; what is done is found again by the path of the scan."""
    for name in ("a", "b"):
        scans(tmp_path / name, 1)
    predict_scans(predictor, find_scans([tmp_path / "a"]), tmp_path / "out", ("json",), {})
    progress = predict_scans(predictor, find_scans([tmp_path / "a", tmp_path / "b"]), tmp_path / "out", ("json",), {})
    assert progress.skipped == ["scan0"] and list(progress.done) == ["b_scan0"]
    assert "scan0.nii.gz was done before as case 'scan0', and is not done again as 'a_scan0'" in capsys.readouterr().out
    assert predict_scans(predictor, find_scans([tmp_path / "b"]), tmp_path / "out", ("json",), {}).skipped == ["b_scan0"]
    images = [case["image"] for case in read_predictions(tmp_path / "out" / "predictions.json")]
    assert sorted(images) == [str(tmp_path / name / "scan0.nii.gz") for name in "ab"]


def test_case_ids_of_datalists_are_kept(tmp_path):
    (scan,) = scans(tmp_path / "in", 1)
    (tmp_path / "list.json").write_text(json.dumps({"test": [{"case_id": "site/01", "image": scan.path}]}))
    given = find_scans([tmp_path / "list.json"])
    assert list(predict_scans(predictor, given, tmp_path / "out", ALL, {}).done) == ["site/01"]
    for path in (tmp_path / "out" / "predictions.json", tmp_path / "out" / given[0].folder / "predictions.json"):
        assert [case["case_id"] for case in read_predictions(path)] == ["site/01"]
    assert [case["case_id"] for case in read_luna_csv(tmp_path / "out" / "predictions.csv")] == ["site/01"]
    assert predict_scans(predictor, given, tmp_path / "out", ALL, {}).skipped == ["site/01"]


def test_a_run_of_an_earlier_release_is_taken_up_again(tmp_path):
    given = scans(tmp_path / "in", 1)
    settings = {"top_k": None, "formats": ALL}
    predict_scans(predictor, given, tmp_path / "out", ALL, settings)
    path = tmp_path / "out" / "settings.json"
    path.write_text(json.dumps({"top_k": None, "formats": ["json", "csv", "slicer", "label", "points", "preview"]}))
    assert predict_scans(predictor, given, tmp_path / "out", ALL, settings).skipped == ["scan0"]
    with pytest.raises(DataError, match="other settings: formats"):
        predict_scans(predictor, given, tmp_path / "out", ALL, settings | {"formats": ["medtk"]})


def test_a_failed_beginning_does_not_claim_the_folder(tmp_path):
    def broken():
        raise DataError("no checkpoint")

    given = scans(tmp_path / "in", 1)
    with pytest.raises(DataError, match="no checkpoint"):
        predict_scans(broken, given, tmp_path / "out", ("json",), {"checkpoints": []})
    assert list(predict_scans(predictor, given, tmp_path / "out", ("json",), {"checkpoints": ["a"]}).done) == ["scan0"]


def test_unfinished_folders_of_others_are_left_out_and_left_alone(tmp_path):
    given = scans(tmp_path / "in", 1)
    other = tmp_path / "out" / f".unfinished-{outputs_module.socket.gethostname()}-2-999999-abcdef"
    other.mkdir(parents=True)
    predict_scans(predictor, given, tmp_path / "out", ("json",), {})
    (other / "predictions.json").write_text((tmp_path / "out" / "scan0" / "predictions.json").read_text())
    predict_scans(predictor, given, tmp_path / "out", ("json",), {})
    assert other.exists() and len(read_predictions(tmp_path / "out" / "predictions.json")) == 1
