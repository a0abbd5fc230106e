"""The report as a file, as a browser shows it, and the numbers in it."""

import json
import re
import sys

import numpy as np
import pytest
from PIL import Image
from report_page import Reader, check_alone, check_shown, needs_browser
from torch.utils.tensorboard import SummaryWriter

from medtk_monai.cli.main import main
from medtk_monai.cli.report import report
from medtk_monai.errors import DataError
from medtk_monai.evaluation import evaluate_files, read_truth
from medtk_monai.evaluation.report.charts import plain_axis
from medtk_monai.evaluation.report.gallery import as_jpeg
from medtk_monai.evaluation.report.origin import curves_section
from medtk_monai.evaluation.report.paths import FileNames
from medtk_monai.evaluation.report.run import Run, read_run
from medtk_monai.evaluation.report.sections import thinned
from medtk_monai.evaluation.report.write import NUM_SHOWN, PICTURES_BYTES
from medtk_monai.formats import make_case, read_predictions, write_predictions
from medtk_monai.metrics.breakdown import all_lesions, hits_by_score, precision_recall, sensitivity_by_size
from medtk_monai.metrics.wilson import wilson_interval
from tests.evaluation.small_set import around, write_found, write_set

SMALL, LARGE, FAR = around((12, 10, 8), (2, 2, 2)), around((28, 20, 12), (6, 6, 8)), around((35, 4, 3), (4, 4, 4))
OBJECTS = {"a": [SMALL, LARGE], "b": [LARGE], "c": []}
FOUND = {"a": [(LARGE, 0.9), (SMALL, 0.2)], "b": [(FAR, 0.8), (LARGE, 0.7)], "c": [(FAR, 0.3), (LARGE, 0.6)]}
EVIL = "<script>alert('x')</script>"


def make_report(folder, monkeypatch, objects=OBJECTS, found=FOUND, *more):
    truth, findings = write_set(folder, objects), write_found(folder / "found.json", found)
    words = ["medtk", "report", str(findings), str(truth), "--out", str(folder / "report.html"), "--bootstraps", "50", *more]
    monkeypatch.setattr(sys, "argv", words)
    main()
    return (folder / "report.html").read_text(encoding="utf-8")


def write_run(folder):
    folder.mkdir()
    epochs = [{"epoch": epoch, "steps": 2, "forward": 1.5} for epoch in (1, 2)]
    config = {"seed": 3, "note": EVIL, "device": "$cpu", "nested": {}}
    capsule = {"command": ["train", EVIL], "seed": 3, "versions": {"torch": "2.8"}, "config": config, "epochs": epochs}
    (folder / "run.json").write_text(json.dumps(capsule))
    with SummaryWriter(str(folder / "tensorboard")) as writer:
        for step, value in enumerate((4.0, 2.0, 1.0, 0.5), 1):
            writer.add_scalar("loss", value, step)
        writer.add_scalar("froc", 0.75, 2)
    return folder


def test_key_numbers(tmp_path, monkeypatch):
    """At most one false positive per case, three in all: the four best findings with two hits of three lesions, and one more at 0.2."""
    read = check_alone(make_report(tmp_path, monkeypatch))
    words = read.text
    for part in ("Cases 3 2 with lesions", "Lesions 3 6 findings counted", "Sensitivity at 1 FP per case 1.000", "1 FP per case", "0.667"):
        assert part in words
    assert "seed 0" in words and "50 draws over 3 patients" in words and "iou>=0.1" in words
    assert read.tags.count("img") == 3 and read.tags.count("h1") == 1


