"""medtk evaluate and medtk compare, as they are typed."""

import json
import sys

import pytest

from medtk_monai.cli.main import main
from tests.evaluation.small_set import around, write_found, write_set

PLACES = {f"case{number}": around((12 + number, 10, 8), (6, 6, 8)) for number in range(12)}
WRONG = around((35, 25, 16), (3, 3, 4))


def run(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["medtk", *map(str, arguments)])
    main()


@pytest.fixture
def good_and_bad(tmp_path):
    """Twelve cases with a lesion each, of which one detector finds all and the other three, and one of lesions only."""
    truth = write_set(tmp_path, {name: [box] for name, box in PLACES.items()} | {"healthy": []})
    good = {name: [(box, 0.9), (WRONG, 0.2)] for name, box in PLACES.items()} | {"healthy": [(WRONG, 0.1)]}
    bad = {name: rows if number % 4 == 0 else rows[1:] for number, (name, rows) in enumerate(good.items())}
    return truth, write_found(tmp_path / "good.json", good), write_found(tmp_path / "bad.json", bad | {"healthy": []})


def test_evaluate_prints_figures_and_writes_files(good_and_bad, tmp_path, monkeypatch, capsys):
    truth, good, _ = good_and_bad
    run(monkeypatch, "evaluate", good, truth, "--out", tmp_path / "out", "--bootstraps", 100, "--sensitivity", "0.5,1", "--threshold", 0.15)
    text = capsys.readouterr().out
    assert "mean               1.000               -               1.000" in text
    assert (
        "AP 1.000; " in text
        and "sensitivity 1.000 (0.758 to 1.000), PPV" in text
        and "case AUROC 1.000" in text
        and "12 lesions in 12 of 13 cases" in text
    )
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert list(metrics["operating_points"]) == ["1 FP per case", "sensitivity 0.5", "sensitivity 1", "score 0.15"]
    card = metrics["operating_points"]["score 0.15"]
    assert (card["tp"], card["fp"], card["fn"], card["case_tn"]) == (12, 12, 0, 1)


def test_the_threshold_of_a_validation_is_applied(good_and_bad, tmp_path, monkeypatch, capsys):
    truth, good, bad = good_and_bad
    run(monkeypatch, "evaluate", good, truth, "--out", tmp_path / "val", "--fp_per_case", 0, "--bootstraps", 0)
    run(
        monkeypatch,
        "evaluate",
        bad,
        truth,
        "--out",
        tmp_path / "test",
        "--thresholds_from",
        tmp_path / "val/metrics.json",
        "--bootstraps",
        0,
    )
    card = json.loads((tmp_path / "test" / "metrics.json").read_text())["operating_points"]["0 FP per case, from val"]
    assert card["threshold"] == pytest.approx(0.9) and (card["tp"], card["fn"]) == (3, 9)


def test_a_typed_threshold_includes_its_own_score(good_and_bad, tmp_path, monkeypatch):
    """0.2 is stored as a float32 slightly above, 0.9 as one slightly below."""
    truth, good, _ = good_and_bad
    run(monkeypatch, "evaluate", good, truth, "--out", tmp_path / "out", "--threshold", "0.9,0.2", "--bootstraps", 0)
    points = json.loads((tmp_path / "out" / "metrics.json").read_text())["operating_points"]
    assert [points[name]["tp"] for name in ("score 0.9", "score 0.2")] == [12, 12]
    assert [points[name]["fp"] for name in ("score 0.9", "score 0.2")] == [0, 12]


def test_compare(good_and_bad, tmp_path, monkeypatch, capsys):
    truth, good, bad = good_and_bad
    run(monkeypatch, "compare", bad, good, truth, "--out", tmp_path / "c.json")
    assert "froc_mean" in capsys.readouterr().out
    figures = json.loads((tmp_path / "c.json").read_text())["figures"]
    froc = figures["froc_mean"]
    assert froc["first"] == pytest.approx(0.25) and froc["second"] == 1 and froc["p_value"] < 0.01
    low, high = froc["difference_interval"]
    assert 0 < low < froc["difference"] == pytest.approx(0.75) and high <= 1
    run(monkeypatch, "compare", good, good, truth, "--out", tmp_path / "same.json")
    same = json.loads((tmp_path / "same.json").read_text())["figures"]
    assert {value["p_value"] for value in same.values()} == {1.0} and {value["difference"] for value in same.values()} == {0.0}


@pytest.mark.parametrize(
    "words, message",
    [
        (["--hit", "iuo"], "no hit rule"),
        (["--split", "train"], "train"),
        (["--bootstraps", "-1"], "--bootstraps is -1 -- give a number from 0"),
        (["--sensitivity", "80"], r"--sensitivity is 80 -- give a number in \(0, 1\]"),
        (["--fp_per_case", "few"], "--fp_per_case is few -- give numbers"),
        (["--fp_per_case", "1,-2"], "--fp_per_case is 1,-2 -- give numbers from 0"),
        (["--thresholds_from", "nowhere.json"], "no file nowhere.json"),
        (["--hit", "cada"], "no masks"),
    ],
)
def test_wrong_arguments(good_and_bad, monkeypatch, words, message):
    truth, good, _ = good_and_bad
    with pytest.raises(SystemExit, match=message):
        run(monkeypatch, "evaluate", good, truth, *words)


@pytest.mark.parametrize("content", ["{", "[]", '{"format": "other"}'])
def test_broken_predictions_are_named(good_and_bad, tmp_path, monkeypatch, content):
    (tmp_path / "broken.json").write_text(content)
    with pytest.raises(SystemExit, match="broken.json"):
        run(monkeypatch, "evaluate", tmp_path / "broken.json", good_and_bad[0])


def test_luna_csv_as_predictions(good_and_bad, tmp_path, monkeypatch, capsys):
    """Boxes of a CSV file lie along the world's axes, so hits by center are the same."""
    truth, good, _ = good_and_bad
    run(monkeypatch, "convert", good, tmp_path / "found.csv")
    run(monkeypatch, "evaluate", tmp_path / "found.csv", truth, "--hit", "center", "--bootstraps", 0)
    assert "AP 1.000" in capsys.readouterr().out
