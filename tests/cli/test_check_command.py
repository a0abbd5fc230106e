import json
import sys

import pytest

from medtk_monai.cli.main import main


@pytest.fixture
def check(monkeypatch, capsys):
    """check(arguments) -> exit code, what is printed, and what is written to stderr."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["medtk", "check", *map(str, arguments)])
        code = 0
        try:
            main()
        except SystemExit as end:
            code = end.code
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


@pytest.fixture
def edited(phantom):
    """edited(change) -> the phantom's datalist after a change, with absolute paths, in another folder."""

    def make(folder, change=lambda content: None):
        content = json.loads((phantom(3) / "datalist.json").read_text())
        for split in ("training", "validation", "test"):
            for case in content[split]:
                case.update({key: str(phantom(3) / case[key]) for key in ("image", "label_map")})
        change(content)
        path = folder / "list.json"
        path.write_text(json.dumps(content))
        return path

    return make


def test_a_clean_set(check, edited, tmp_path):
    code, printed, _ = check(edited(tmp_path), "--strict", "--out", tmp_path / "report.json")
    assert code == 0 and "0 errors, 0 warnings" in printed
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["splits"] == {"training": 6, "validation": 1, "test": 2} and report["counts"]["error"] == 0


def test_errors_are_told_and_mended(check, edited, tmp_path):
    path = edited(tmp_path, lambda content: content["training"][1].update(image="gone.nii.gz"))
    code, printed, _ = check(path, "--fix", tmp_path / "fixed.json")
    assert code == 2 and "error: missing_image (1)" in printed and "case_001 (missing_image): the case was left out" in printed
    assert check(tmp_path / "fixed.json", "--strict")[0] == 0
    assert json.loads(path.read_text())["training"][1]["image"] == "gone.nii.gz"


def test_warnings_matter_if_asked(check, edited, tmp_path):
    def drop_healthy(content):
        for split in ("training", "validation", "test"):
            content[split] = [case for case in content[split] if case["aneurysms"]]

    path = edited(tmp_path, drop_healthy)
    assert check(path, "--headers_only")[0] == 0
    assert check(path)[0] == 0 and check(path, "--strict")[0] == 1


def test_malformed_json_is_told_in_one_line(check, tmp_path):
    (tmp_path / "bad.json").write_text('{"training": [')
    code, printed, told = check(tmp_path / "bad.json")
    assert code == 2 and printed == "" and "is not a JSON file" in told and told.count("\n") == 1
    code, _, told = check(tmp_path / "none.json")
    assert code == 2 and "does not exist" in told


def test_the_datalist_is_not_overwritten(check, edited, tmp_path):
    path = edited(tmp_path)
    code, _, told = check(path, "--fix", path)
    assert code == 2 and "not different files" in told