def test_names_are_escaped(tmp_path, monkeypatch):
    run = write_run(tmp_path / "run")
    objects = {"a": [LARGE]}
    truth = write_set(tmp_path, objects)
    named = json.loads(truth.read_text())
    named["test"][0]["case_id"] = EVIL
    truth.write_text(json.dumps(named))
    found = json.loads(write_found(tmp_path / "found.json", {"a": [(FAR, 0.9)]}).read_text())
    found["cases"][0]["case_id"] = EVIL
    (tmp_path / "found.json").write_text(json.dumps(found))
    out = tmp_path / "report.html"
    words = ["medtk", "report", str(tmp_path / "found.json"), str(truth), "--out", str(out), "--title", EVIL, "--run", str(run)]
    monkeypatch.setattr(sys, "argv", [*words, "--bootstraps", "0"])
    main()
    page = out.read_text()
    assert "<script" not in page and page.count("&lt;script&gt;") >= 6
    read = check_alone(page)
    assert "".join(read.words).count(EVIL) >= 5


def test_a_broken_image_is_told(tmp_path, monkeypatch):
    truth, found = write_set(tmp_path, OBJECTS), write_found(tmp_path / "found.json", FOUND)
    (tmp_path / "b.nii.gz").write_bytes(b"no image")
    monkeypatch.setattr(
        sys, "argv", ["medtk", "report", str(found), str(truth), "--out", str(tmp_path / "report.html"), "--bootstraps", "0"]
    )
    main()
    read = check_alone((tmp_path / "report.html").read_text())
    words = " ".join(read.words)
    assert words.count("No picture: ") == 1 and read.tags.count("img") == 2 and "no interval" in words
    assert "The headers of 1 images cannot be read" in words


@pytest.mark.parametrize(
    "objects, found", [({"a": [], "b": []}, {"a": [], "b": []}), ({"a": [LARGE]}, {"a": []}), ({"a": []}, {"a": [(FAR, 7.5)]})]
)
def test_sets_in_which_much_is_undefined(tmp_path, monkeypatch, objects, found):
    page = make_report(tmp_path, monkeypatch, objects, found)
    assert "nan" not in re.sub(r"base64,[^\"]*", "", page) and not Reader(page).open


def test_flat_images(tmp_path, monkeypatch):
    Image.fromarray(np.arange(60 * 50, dtype=np.uint8).reshape(60, 50)).save(tmp_path / "a.png")
    case = make_case("a", "RAS", [[20, 30]], [[6, 6]])
    case |= {"image": "a.png"}
    (tmp_path / "datalist.json").write_text(json.dumps({"test": [{key: value for key, value in case.items() if key != "scores"}]}))
    write_predictions(tmp_path / "found.json", [make_case("a", "RAS", [[40, 10]], [[4, 4]], scores=[0.9])])
    words = ["medtk", "report", str(tmp_path / "found.json"), str(tmp_path / "datalist.json"), "--out", str(tmp_path / "report.html")]
    monkeypatch.setattr(sys, "argv", [*words, "--bootstraps", "0"])
    main()
    read = check_alone((tmp_path / "report.html").read_text())
    words = " ".join(read.words)
    assert read.tags.count("img") == 2 and "axial" not in words and "1 lesion in 1 case of 1 patient" in words


@needs_browser
@pytest.mark.parametrize("width", [1200, 390])
def test_in_a_browser(tmp_path, monkeypatch, width):
    make_report(tmp_path, monkeypatch, OBJECTS, FOUND, "--run", str(write_run(tmp_path / "run")))
    read = check_shown(tmp_path, tmp_path / "report.html", width)
    assert "Sensitivity at 1 FP per case" in read.words and "1.000" in read.words and read.tags.count("svg") == 7


