"""Small cases worked by hand, for each hit rule and preset, from files to figures."""

import json

import nibabel
import numpy as np
import pytest
import torch
from small_set import AFFINE, SIZE, around, write_found, write_set

from medtk_monai.data.datalist import load_datalist
from medtk_monai.errors import DataError
from medtk_monai.evaluation import TruthCase, evaluate_files, read_truth
from medtk_monai.evaluation.evaluate import Wanted, read_operating_points
from medtk_monai.formats import read_predictions
from medtk_monai.formats.cases import in_space, make_case
from medtk_monai.metrics import Outcome
from medtk_monai.metrics.rules import PRESETS, parse_rules
from medtk_monai.transforms import LoadCased
from medtk_monai.transforms.boxes import WorldBoxes

A, B = (12, 10, 8), (28, 20, 12)
LESION, OTHER = around(A, (6, 6, 8)), around(B, (6, 6, 8))
NEAR = around((12 + 3, 10, 8), (6, 6, 8))
"""1.5 mm beside LESION: IoU 4.5 / 7.5 = 0.6."""
FAR = around((12 + 9, 10, 8), (6, 6, 8))
"""4.5 mm beside: IoU 1.5 / 10.5 = 0.14; outside the box (3 mm), outside the radius (4 mm), within 5 mm."""
MISS = around((35, 4, 3), (4, 4, 4))


def evaluate(tmp_path, objects, found, rules="medtk", masks=False, extra=None, **more):
    truths = read_truth(write_set(tmp_path, objects, masks, extra))
    return evaluate_files(
        read_predictions(write_found(tmp_path / "found.json", found)), truths, parse_rules(rules), **{"num_draws": 0} | more
    )


def counts(result):
    """Of its first operating point."""
    point = next(iter(result.metrics["operating_points"].values()))
    return point["tp"], point["fp"], point["fn"]


EVERYTHING = Wanted((), (), {"all": -1.0})
ALL_RULES = [*PRESETS, "iou:0.5", "center", "distance:2", "radius", "radius:1.5", "mask"]


@pytest.mark.parametrize("rules", ALL_RULES)
@pytest.mark.parametrize(
    "objects, found, expected",
    [
        # Perfect: each lesion is found, and nothing else is.
        ({"a": [LESION, OTHER], "b": []}, {"a": [(LESION, 0.9), (OTHER, 0.8)], "b": []}, (2, 0, 0)),
        # Nothing is found.
        ({"a": [LESION, OTHER], "b": []}, {"a": [], "b": []}, (0, 0, 2)),
        # Everything is wrong.
        ({"a": [LESION], "b": []}, {"a": [(MISS, 0.9)], "b": [(LESION, 0.9)]}, (0, 2, 1)),
        # One lesion in one case.
        ({"a": [LESION]}, {"a": [(LESION, 0.5)]}, (1, 0, 0)),
        # A finding of one case does not find the lesion of another.
        ({"a": [LESION], "b": []}, {"a": [], "b": [(LESION, 0.9)]}, (0, 1, 1)),
        # Scores tie: the two form one operating point.
        ({"a": [LESION]}, {"a": [(MISS, 0.5), (LESION, 0.5)]}, (1, 1, 0)),
    ],
)
def test_every_rule(tmp_path, rules, objects, found, expected):
    result = evaluate(tmp_path, objects, found, rules, masks=True, wanted=EVERYTHING)
    assert counts(result) == expected


