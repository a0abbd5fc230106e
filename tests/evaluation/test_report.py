"""The report as a file, as a browser shows it, and the numbers in it."""

import json
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image
from small_set import around, write_found, write_set
from torch.utils.tensorboard import SummaryWriter

from medtk_monai.cli.main import main
from medtk_monai.errors import DataError
from medtk_monai.evaluation import evaluate_files, read_truth
from medtk_monai.evaluation.breakdown import all_lesions, hits_by_score, precision_recall, sensitivity_by_size
from medtk_monai.evaluation.report_charts import plain_axis
from medtk_monai.evaluation.report_run import read_run
from medtk_monai.formats import make_case, read_predictions, write_predictions
from medtk_monai.metrics.wilson import wilson_interval

SMALL, LARGE, FAR = around((12, 10, 8), (2, 2, 2)), around((28, 20, 12), (6, 6, 8)), around((35, 4, 3), (4, 4, 4))
OBJECTS = {"a": [SMALL, LARGE], "b": [LARGE], "c": []}
FOUND = {"a": [(LARGE, 0.9), (SMALL, 0.2)], "b": [(FAR, 0.8), (LARGE, 0.7)], "c": [(FAR, 0.3), (LARGE, 0.6)]}
EVIL = "<script>alert('x')</script>"
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
VOID = {"meta", "br", "img", "link", "input", "hr"}


def make_report(folder, monkeypatch, objects=OBJECTS, found=FOUND, *more):
    truth, findings = write_set(folder, objects), write_found(folder / "found.json", found)
    words = ["medtk", "report", str(findings), str(truth), "--out", str(folder / "report.html"), "--bootstraps", "50", *more]
    monkeypatch.setattr(sys, "argv", words)
    main()
    return (folder / "report.html").read_text(encoding="utf-8")


class Reader(HTMLParser):
    """Tags, what they refer to, and text."""

    def __init__(self, page):
        super().__init__()
        self.open, self.tags, self.references, self.words = [], [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        self.references += [
            value for name, value in attributes if name.split(":")[-1] in ("src", "href", "srcset", "data", "action", "poster")
        ]

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def check_alone(page):
    """Nothing in the page asks for anything outside of it, and all tags are closed."""
    read = Reader(page)
    assert not read.open and "script" not in read.tags and "link" not in read.tags
    assert read.references and all(reference.startswith("data:image/") for reference in read.references)
    assert "url(" not in page and "@import" not in page
    return read


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
    words = " ".join(" ".join(read.words).split())
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


@pytest.mark.skipif(BROWSER is None, reason="no chromium is installed")
@pytest.mark.parametrize("width", [1200, 390])
def test_in_a_browser(tmp_path, monkeypatch, width):
    make_report(tmp_path, monkeypatch, OBJECTS, FOUND, "--run", str(write_run(tmp_path / "run")))
    page = tmp_path / "report.html"
    # The browser itself says how wide the page is; only this copy may run a script.
    probe = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page.read_text())
    probe = probe.replace("</body>", "<script>document.title = 'wide ' + document.documentElement.scrollWidth</script></body>")
    (tmp_path / "probe.html").write_text(probe)
    shown, complaints = browse(tmp_path, page, width)
    assert "CONSOLE" not in complaints
    read = check_alone(shown)
    assert "Sensitivity at 1 FP per case" in read.words and "1.000" in read.words and read.tags.count("svg") == 7
    wide = int(re.search(r"<title>wide (\d+)</title>", browse(tmp_path, tmp_path / "probe.html", width)[0])[1])
    assert wide <= max(width, 500), "headless windows are at least 500 pixels wide"


def browse(folder, page, width):
    """The document as the browser understood it, and what it said."""
    options = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    options += f" --disable-component-update --disable-sync --enable-logging=stderr --v=0 --dump-dom --window-size={width},900"
    command = [BROWSER, *options.split(), f"--user-data-dir={folder / 'profile'}", page.as_uri()]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return result.stdout, result.stderr


def small_evaluation(tmp_path):
    predictions = read_predictions(write_found(tmp_path / "found.json", FOUND))
    return evaluate_files(predictions, read_truth(write_set(tmp_path, OBJECTS)), num_draws=0)


def test_shares_by_hand(tmp_path):
    result = small_evaluation(tmp_path)
    lesions, ones = all_lesions(result.cases, result.matches), np.ones((4, 3))
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
    with pytest.raises(DataError, match="damaged"):
        read_run(tmp_path)


@pytest.mark.parametrize("low, high", [(0, 1), (0, 3.07), (-2, 17), (0, 0), (0, 1e-4), (5, 4000)])
def test_ticks_are_few_and_inside(low, high):
    axis = plain_axis("x", low, high)
    assert 2 <= len(axis.ticks) <= 8 and axis.low <= min(axis.ticks) and max(axis.ticks) <= axis.high * (1 + 1e-6)