def test_thresholds_of_a_validation_are_told_beside_it(tmp_path, monkeypatch):
    """The validation has one alarm in three cases from 0.6 on; from there on the test has a hit and a miss, and no alarm."""
    (tmp_path / "val").mkdir()
    truth, found = write_set(tmp_path / "val", OBJECTS), write_found(tmp_path / "val" / "found.json", FOUND)
    words = ["medtk", "evaluate", str(found), str(truth), "--out", str(tmp_path / "val"), "--sensitivity", "0.6", "--fp_per_case", ""]
    monkeypatch.setattr(sys, "argv", [*words, "--bootstraps", "0"])
    main()
    there = json.loads((tmp_path / "val" / "metrics.json").read_text())["operating_points"]["sensitivity 0.6"]
    assert (there["tp"], there["fp"], there["fn"]) == (2, 1, 1)
    objects, findings = {"a": [SMALL, LARGE]}, {"a": [(LARGE, 0.9), (SMALL, 0.5), (FAR, 0.4)]}
    page = make_report(
        tmp_path, monkeypatch, objects, findings, "--thresholds_from", str(tmp_path / "val/metrics.json"), "--threshold", "0.3"
    )
    words = check_alone(page).text
    assert "sensitivity 0.6, from val" in words and "At validation Here Threshold of the score 0.7 0.7 Cases 3 1" in words
    assert "True positives 2 1 False positives 1 0 Missed lesions 1 1 Sensitivity of lesions 0.667 0.500 (0.095 to 0.905)" in words
    assert "1 lesion missed at sensitivity 0.6, from val" in words and "best score 0.500, below the operating point" in words
    assert "1 FP per case score 0.3 Threshold of the score 0.4 0.3" in words
    assert "Thresholds val/metrics.json, SHA-256" in words


def test_a_typed_threshold_is_the_one_that_misses_are_told_of(tmp_path, monkeypatch):
    words = check_alone(make_report(tmp_path, monkeypatch, OBJECTS, FOUND, "--threshold", "0.85")).text
    assert "2 lesions missed at score 0.85" in words


def test_no_operating_point(tmp_path, monkeypatch, capsys):
    with pytest.raises(DataError, match="no operating point"):
        report(str(write_found(tmp_path / "found.json", FOUND)), str(write_set(tmp_path, OBJECTS)), fp_per_case=())


@pytest.mark.parametrize("full", [False, True])
def test_the_owner_of_the_files_is_not_told(tmp_path, monkeypatch, full):
    """All is in the home of jane, and the training ran in that of bob."""
    home = tmp_path / "home" / "jane"
    folder = home / "study" / "run7"
    folder.mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    run = write_run(home / "net")
    capsule = json.loads((run / "run.json").read_text())
    capsule |= {"command": ["train", "--datalist", "/home/bob/data/ms.json"], "config": {"output_dir": "/home/bob/net"}}
    (run / "run.json").write_text(json.dumps(capsule))
    truth, found = write_set(home, OBJECTS), write_found(folder / "found.json", FOUND)
    (home / "b.nii.gz").write_bytes(b"no image")
    thresholds = {"operating_points": {"1 FP per case": {"threshold": 0.75}}}
    (home / "metrics.json").write_text(json.dumps(thresholds))
    words = ["medtk", "report", str(found), str(truth), "--out", str(folder / "report.html"), "--run", str(run), "--bootstraps", "0"]
    words += ["--thresholds_from", str(home / "metrics.json")]
    monkeypatch.setattr(sys, "argv", [*words, "--full_paths"] if full else words)
    main()
    words = check_alone((folder / "report.html").read_text()).text
    assert ("jane" in words, "bob" in words, str(tmp_path) in words) == (full, full, full)
    if not full:
        assert "Predictions found.json, SHA-256" in words and "Truth datalist.json, SHA-256" in words
        assert "medtk report found.json datalist.json --out report.html --run net" in words
        assert "Folder net" in words and "train --datalist data/ms.json" in words and 'output_dir "net"' in words


def test_many_cases_make_no_large_file(tmp_path, monkeypatch):
    """A miss and a false positive in each of 200 cases: as many pictures as of 9."""
    names = [f"case{number}" for number in range(200)]
    page = make_report(tmp_path, monkeypatch, dict.fromkeys(names, [SMALL]), dict.fromkeys(names, [(FAR, 0.9)]))
    read = check_alone(page)
    assert read.tags.count("img") == 2 * NUM_SHOWN and "9 of 200 false positives" in read.text and len(page) < 3e6


def test_pictures_of_noise_keep_to_their_share():
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (444, 444, 3), dtype=np.uint8))
    share = PICTURES_BYTES // (2 * NUM_SHOWN)
    assert share / 4 < len(as_jpeg(noise, share)) <= share and 4 / 3 * PICTURES_BYTES < 2.5e6
    assert len(as_jpeg(noise, 10**9)) > share