@pytest.mark.parametrize(
    "rules, shifted, outcome",
    [
        ("medtk", NEAR, (1, 0, 0)),  # IoU 0.6
        ("medtk", FAR, (1, 0, 0)),  # IoU 0.14
        ("iou:0.5", NEAR, (1, 0, 0)),
        ("iou:0.5", FAR, (0, 1, 1)),
        ("iou:0.7", NEAR, (0, 1, 1)),
        ("center", NEAR, (1, 0, 0)),  # 1.5 mm of 3 mm
        ("center", FAR, (0, 1, 1)),  # 4.5 mm
        ("distance:2", NEAR, (1, 0, 0)),
        ("distance:2", FAR, (0, 1, 1)),
        ("distance:5", FAR, (1, 0, 0)),  # mm, not voxels: it is 9 voxels away
        ("distance:1.5", NEAR, (1, 0, 0)),  # just as far as allowed
        ("radius", NEAR, (1, 0, 0)),  # half of the longest side, 8 mm
        ("radius", FAR, (0, 1, 1)),
        ("radius:1.2", FAR, (1, 0, 0)),  # 4.8 mm
        ("luna16", FAR, (0, 1, 1)),
        ("adam", NEAR, (1, 0, 0)),
        ("cada", NEAR, (1, 0, 0)),
        ("cada", FAR, (0, 1, 1)),
        ("mask", FAR, (0, 1, 1)),
        ("picai", FAR, (1, 0, 0)),
        ("nndetection", FAR, (1, 0, 0)),
    ],
)
def test_a_finding_beside_a_lesion(tmp_path, rules, shifted, outcome):
    assert counts(evaluate(tmp_path, {"a": [LESION]}, {"a": [(shifted, 0.9)]}, rules, masks=True, wanted=EVERYTHING)) == outcome


@pytest.mark.parametrize(
    "rules, outcome",
    [
        ("medtk", (1, 1, 0)),
        ("nndetection", (1, 1, 0)),
        ("luna16", (1, 0, 0)),
        ("adam", (1, 0, 0)),
        ("cada", (1, 0, 0)),
        ("picai", (1, 0, 0)),
    ],
)
def test_a_lesion_found_twice(tmp_path, rules, outcome):
    """A duplicate is a false positive with us and nnDetection, and counts neither way elsewhere."""
    assert counts(evaluate(tmp_path, {"a": [LESION]}, {"a": [(LESION, 0.9), (NEAR, 0.8)]}, rules, masks=True, wanted=EVERYTHING)) == outcome


def test_a_missed_operating_point_of_ties(tmp_path):
    """One false alarm ties with the only hit in one case: at 0.5 false positives nothing is found, at 1 the lesion is."""
    result = evaluate(tmp_path, {"a": [LESION]}, {"a": [(MISS, 0.5), (LESION, 0.5)]})
    assert result.metrics["froc"]["sensitivity"] == [0, 0, 0, 1, 1, 1, 1] and result.metrics["froc"]["mean"] == pytest.approx(4 / 7)


def test_linear_interpolation_of_luna16(tmp_path):
    """The same with LUNA16's rule: a line from (0, 0) to (1, 1)."""
    result = evaluate(tmp_path, {"a": [LESION]}, {"a": [(MISS, 0.5), (LESION, 0.5)]}, "luna16")
    assert result.metrics["froc"]["sensitivity"] == pytest.approx([0.125, 0.25, 0.5, 1, 1, 1, 1])


def test_perfect_is_one_and_nothing_is_zero(tmp_path):
    objects = {"a": [LESION], "b": [OTHER], "c": []}
    perfect = evaluate(tmp_path, objects, {"a": [(LESION, 0.5)], "b": [(OTHER, 0.5)], "c": []}).metrics
    assert [perfect["froc"]["mean"], perfect["ap"], perfect["case_auroc"], *perfect["ap_per_iou"].values()] == [1.0] * 6
    nothing = evaluate(tmp_path, objects, {"a": [], "b": [], "c": []}).metrics
    assert [nothing["froc"]["mean"], nothing["ap"], nothing["case_auroc"]] == [0.0, 0.0, 0.5]


def test_without_lesions_sensitivity_is_undefined(tmp_path):
    metrics = evaluate(tmp_path, {"a": [], "b": []}, {"a": [(MISS, 0.5)], "b": []}).metrics
    assert metrics["froc"]["mean"] is None and metrics["ap"] is None and metrics["case_auroc"] is None
    point = metrics["operating_points"]["1 FP per case"]
    assert (point["fp"], point["sensitivity"], point["fp_per_healthy_case"], point["fp_per_diseased_case"]) == (1, None, 0.5, None)


