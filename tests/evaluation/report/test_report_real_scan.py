"""The report of a real scan with planted hits, misses and false positives."""

import json
import sys
from pathlib import Path

import nibabel
import numpy as np
import pytest
from report_page import check_alone, check_shown, needs_browser
from scipy.ndimage import find_objects
from scipy.stats import binomtest

from medtk_monai.cli.main import main
from medtk_monai.formats import make_case, write_predictions

SCANS = Path(__file__).parents[2].parent / "shared/data/ms_lesions"
pytestmark = pytest.mark.skipif(not SCANS.exists(), reason=f"needs {SCANS.name} of the data for development")
NAME, SMALLEST, LARGEST, NUM_MISSED = "openms_26", 9, 1000, 3


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """The folder of report.html, and the number of lesions that count."""
    folder = tmp_path_factory.mktemp("report")
    image, labels = SCANS / f"images/{NAME}_FLAIR.nii.gz", SCANS / f"labels/{NAME}_instances.nii.gz"
    entry = {"case_id": NAME, "image": str(image), "label_map": str(labels)}
    (folder / "datalist.json").write_text(json.dumps({"validation": [entry]}))
    count = write_findings(folder / "predictions.json", nibabel.load(labels))
    words = ["medtk", "report", str(folder / "predictions.json"), str(folder / "datalist.json"), "--out", str(folder / "report.html")]
    words += ["--min_volume_mm3", str(SMALLEST), "--max_volume_mm3", str(LARGEST), "--bootstraps", "50"]
    before, sys.argv = sys.argv, words
    try:
        main()
    finally:
        sys.argv = before
    return folder, count


def write_findings(path, labels):
    """The boxes of all lesions of the sizes that count but the last three, one false positive above and one below their scores."""
    values, affine = np.asarray(labels.dataobj).astype(int), labels.affine
    volumes = np.bincount(values.ravel())[1:] * abs(np.linalg.det(affine[:3, :3]))
    spots = [spot for spot, volume in zip(find_objects(values), volumes) if spot and SMALLEST <= volume <= LARGEST]
    spans = np.array([[[part.start, part.stop] for part in spot] for spot in spots], dtype=float)
    spans = np.concatenate([spans[:-NUM_MISSED], np.array([[[2, 6]] * 3, [[8, 12]] * 3], dtype=float)])
    centers = (spans.mean(axis=2) - 0.5) @ affine[:3, :3].T + affine[:3, 3]
    direction = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    sizes = (spans[..., 1] - spans[..., 0]) * np.linalg.norm(affine[:3, :3], axis=0)
    scores = [*np.linspace(0.9, 0.5, len(spans) - 2), 0.95, 0.3]
    write_predictions(path, [make_case(NAME, "RAS", centers.tolist(), sizes.tolist(), scores=scores, direction=direction.tolist())])
    return len(spots)


def check_figures(words, count):
    """At 1 FP per case the one false positive above all hits is reported, and all of these."""
    found = count - NUM_MISSED
    ends = binomtest(found, count).proportion_ci(method="wilson")
    for part in (
        f"Lesions {count} {found + 2} findings counted",
        f"Sensitivity at 1 FP per case {found / count:.3f} 95% CI {ends.low:.3f} to {ends.high:.3f}",
        f"True positives {found} False positives 1 Missed lesions {NUM_MISSED}",
        f"Positive predictive value {found / (found + 1):.3f}",
        f"{NUM_MISSED} lesions missed at 1 FP per case",
        "2 false positives at any score",
        "All cases are of one patient.",
        "Size, axis 1, voxels 182 182 182",
    ):
        assert part in words, part


def test_figures(planted):
    folder, count = planted
    read = check_alone((folder / "report.html").read_text(encoding="utf-8"))
    check_figures(read.text, count)
    assert read.tags.count("img") == NUM_MISSED + 2 and read.text.count(NAME) >= NUM_MISSED + 2 and "No picture" not in read.text


@needs_browser
@pytest.mark.parametrize("width", [1280, 390])
def test_in_a_browser(planted, width):
    folder, count = planted
    check_figures(check_shown(folder, folder / "report.html", width).text, count)
