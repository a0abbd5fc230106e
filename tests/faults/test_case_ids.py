"""Case ids are anybody's text: each has a folder of its own, survives files that are read back, and runs nowhere."""

import csv
import io
import json
import subprocess
import sys

import nibabel
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medtk_monai.cli.main import main
from medtk_monai.data.datalist import load_datalist
from medtk_monai.errors import DataError
from medtk_monai.evaluation.printed import csv_text
from medtk_monai.formats import read_luna_csv, read_predictions, write_luna_csv
from medtk_monai.formats.case_names import folder_of_case
from medtk_monai.formats.cases import make_case
from medtk_monai.prediction import Scan, find_scans
from medtk_monai.prediction.inputs import scans_of
from medtk_monai.prediction.run import Progress, predict_scans, timing_table
from medtk_monai.wording import shown
from tests.prediction.marked_scans import predictor, save_marked

ODD = [
    "predictions.json", "settings.json", "Predictions.JSON", "x" * 300, "é" * 200, ".", "..", "../../up", "/etc/passwd", "a/b", "a_b", "a b",
    "CON", "nul.txt", "com1", ".hidden", "trailing.", "\x1b[31mred", "\x00", "\n", "\u202eevil", "=1+1", "e\u0301", "é", "", "A", "a", "~",
]  # fmt: skip


def test_every_id_has_a_folder_of_its_own_that_any_file_system_takes(tmp_path):
    folders = [scan.folder for scan in scans_of([{"case_id": name, "image": "x"} for name in ODD])]
    assert len({name.casefold() for name in folders}) == len(ODD)
    for name, folder in zip(ODD, folders):
        assert 0 < len(folder.encode()) <= 120 and folder.isprintable() and not set(folder) & set('/\\:*?"<>| '), name
        assert folder[0] != "." and folder[-1] != "." and folder.split(".")[0].split("~")[0].lower() not in ("con", "nul", "com1")
        (tmp_path / folder).mkdir()
        assert (tmp_path / folder).resolve().parent == tmp_path
    assert not {"predictions.json", "settings.json"} & {name.lower() for name in folders}


@pytest.mark.parametrize("plain", ["scan0", "Case-01.b+c", "1.2.840.113619", "patient_ä", "a.nii"])
def test_ordinary_ids_are_their_folders(plain):
    assert Scan(plain, "x").folder == plain


@given(st.text(max_size=40), st.text(max_size=40))
def test_different_ids_have_different_folders(first, second):
    if first.casefold() != second.casefold():
        assert folder_of_case(first).casefold() != folder_of_case(second).casefold()


def test_scans_of_odd_names_are_all_done(tmp_path):
    names = ["predictions.json", "x" * 200, "\x1b[31mred", "Case", "case", "a b"]
    for name in names:
        save_marked(tmp_path / f"{name}.nii")
    odd = tmp_path.joinpath("in\udcff.nii")
    try:
        save_marked(odd)
    except OSError:  # a file system that takes text alone
        odd = None
    scans = find_scans([tmp_path])
    progress = predict_scans(predictor, scans, tmp_path / "out", ("json", "csv"), {})
    assert not progress.failed and len(progress.done) == len(names) + bool(odd)
    found = {case["case_id"] for case in read_predictions(tmp_path / "out/predictions.json")}
    assert found == {*names, *(["in\\xff"] if odd else [])}
    assert {case["case_id"] for case in read_luna_csv(tmp_path / "out/predictions.csv")} == found


def test_half_a_character_is_refused_in_one_line(tmp_path):
    (tmp_path / "a.nii").write_bytes(b"")
    (tmp_path / "data.json").write_text('{"test": [{"image": "a.nii", "case_id": "bad\\ud800"}]}')
    with pytest.raises(DataError, match=r"test\[0\].*case id 'bad\\ud800' has half a character, which no file can hold -- correct"):
        load_datalist(tmp_path / "data.json", "test")


FORMULAS = ["=cmd|' /C calc'!A0", "+1+1", "@SUM(1+1)", "-2+3", "\t=1", "\r=1"]


def test_tables_for_people_run_nothing():
    """Read by another reader: text that a spreadsheet would run has an apostrophe first, numbers are as they were."""
    rows = [[text, -1.5, "-2.25", 3, None, "plain"] for text in FORMULAS]
    read = list(csv.reader(io.StringIO(csv_text(("=head", "b", "c", "d", "e", "f"), rows), newline="")))
    assert read[0][0] == "'=head"
    for text, row in zip(FORMULAS, read[1:]):
        assert row[0] == f"'{text}".replace("\t", "\\t").replace("\r", "\\r") and row[1:] == ["-1.5", "-2.25", "3", "", "plain"]


@pytest.mark.parametrize("name", [*FORMULAS, "a,b", 'a"b', "a\nb", "a\r\nb", "a\rb", " blanks ", "é\u202e", "'quoted"])
def test_tables_that_are_read_back_keep_their_ids(tmp_path, name):
    case = make_case(name, "LPS", np.array([[1.0, 2, 3]]), np.array([[4.0, 5, 6]]))
    write_luna_csv(tmp_path / "found.csv", [case, case | {"case_id": "other"}])
    assert [found["case_id"] for found in read_luna_csv(tmp_path / "found.csv")] == [name, "other"]


def test_names_command_no_terminal(tmp_path, capsys):
    name = "\x1b]0;title\x07\x1b[31mred\u202e\nnext"
    assert shown(name) == "\\x1b]0;title\\x07\\x1b[31mred\\u202e\\nnext"
    assert "\x1b" not in timing_table(Progress({name: {"read": 1.0}}))


@pytest.mark.parametrize("command", ["check", "evaluate"])
def test_commands_print_no_escapes(tmp_path, monkeypatch, capsys, command):
    name = "\x1b[31mred"
    nibabel.save(nibabel.Nifti1Image(np.zeros((8, 8, 8), np.uint8), np.eye(4)), tmp_path / "a.nii")
    case = {"image": "a.nii", "case_id": name, "boxes": [[90, 90, 90, 2, 2, 2]], "labels": [0], "space": "RAS"}
    (tmp_path / "data.json").write_text(json.dumps({"test": [case]}))
    (tmp_path / "found.json").write_text(json.dumps({"format": "medtk_monai predictions", "version": 1, "cases": []}))
    words = {"check": ["check", "data.json"], "evaluate": ["evaluate", "found.json", "data.json"]}[command]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["medtk", *words])
    with pytest.raises(SystemExit) as end:
        main()
    out, err = capsys.readouterr()
    told = out + err + str(end.value)
    assert "\x1b" not in told and "\\x1b[31mred" in told


def test_a_name_that_is_no_utf8_can_be_printed(tmp_path):
    code = "from contextlib import redirect_stdout\nimport sys\nfrom medtk_monai.cli.terminal import ShownText\nprint('a\\udcff', file=ShownText(sys.stdout))"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout == "a\\udcff\n"