def test_ignored_objects_and_sizes(tmp_path):
    """What finds an ignored object is set aside, and nobody asks for it; so with objects outside the sizes."""
    ignored = {"a": [[*LESION, 0, "ignored"], OTHER]}
    found = {"a": [(LESION, 0.9), (OTHER, 0.8)]}
    assert counts(evaluate(tmp_path, ignored, found, wanted=EVERYTHING)) == (1, 0, 0)
    truths = read_truth(write_set(tmp_path, {"a": [LESION, around(B, (2, 2, 4))]}), min_volume_mm3=20)
    result = evaluate_files(read_predictions(tmp_path / "found.json"), truths, wanted=EVERYTHING, num_draws=0)
    assert result.metrics["num_lesions"] == 1 and counts(result)[2] == 0


@pytest.mark.parametrize("rules", ["medtk", "iou:0.5", "center", "mask"])
def test_small_findings_in_a_large_ignored_lesion(tmp_path, rules):
    """An ignored lesion of two slabs: small findings in a slab are excused, one between them only where the mask is not known."""
    slabs = np.zeros(SIZE, np.uint8)
    slabs[2:8, 4:26, 4:16] = slabs[32:38, 4:26, 4:16] = 1
    nibabel.save(nibabel.Nifti1Image(slabs, AFFINE), tmp_path / "slabs.nii.gz")
    label_map = {"a": {"label_map": "slabs.nii.gz", "ignored": [True], "labels": {"1": 0}}}
    in_slabs = [around((5, y, z), (2, 4, 4)) for y, z in ((8, 6), (14, 9), (20, 12))]
    found = {"a": [(box, 0.5 + 0.1 * number) for number, box in enumerate([*in_slabs, around((20, 15, 10), (2, 4, 4))])]}
    result = evaluate(tmp_path, {"a": []}, found, rules, extra=label_map, wanted=EVERYTHING)
    assert counts(result) == (0, 1, 0)
    by_box = {"a": [[2, 4, 4, 38, 26, 16, 0, "ignored"]]}
    if rules != "mask":
        assert counts(evaluate(tmp_path, by_box, found, rules, wanted=EVERYTHING)) == (0, 0, 0)
    # The radius of LUNA16 holds what lies between, and not what lies in the corner; ADAM's points must lie in the mask.
    for challenge, aside in {"luna16": [False, True, True, True], "adam": [True, True, True, False]}.items():
        matches = evaluate(tmp_path, {"a": []}, found, challenge, extra=label_map, wanted=EVERYTHING).matches[0]
        assert dict(zip(matches.scores.round(1), matches.outcomes == Outcome.SET_ASIDE)) == dict(zip([0.5, 0.6, 0.7, 0.8], aside))


def test_classes(tmp_path):
    """A right place with the wrong class is a false positive; a class without lesions does not count as zero."""
    objects, found = {"a": [[*LESION, 0], [*OTHER, 1]]}, {"a": [(LESION, 0.9, 0), (OTHER, 0.8, 2)]}
    result = evaluate(tmp_path, objects, found, wanted=EVERYTHING)
    assert counts(result) == (1, 1, 1)
    assert [part["ap"] for part in result.metrics["per_class"]] == [1.0, 0.0, None] and result.metrics["ap"] == 0.5


def test_each_class_has_its_own_precision(tmp_path):
    """Class 0 is missed, class 1 found."""
    objects, found = {"a": [[*LESION, 0], [*OTHER, 1]]}, {"a": [(OTHER, 0.8, 1)]}
    metrics = evaluate(tmp_path, objects, found, num_draws=20).metrics
    assert [(part["ap"], part["num_lesions"]) for part in metrics["per_class"]] == [(0.0, 1), (1.0, 1)]
    assert metrics["per_class"][1]["ap_interval"] == [None, None] and metrics["ap"] == 0.5


