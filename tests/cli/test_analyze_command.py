import csv
import json
import sys

import nibabel
import numpy as np
import pytest

from medtk_monai.cli.main import main
from medtk_monai.formats import make_case, write_predictions

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
        (["--size_edges", "small"], "could not convert"),
        (["--hit", "iuo"], "no hit rule"),
        (["--threshold", "high"], "could not convert"),
        (["--fp_per_case", "-1"], "cannot be negative"),
        (["--bootstraps", "-1"], "--bootstraps is -1"),
        (["--split", "none"], "none"),
    ],
)
def test_errors_take_one_line_and_nothing_is_written(folder, monkeypatch, arguments, message):
    with pytest.raises(SystemExit) as caught:
        analyze(monkeypatch, "found.json", "datalist.json", "--out", "out", *arguments)
    assert message in str(caught.value.code) and "\n" not in str(caught.value.code) and not (folder / "out").exists()
