"""``medtk sweep`` and what is done with its result, as users type it."""

import json

import pytest

from medtk_monai.formats import read_predictions
from tests.bundles.running import BUNDLE, EVALUATE, TRAIN, run

pytestmark = pytest.mark.usefixtures("quiet_hooks")


@pytest.fixture
def files(trained, phantom, tmp_path):
    """A datalist with three cases for validation, and what names the network."""
    content = json.loads((phantom(3) / "datalist.json").read_text())
    cases = [
        case | {key: str(phantom(3) / case[key]) for key in ("image", "label_map")}
        for case in content["training"][:2] + content["validation"]
    ]
    (tmp_path / "list").mkdir()
    (tmp_path / "list" / "datalist.json").write_text(json.dumps({"validation": cases}))
    return tmp_path / "list" / "datalist.json", ("--bundle", BUNDLE, "--checkpoint", trained / "best.pt", "--device", "cpu")


def test_what_a_sweep_promises_is_what_prediction_and_evaluation_give(medtk, files, trained, phantom, tmp_path):
    datalist, network = files
    said = medtk(
        "sweep", datalist, tmp_path / "sweep", *network, "--figure", "froc_mean", "--hit", "distance:15", "--suppressors", "wbc,nms",
        "--iou", "0.02,0.3", "--score_threshold", "0.01", "--bootstraps", "50",
    )  # fmt: skip
    summary = json.loads((tmp_path / "sweep" / "sweep.json").read_text())
    assert len(summary["trials"]) == 5 and summary["num_cases"] == 3 and "present: NMS" in said
    assert summary["present"]["settings"]["suppressor"]["iou"] == 0.1
    assert summary["best"]["value"] == max(trial["value"] for trial in summary["trials"])
    tuned = tmp_path / "sweep" / "tuned.json"
    other = next(trial for trial in summary["trials"] if "WeightedBoxClustering" in trial["settings"]["suppressor"]["_target_"])
    tuned.write_text(json.dumps(other["settings"]))
    medtk("predict", datalist, *network, "--split", "validation", "--tuned", tuned, "--out", tmp_path / "found", "--formats", "json")
    points = ("--thresholds_from", tmp_path / "sweep" / "sweep.json", "--hit", "distance:15", "--bootstraps", "0")
    medtk("evaluate", tmp_path / "found" / "predictions.json", datalist, "--split", "validation", "--out", tmp_path / "evaluation", *points)
    metrics = json.loads((tmp_path / "evaluation" / "metrics.json").read_text())
    assert metrics["froc"]["mean"] == pytest.approx(other["froc_mean"], abs=1e-9)
    assert metrics["num_detections"] > 0 and "1 FP per case, from sweep" in metrics["operating_points"]
    values = {"head": "anchor", "datalist": str(datalist), "eval_split": "validation", "checkpoint": str(trained / "best.pt")}
    run([TRAIN, EVALUATE, str(tuned)], "evaluating", phantom(3), tmp_path / "run", **values)
    by_bundle, by_command = (
        [score for case in read_predictions(folder / "predictions.json") for score in case["scores"]]
        for folder in (tmp_path / "run", tmp_path / "found")
    )
    assert by_bundle == pytest.approx(by_command, abs=1e-6)


def test_views_are_merged_at_each_iou(medtk, files, tmp_path):
    datalist, network = files
    medtk("sweep", datalist, tmp_path, *network, "--suppressors", "nms", "--iou", "0.1", "--score_threshold", "0.2", "--tta", "2")
    summary = json.loads((tmp_path / "sweep.json").read_text())
    assert [trial["settings"]["merge_iou"] for trial in summary["trials"]] == [0.2, 0.1, 0.2, 0.3, 0.4]


def test_points_get_the_radius_that_is_given(medtk, files, tmp_path):
    datalist, network = files
    cases = json.loads(datalist.read_text())["validation"]
    points = {"points": [[0.0, 0.0, 0.0]], "labels": [0], "space": "RAS"}
    datalist.write_text(json.dumps({"validation": [{"image": cases[0]["image"]} | points]}))
    values = ("--suppressors", "nms", "--iou", "0.1", "--score_threshold", "0.5", "--bootstraps", "1")
    with pytest.raises(SystemExit, match="point_radius_mm"):
        medtk("sweep", datalist, tmp_path / "sweep", *network, *values)
    medtk("sweep", datalist, tmp_path / "sweep", *network, *values, "--point_radius_mm", "2")
    assert json.loads((tmp_path / "sweep" / "sweep.json").read_text())["num_lesions"] == 1


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--split", "test"], "not chosen on the test split"),
        (["--figure", "f1"], "'f1' is no figure"),
        (["--suppressors", "nmms"], "--suppressors is nmms -- choose from nms, wbc, soft"),
        (["--iou", "a"], "--iou"),
        (["--tta", "0"], "--tta is 0 -- give a number from 1"),
        (["--bootstraps", "0"], "--bootstraps is 0"),
        (["--windw_size", "96"], "did you mean --window_size"),
    ],
)
def test_wrong_arguments(medtk, files, tmp_path, arguments, words):
    datalist, network = files
    with pytest.raises(SystemExit, match=f"^error: .*{words}"):
        medtk("sweep", datalist, tmp_path / "out", *network, *arguments)
    assert not (tmp_path / "out").exists()