def test_false_positives_of_healthy_and_diseased_cases(tmp_path):
    """Three cases, one with a lesion: two false alarms there, one in the others together."""
    found = {"a": [(LESION, 0.9), (MISS, 0.8), (OTHER, 0.7)], "b": [(MISS, 0.6)], "c": []}
    point = evaluate(tmp_path, {"a": [LESION], "b": [], "c": []}, found, wanted=EVERYTHING).metrics["operating_points"]["all"]
    assert (point["fp_per_case"], point["fp_per_healthy_case"], point["fp_per_diseased_case"]) == (1.0, 0.5, 2.0)
    assert (point["ppv"], point["f_score"], point["case_sensitivity"], point["case_specificity"]) == (0.25, 0.4, 1.0, 0.5)


def test_f2_of_cada(tmp_path):
    """1 found, 1 missed, 2 false: F2 = 5 / (5 + 4 * 1 + 2)."""
    found = {"a": [(LESION, 0.9), (MISS, 0.8), (around((5, 25, 15), (3, 3, 4)), 0.7)]}
    point = evaluate(tmp_path, {"a": [LESION, OTHER]}, found, "cada", masks=True, wanted=EVERYTHING).metrics["operating_points"]["all"]
    assert point["beta"] == 2 and point["f_score"] == pytest.approx(5 / 11)


def test_thresholds(tmp_path):
    """Of hits 0.9 and 0.5 and alarms 0.7 and 0.3 in two cases."""
    found = {"a": [(LESION, 0.9), (MISS, 0.7)], "b": [(OTHER, 0.5), (MISS, 0.3)]}
    wanted = Wanted((0, 0.5, 1), (0.5, 1.0), {"mine": 0.6})
    points = evaluate(tmp_path, {"a": [LESION], "b": [OTHER]}, found, wanted=wanted).metrics["operating_points"]
    assert {name: pytest.approx(point["threshold"]) for name, point in points.items()} == {
        "0 FP per case": 0.9,
        "0.5 FP per case": 0.5,
        "1 FP per case": 0.3,
        "sensitivity 0.5": 0.9,
        "sensitivity 1": 0.5,
        "mine": 0.6,
    }
    assert [points[name]["fp"] for name in ("0 FP per case", "0.5 FP per case", "1 FP per case")] == [0, 1, 2]


def test_thresholds_of_a_validation(tmp_path):
    result = evaluate(tmp_path, {"a": [LESION]}, {"a": [(LESION, 0.75)]})
    result.write(tmp_path / "validation")
    assert read_operating_points(tmp_path / "validation" / "metrics.json")["1 FP per case, from validation"].threshold == 0.75
    (tmp_path / "odd.json").write_text("{}")
    with pytest.raises(DataError, match="no operating points"):
        read_operating_points(tmp_path / "odd.json")


def test_patients_are_drawn_whole(tmp_path):
    """Two cases of one patient, one found, one not: every draw has both, so draws tell no interval."""
    objects, found = {"a": [LESION], "b": [LESION]}, {"a": [(LESION, 0.9)], "b": []}
    of_one = {name: {"patient_id": "p"} for name in objects}
    one = evaluate(tmp_path, objects, found, extra=of_one, num_draws=200).metrics
    two = evaluate(tmp_path, objects, found, num_draws=200).metrics
    assert one["num_patients"] == 1 and one["froc"]["mean_interval"] == [None, None]
    assert two["num_patients"] == 2 and two["froc"]["mean_interval"] == [0.0, 1.0]


def test_frames_agree(tmp_path):
    """The same findings in LPS are the same."""
    objects, found = {"a": [LESION, OTHER]}, {"a": [(NEAR, 0.9), (MISS, 0.8)]}
    expected = evaluate(tmp_path, objects, found).metrics
    cases = [in_space(case, "LPS") for case in read_predictions(tmp_path / "found.json")]
    assert evaluate_files(cases, read_truth(tmp_path / "datalist.json"), num_draws=0).metrics == expected


