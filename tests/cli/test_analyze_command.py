import csv
import json
import sys

import nibabel
import numpy as np
import pytest
import torch

from medtk_monai.cli.main import main
from medtk_monai.formats import make_case, read_predictions, write_predictions
from tests.bundles.running import BUNDLE

GRID = {"size": [40, 40, 40], "affine": np.eye(4).tolist()}


def analyze(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["medtk", "analyze", *map(str, arguments)])
    main()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Of two lesions of 4 mm one is found; a third one has 9 mm; one alarm. The first lesion is bright.

    Findings have their first and second axes exchanged."""
    monkeypatch.chdir(tmp_path)
    image = np.zeros((40, 40, 40), np.float32)
    image[8:12, 8:12, 8:12] = 100
    image[7:13, 29:31, 29:31] = 50
    for name, data in (("a", image), ("b", 0 * image)):
        nibabel.save(nibabel.Nifti1Image(data, np.eye(4)), f"{name}.nii.gz")
    objects = {"a": [[9.5, 9.5, 9.5, 4, 4, 4], [29.5, 9.5, 9.5, 4, 4, 4]], "b": [[20, 20, 20, 9, 4, 4]]}
    cases = [
        {"case_id": name, "image": f"{name}.nii.gz", "space": "RAS", "boxes": boxes, "labels": [0] * len(boxes), "site": site, "age": age}
        for (name, boxes), site, age in zip(objects.items(), ("north", "south"), (40, 50))
    ]
    (tmp_path / "datalist.json").write_text(json.dumps({"test": cases}))
    found = make_case("a", "RAS", [[9.5, 9.5, 9.5], [9.5, 29.5, 29.5]], [[4, 4, 4], [2, 6, 2]], np.eye(3)[[1, 0, 2]], [0.9, 0.7], grid=GRID)
    write_predictions("found.json", [found, make_case("b", "RAS", np.zeros((0, 3)), np.zeros((0, 3)), grid=GRID)])
    return tmp_path


def test_files_and_summary(folder, monkeypatch, capsys):
    analyze(
        monkeypatch,
        "found.json",
        "datalist.json",
        "--out",
        "out",
        "--by",
        "site,age",
        "--threshold",
        "0.7",
        "--intensity",
        "--bootstraps=20",
    )
    text = capsys.readouterr().out
    assert "TP 1, FP 1, FN 2" in text and "north" in text and "never seen" in text and text.endswith("files in out\n")
    summary = json.loads((folder / "out" / "analysis.json").read_text())
    assert summary["operating_point"]["fp"] == 1 and list(summary["by_column"]) == ["site", "age"]
    lesions, alarms = (list(csv.DictReader((folder / "out" / name).open())) for name in ("lesions.csv", "false_positives.csv"))
    assert [(row["case_id"], row["kind"], float(row["intensity"]), row["site"]) for row in lesions] == [
        ("a", "found", 100, "north"),
        ("a", "never seen", 0, "north"),
        ("b", "never seen", 0, "south"),
    ]
    assert [(row["kind"], row["score"], row["border_mm"], row["age"], row["intensity"]) for row in alarms] == [
        ("background", "0.7", "10", "40", "50")
    ]


def test_window_of_sizes_and_edges(folder, monkeypatch, capsys):
    analyze(monkeypatch, "found.json", "datalist.json", "--out", "out", "--max_mm", "8", "--size_edges", "4", "--fp_per_case", "0")
    assert "2 lesions in 2 cases" in capsys.readouterr().out
    summary = json.loads((folder / "out" / "analysis.json").read_text())
    assert [(row["stratum"], row["lesions"]) for row in summary["by_size_mm"]] == [("< 4", 0), (">= 4", 2)]
    assert summary["operating_point"]["threshold"] == pytest.approx(0.9)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--by", "sex"], "no column 'sex' -- choose from age, site"),
        (["--size_edges", "5,3"], "edges of sizes are 5, 3"),
        (["--size_edges", "small"], "--size_edges is small -- give numbers"),
        (["--hit", "iuo"], "no hit rule"),
        (["--threshold", "high"], "--threshold is high -- give a number"),
        (["--fp_per_case", "-1"], "--fp_per_case is -1 -- give a number from 0"),
        (["--bootstraps", "-1"], "--bootstraps is -1"),
        (["--split", "none"], "none"),
    ],
)
def test_errors_take_one_line_and_nothing_is_written(folder, monkeypatch, arguments, message):
    with pytest.raises(SystemExit) as caught:
        analyze(monkeypatch, "found.json", "datalist.json", "--out", "out", *arguments)
    assert message in str(caught.value.code) and "\n" not in str(caught.value.code) and not (folder / "out").exists()


@pytest.fixture
def detector(folder):
    """A checkpoint that notes what a training was started with, and findings of its priors: at cells of the first and second level."""
    values = {"head": "anchor", "strides": [2, 4], "anchor_sizes": [[5], [11]], "window_size": 32, "margin": 4, "patch_size": 24}
    torch.save({"notes": {"values": values}}, folder / "best.pt")
    found = read_predictions("found.json")
    found[0]["prior_ids"] = [5 * 20**2 + 5 * 20 + 5, 20**3 + 2 * 10**2 + 7 * 10 + 7]
    write_predictions("found.json", found)
    return "--bundle", BUNDLE, "--checkpoint", "best.pt", "--threshold", "0.5", "--bootstraps", "20"


def rows_of(folder, name):
    return list(csv.DictReader((folder / "out" / name).open()))


def test_levels_and_seams_of_a_bundle(folder, detector, monkeypatch, capsys):
    """Cores of 16 voxels make seams at 16 and 32."""
    analyze(monkeypatch, "found.json", "datalist.json", "--out", "out", *detector)
    text = capsys.readouterr().out
    assert "seam of windows, mm" in text and "assigned level" in text
    lesions, alarms = (rows_of(folder, name) for name in ("lesions.csv", "false_positives.csv"))
    names = ("level", "cell", "anchor", "stride", "prior_size_mm", "seam_mm")
    assert [[row[name] for name in names] for row in (lesions[0], alarms[0])] == [
        ["0", "5 5 5", "0", "2", "5", "6"],
        ["1", "2 7 7", "0", "4", "11", "2"],
    ]
    assert [row["seam_mm"] for row in lesions[1:]] == ["2", "4.5"] and lesions[1]["level"] == ""
    assert lesions[0]["assigned_level"] == "0" and all(int(row["num_positives"]) > 0 for row in lesions)
    summary = json.loads((folder / "out" / "analysis.json").read_text())
    assert summary["by_level"][0]["found_by_level"] == [1, 0] and summary["class_confusion"] == []


def test_margins_and_values_that_findings_were_made_with(folder, detector, monkeypatch):
    """The margin that a look tells gives cores of 24 voxels; a window that is named holds the image."""
    found = read_predictions("found.json")
    write_predictions("found.json", [found[0] | {"look": {"margin": 0}}, found[1]])
    analyze(monkeypatch, "found.json", "datalist.json", "--out", "out", *detector)
    assert [row["seam_mm"] for row in rows_of(folder, "lesions.csv")] == ["14", "6", "4.5"]
    analyze(monkeypatch, "found.json", "datalist.json", "--out", "out", *detector, "--window_size", "96")
    assert [row["seam_mm"] for row in rows_of(folder, "lesions.csv")] == ["", "", ""]


def test_findings_without_priors_leave_columns_empty(folder, detector, monkeypatch):
    write_predictions("found.json", [{k: v for k, v in case.items() if k != "prior_ids"} for case in read_predictions("found.json")])
    analyze(monkeypatch, "found.json", "datalist.json", "--out", "out", *detector)
    assert [(row["level"], row["prior_size_mm"]) for row in rows_of(folder, "false_positives.csv")] == [("", "")]
    assert [row["seam_mm"] for row in rows_of(folder, "lesions.csv")] == ["6", "2", "4.5"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--strides", "[4,8]"], "case 'a': prior 8277 lies outside a grid of 1125 priors -- give bundle, checkpoint"),
        (["--window_size", "8"], "case 'a': a window of (8, 8, 8) has no core"),
        (["--windowsize", "3"], "did you mean --window_size"),
        (["--checkpoint", "absent.pt"], "no file or folder absent.pt -- give the checkpoint of a training"),
        (["--bundle", "absent"], "no file or folder absent -- give the folder of a bundle"),
        (["--near_mm", "0"], "--near_mm is 0 -- give a number above 0"),
    ],
)
def test_wrong_detectors_take_one_line(folder, detector, monkeypatch, arguments, message):
    with pytest.raises(SystemExit) as caught:
        analyze(monkeypatch, "found.json", "datalist.json", "--out", "out", *detector, *arguments)
    assert message in str(caught.value.code) and "\n" not in str(caught.value.code) and not (folder / "out").exists()


def test_values_of_a_bundle_need_a_checkpoint(folder, monkeypatch, capsys):
    with pytest.raises(SystemExit):
        analyze(monkeypatch, "found.json", "datalist.json", "--out", "out", "--treshold", "0.7")
    assert "no option --treshold -- did you mean --threshold?" in capsys.readouterr().err