def test_many_findings_make_no_long_curve():
    """Steps of up to 1/500 are left out; the ends stay."""
    generator = np.random.default_rng(0)
    hits = np.cumsum(generator.random(50_000) < np.linspace(0.9, 0, 50_000))
    recall, precision = hits / hits[-1], hits / np.arange(1, 50_001)
    thin = thinned(recall, precision)
    assert len(thin[0]) < 3000 and thin[0][0] == recall[0]
    gaps = [np.hypot(thin[0] - a, thin[1] - b).min() for a, b in zip(recall[::97], precision[::97])]
    assert max(gaps) < 2 / 500


def small_evaluation(tmp_path):
    predictions = read_predictions(write_found(tmp_path / "found.json", FOUND))
    return evaluate_files(predictions, read_truth(write_set(tmp_path, OBJECTS)), num_draws=0)


def test_shares_by_hand(tmp_path):
    result = small_evaluation(tmp_path)
    lesions, ones = (
        all_lesions(result.matches, [case.truth.boxes.sizes.numpy().max(axis=1, initial=0) for case in result.cases]),
        np.ones((4, 3)),
    )
    assert sorted(zip(lesions.sizes.round(6), lesions.scores.round(6))) == [(2, 0.2), (8, 0.7), (8, 0.9)]
    small, large = sensitivity_by_size(result.table, lesions, 0.8, ones)
    assert (small.part, small.whole, small.high) == (0, 1, 3) and (large.part, large.whole, large.low) == (1, 2, 7)
    assert large.share.value == 0.5 and (large.share.low, large.share.high) == pytest.approx(wilson_interval(0.5, 2))
    by_score = hits_by_score(result.table, ones, num_bins=2)
    assert [(share.part, share.whole) for share in by_score] == [(1, 2), (2, 4)]
    recall, precision = precision_recall(result.table)
    assert recall == pytest.approx([1 / 3, 1 / 3, 2 / 3, 2 / 3, 2 / 3, 1])
    assert precision == pytest.approx([1, 1 / 2, 2 / 3, 2 / 4, 2 / 5, 3 / 6])


def test_curves_of_a_run(tmp_path):
    run = read_run(write_run(tmp_path / "run"))
    epochs, losses = run.losses["loss"]
    assert epochs.tolist() == [1, 2] and losses.tolist() == [3.0, 0.75]
    assert [part.tolist() for part in run.validations["froc"]] == [[2.0], [0.75]] and not run.trouble


def test_runs_without_files(tmp_path):
    with pytest.raises(DataError, match="run.json"):
        read_run(tmp_path)
    (tmp_path / "run.json").write_text("{}")
    assert "no TensorBoard files" in read_run(tmp_path).trouble
    (tmp_path / "run.json").write_text("[")
    with pytest.raises(DataError, match="not a JSON file .* leave out --run, or train again"):
        read_run(tmp_path)
    (tmp_path / "run.json").write_text('{"epochs": [{}]}')
    with pytest.raises(DataError, match="damaged"):
        read_run(tmp_path)


@pytest.mark.parametrize("low, high", [(0, 1), (0, 3.07), (-2, 17), (0, 0), (0, 1e-4), (5, 4000)])
def test_ticks_are_few_and_inside(low, high):
    axis = plain_axis("x", low, high)
    assert 2 <= len(axis.ticks) <= 8 and axis.low <= min(axis.ticks) and max(axis.ticks) <= axis.high * (1 + 1e-6)


def test_further_figures_of_validations_are_listed_but_not_drawn():
    curve = np.array([1.0, 2.0]), np.array([0.25, 0.5])
    section = curves_section(Run("run", {}, {}, {"froc": curve, "validation/threshold_at_1": curve}), FileNames())
    chart, listed = section.split("</svg>")
    assert "froc" in chart and "threshold_at_1" not in chart and "threshold_at_1" in listed