def test_files(tmp_path):
    result = evaluate(tmp_path, {"a": [LESION, OTHER], "b": []}, {"a": [(NEAR, 0.9), (MISS, 0.8)], "b": []}, num_draws=50)
    result.write(tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "froc.csv",
        "froc.png",
        "match_table.json",
        "matches.csv",
        "metrics.json",
    ]
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert metrics["bootstrap"] == {"draws": 50, "seed": 0, "level": 0.95, "unit": "patient"} and metrics["hit"] == "iou>=0.1"
    rows = [line.split(",") for line in (tmp_path / "out" / "matches.csv").read_text().splitlines()]
    assert [row[2] for row in rows[1:]] == ["true positive", "false positive", "missed"]
    center = read_predictions(tmp_path / "found.json")[0]["boxes"][0][:3]
    np.testing.assert_allclose([float(value) for value in rows[1][5:8]], center, atol=1e-4)
    assert float(rows[1][8]) == pytest.approx(8, abs=1e-3) and rows[1][9:] == ["0", "0"]


@pytest.mark.parametrize(
    "text, message",
    [
        ("iuo", "no hit rule"),
        ("iou:0", "threshold"),
        ("distance", "takes a number"),
        ("mask:3", "takes no number"),
        ("iou:x", "could not convert"),
    ],
)
def test_wrong_rules(text, message):
    with pytest.raises(ValueError, match=message):
        parse_rules(text)


def test_unknown_and_missing_cases(tmp_path):
    objects = {"a": [LESION], "b": []}
    with pytest.raises(DataError, match="found.json has 1 case that the truth does not know: c"):
        evaluate(tmp_path, objects, {"a": [], "b": [], "c": []}, source="found.json")
    with pytest.raises(DataError, match="lacks 1 case: b"):
        evaluate(tmp_path, objects, {"a": []})
    assert evaluate(tmp_path, objects, {"a": [(LESION, 0.9)]}, allow_missing=True).metrics["num_cases"] == 2


def test_a_wrong_frame_is_told(tmp_path):
    """LPS numbers that say they are RAS."""
    evaluate(tmp_path, {"a": [LESION]}, {"a": [(LESION, 0.9)]})
    (case,) = read_predictions(tmp_path / "found.json")
    case["boxes"] = [[-x, -y, *rest] for x, y, *rest in case["boxes"]]
    with pytest.raises(DataError, match="1 of 1 findings lie outside the scan.*RAS and LPS exchanged"):
        evaluate_files([case], read_truth(tmp_path / "datalist.json"))


def test_points_in_masks_need_masks(tmp_path):
    with pytest.raises(DataError, match="no masks.*label maps"):
        evaluate(tmp_path, {"a": [LESION]}, {"a": [(LESION, 0.9)]}, "cada")


def test_flat_cases_without_objects_need_no_masks():
    none = torch.zeros(0, 2, dtype=torch.float64)
    empty = WorldBoxes(none, none, torch.eye(2, dtype=torch.float64))
    truth = TruthCase("a", empty, torch.zeros(0, dtype=torch.int64), torch.zeros(0, dtype=torch.bool), "a")
    found = make_case("a", "RAS", np.array([[5.0, 5.0]]), np.array([[2.0, 2.0]]))
    result = evaluate_files([found], [truth], parse_rules("cada"), EVERYTHING, num_draws=0)
    assert counts(result) == (0, 1, 0)


@pytest.mark.parametrize("score", ["NaN", "Infinity", '"high"'])
def test_broken_scores_name_file_and_case(tmp_path, score):
    write_found(tmp_path / "found.json", {"a": [(LESION, 0.5)]})
    text = (tmp_path / "found.json").read_text().replace('"scores": [0.5]', f'"scores": [{score}]')
    (tmp_path / "found.json").write_text(text)
    with pytest.raises(DataError, match=r"found\.json.*'scores' must be 1 finite numbers"):
        read_predictions(tmp_path / "found.json")


def test_a_label_map_is_read_without_its_image(tmp_path):
    """Boxes and classes from masks are those that training sees."""
    datalist = write_set(tmp_path, {"a": [LESION, OTHER]}, as_masks=True)
    (truth,) = read_truth(datalist)
    item = LoadCased()(load_datalist(datalist, "test")[0])
    np.testing.assert_array_equal(truth.boxes.centers, item["world_boxes"].centers)
    np.testing.assert_array_equal(truth.boxes.sizes, item["world_boxes"].sizes)
    assert truth.labels.tolist() == [0, 0] and set(np.unique(truth.mask[0])) == {0, 1, 2}
