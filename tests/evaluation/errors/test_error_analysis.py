"""Planted errors are told; gains, strata and calibration worked by hand."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from planted_errors import SCENES, THRESHOLD, Planted, joined, plant

from medtk_monai.anchors import AnchorGenerator
from medtk_monai.errors import DataError
from medtk_monai.evaluation.errors.analysis import Questions, analyze_errors, ignore_outside
from medtk_monai.evaluation.errors.gains import gains_if_mended
from medtk_monai.evaluation.errors.kinds import Kind, sort_errors
from medtk_monai.evaluation.errors.seen_images import SeenImage
from medtk_monai.evaluation.matching import match_all
from medtk_monai.evaluation.printed import format_analysis
from medtk_monai.metrics.rules import PRESETS, Rules, parse_rules
from medtk_monai.metrics.wilson import wilson_interval

RULES = Rules()
CENTER, SIDES = np.array([20.0, 20, 20]), np.array([4.0, 4, 4])


def errors_of(cases, threshold=THRESHOLD, rules=RULES):
    return [sort_errors(case, match, rules.hit, threshold) for case, match in zip(cases, match_all(cases, rules))]


def case(*findings, lesions=(0,)):
    """Lesions 60 mm apart, by label, and findings (number of the lesion, offset in mm along x, label, score)."""
    plan = Planted()
    for number, label in enumerate(lesions):
        plan.lesion(CENTER + [60 * number, 0, 0], SIDES, label, None)
    for number, offset, label, score in findings:
        plan.finding(CENTER + [60 * number + offset, 0, 0], SIDES, label, score)
    return plan


def gains(*plans, threshold=THRESHOLD, rules=RULES):
    result = gains_if_mended(errors_of(joined(plans), threshold, rules), rules, threshold)
    return result["figures"], {row["kind"]: row for row in result["errors"]}


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
def test_each_planted_error_alone(scene, dims):
    rng = np.random.default_rng(0)
    check([plant([scene], rng, dims)], rng)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), dims=st.sampled_from([2, 3]), num_cases=st.integers(1, 5))
def test_every_planted_error_is_told(seed, dims, num_cases):
    rng = np.random.default_rng(seed)
    check([plant(rng.choice(SCENES, size=rng.integers(1, 20)), rng, dims) for _ in range(num_cases)], rng)


def check(plans, rng):
    cases = joined(plans, rng)
    for plan, part in zip(plans, errors_of(cases)):
        assert part.kinds.tolist() == [row[4] for row in plan.findings]
        assert part.lesion_kinds.tolist() == [row[4] for row in plan.objects]
    result = analyze_errors(cases, RULES, Questions(THRESHOLD), num_draws=0)
    for row in result.summary["errors"]:
        kind = Kind[row["kind"].upper().replace(" ", "_")]
        assert row["false_positives"] == sum(found[4] == kind for plan in plans for found in plan.findings)
        assert row["missed"] == sum(lesion[4] == kind for plan in plans for lesion in plan.objects)
        # Mending anything but the number of lesions harms nothing.
        assert kind == Kind.NEVER_SEEN or (row["froc_mean_gain"] or 0) >= -1e-9
    point = result.summary["operating_point"]
    assert point["fp"] == len(result.false_positives) == sum(row["false_positives"] for row in result.summary["errors"])
    assert point["fn"] == sum(row["missed"] for row in result.summary["errors"])


def test_the_best_scored_detection_tells_the_kind():
    """A miss and another class at one lesion, both below the threshold: the better one counts, and of equals the class."""
    for near, other, kind in ((0.3, 0.2, Kind.LOCALIZATION), (0.2, 0.3, Kind.CLASS), (0.2, 0.2, Kind.CLASS)):
        (part,) = errors_of(joined([case((0, 3.8, 0, near), (0, 0, 1, other))]))
        assert part.lesion_kinds.tolist() == [kind]
        assert (part.near_scores[0], part.other_class_scores[0]) == pytest.approx((near, other))


def test_mending_background():
    """One alarm above the only hit: sensitivity 1 from 1 false positive per case on, 4 of 7 rates, and AP 1/2."""
    figures, rows = gains(case((0, 0, 0, 0.8), (1, 0, 0, 0.9)))
    assert figures == pytest.approx({"froc_mean": 4 / 7, "ap": 0.5})
    assert (rows["background"]["froc_mean_gain"], rows["background"]["ap_gain"]) == pytest.approx((3 / 7, 0.5))
    assert all(row["froc_mean_gain"] == row["ap_gain"] == 0 for kind, row in rows.items() if kind != "background")


def test_mending_duplicates():
    """Hit 0.9, duplicate 0.8, hit 0.7: one of two lesions below 1 false positive per case, then both."""
    figures, rows = gains(case((0, 0, 0, 0.9), (0, 0, 0, 0.8), (1, 0, 0, 0.7), lesions=(0, 0)))
    assert figures["froc_mean"] == pytest.approx((3 * 0.5 + 4) / 7)
    assert rows["duplicate"]["false_positives"] == 1 and rows["duplicate"]["froc_mean_gain"] == pytest.approx(1.5 / 7)


@pytest.mark.parametrize("score", [0.9, 0.2])
@pytest.mark.parametrize("offset, label, kind", [(3.8, 0, "localization"), (0, 1, "class")])
def test_mending_localization_and_class(offset, label, kind, score):
    """The detection becomes the hit, also one below the threshold."""
    figures, rows = gains(case((0, offset, label, score)))
    assert figures == {"froc_mean": 0, "ap": 0}
    assert rows[kind] == {
        "kind": kind,
        "false_positives": int(score > THRESHOLD),
        "missed": 1,
        "froc_mean_gain": pytest.approx(1),
        "ap_gain": pytest.approx(1),
    }


def test_a_mended_miss_replaces_a_hit_of_lower_score():
    """Miss 0.9, hit 0.6, and an alarm 0.8 between them: the mended one is above it."""
    figures, rows = gains(case((0, 3.8, 0, 0.9), (0, 0, 0, 0.6), (1, 0, 0, 0.8)))
    assert figures["froc_mean"] == pytest.approx(3 / 7) and rows["localization"]["froc_mean_gain"] == pytest.approx(4 / 7)


def test_a_mended_miss_of_an_ignored_object_finds_nothing():
    """Miss 0.9 of an ignored object, hit 0.8: the false positive goes, and one of one lesion is found."""
    plan = case((0, 3.8, 0, 0.9), (1, 0, 0, 0.8), lesions=(0, 0))
    plan.objects[0] = (*plan.objects[0][:3], True, None)
    figures, rows = gains(plan)
    assert figures["froc_mean"] == pytest.approx(4 / 7) and rows["localization"]["froc_mean_gain"] == pytest.approx(3 / 7)


def test_mending_what_is_below_the_threshold():
    """A hit of 0.3 below an alarm of 0.6. Reported at a threshold of 0.7 it is the first, at 0.5 the alarm is still above it."""
    findings = (0, 0, 0, 0.3), (1, 0, 0, 0.6)
    assert gains(case(*findings), threshold=0.7)[1]["below threshold"]["froc_mean_gain"] == pytest.approx(3 / 7)
    assert gains(case(*findings), threshold=0.5)[1]["below threshold"]["froc_mean_gain"] == pytest.approx(0)


def test_what_was_never_seen_leaves_the_count():
    figures, rows = gains(case((0, 0, 0, 0.9), lesions=(0, 0)))
    assert figures["froc_mean"] == pytest.approx(0.5) and rows["never seen"]["froc_mean_gain"] == pytest.approx(0.5)


@pytest.mark.parametrize("rules", [name for name in PRESETS if name != "cada"])
def test_other_rules(rules):
    """Where duplicates are set aside there are none; the rest is told alike."""
    rules = parse_rules(rules)
    plan = case((0, 0, 0, 0.9), (0, 0.5, 0, 0.8), (1, 3.9, 0, 0.7), (2, 0, 0, 0.6), lesions=(0, 0))
    (part,) = errors_of(joined([plan]), rules=rules)
    second = Kind.DUPLICATE if rules.pairing.duplicates == "false_positive" else Kind.NONE
    assert part.kinds.tolist() == [Kind.NONE, second, Kind.LOCALIZATION, Kind.BACKGROUND]
    assert part.lesion_kinds.tolist() == [Kind.NONE, Kind.LOCALIZATION] and part.detections.tolist() == [0, 2]


def test_one_detection_may_find_two_in_luna16():
    plan = Planted()
    for offset in (0, 1):
        plan.lesion(CENTER + [offset, 0, 0], SIDES, 0, None)
    plan.finding(CENTER, SIDES, 0, 0.9)
    (part,) = errors_of(joined([plan]), rules=PRESETS["luna16"])
    assert part.lesion_kinds.tolist() == [0, 0] and part.detections.tolist() == [0, 0] and part.kinds.tolist() == [0]


@pytest.mark.parametrize(
    "plans",
    [
        [],
        [Planted()],
        [Planted(), Planted()],
        [case(lesions=(0, 1))],
        [case((0, 0, 0, 0.9), lesions=())],
        [case((0, 0, 0, 0.1), lesions=()), case()],
    ],
)
@pytest.mark.parametrize("threshold", [None, 0.5])
@pytest.mark.parametrize("draws", [0, 20])
def test_emptiness(plans, threshold, draws, tmp_path):
    result = analyze_errors(joined(plans), RULES, Questions(threshold, fp_per_case=0), num_draws=draws)
    result.write(tmp_path)
    assert json.loads((tmp_path / "analysis.json").read_text())["num_cases"] == len(plans)
    assert format_analysis(result.summary)
    assert len((tmp_path / "lesions.csv").read_text().splitlines()) == 1 + sum(len(plan.objects) for plan in plans)


def sized(*sides_and_scores):
    """Lesions of some longest sides, mm, found with some scores, or not (None)."""
    plan = Planted()
    for number, (side, score) in enumerate(sides_and_scores):
        center, sizes = CENTER + [60 * number, 0, 0], np.array([side, 1, 1.0])
        plan.lesion(center, sizes, 0, None)
        if score is not None:
            plan.finding(center, sizes, 0, score)
    return plan


def test_strata_by_size():
    """A size on an edge belongs to the bin above; one below the threshold is not found."""
    plans = [sized((2, 0.9), (2.9, None), (3, 0.8)), sized((4.9, 0.2), (12, 0.7))]
    rows = analyze_errors(joined(plans), RULES, Questions(0.5), num_draws=200).summary["by_size_mm"]
    assert [(row["stratum"], row["lesions"], row["found"], row["sensitivity"]) for row in rows] == [
        ("< 3", 2, 1, 0.5),
        ("3 - 5", 2, 1, 0.5),
        ("5 - 7", 0, 0, None),
        ("7 - 10", 0, 0, None),
        (">= 10", 1, 1, 1.0),
    ]
    # All lesions of the first bin are of one patient; those of the second, one found and one not, of two.
    assert [row["sensitivity_interval"] for row in rows[1:3]] == [[0.0, 1.0], [None, None]]
    assert rows[0]["sensitivity_interval"] == pytest.approx(wilson_interval(0.5, 2))


def test_strata_by_column():
    """Site A: 2 cases, 2 of 3 lesions, 2 alarms; B: 1 case, none of 1, 2 alarms; a case without a site has nothing."""
    plans = [
        case((0, 0, 0, 0.9), (2, 0, 0, 0.8), lesions=(0, 0)),
        case((0, 0, 0, 0.9), (3, 0, 0, 0.8), (4, 0, 0, 0.4)),
        case((3, 0, 0, 0.9), (4, 0, 0, 0.9)),
        Planted(),
    ]
    cases = joined(plans, columns=[{"site": "A", "age": 10}, {"site": "A", "age": 9}, {"site": "B"}, {}])
    summary = analyze_errors(cases, RULES, Questions(0.5, by=["site", "age"]), num_draws=50).summary
    rows = {row["stratum"]: row for row in summary["by_column"]["site"]}
    assert list(rows) == ["(none)", "A", "B"]
    assert (rows["A"]["cases"], rows["A"]["lesions"], rows["A"]["found"], rows["A"]["false_positives"]) == (2, 3, 2, 2)
    assert (rows["A"]["sensitivity"], rows["A"]["fp_per_case"]) == pytest.approx((2 / 3, 1.0))
    assert (rows["B"]["sensitivity"], rows["B"]["fp_per_case"]) == (0, 2) and rows["B"]["fp_per_case_interval"] == [None, None]
    assert (rows["(none)"]["sensitivity"], rows["(none)"]["fp_per_case"]) == (None, 0)
    assert [row["stratum"] for row in summary["by_column"]["age"]] == ["9", "10", "(none)"]


def test_an_unknown_column_names_those_there_are():
    cases = joined([case(), case()], columns=[{"site": "A"}, {"sex": "f"}])
    with pytest.raises(DataError, match="no column 'scanner' -- choose from sex, site"):
        analyze_errors(cases, RULES, Questions(by=["scanner"]))
    with pytest.raises(DataError, match="no columns to choose from"):
        analyze_errors(joined([case()]), RULES, Questions(by=["site"]))


def test_calibration():
    """Bin 0.2 - 0.3: 0.25 false; 0.7 - 0.8: 0.7 true, 0.74 false. ECE = (0.25 + |1.44 - 1|) / 3."""
    plan = case((0, 0, 0, 0.7), (1, 0, 0, 0.25), (2, 0, 0, 0.74))
    found = analyze_errors(joined([plan]), RULES, Questions(0.9), num_draws=0).summary["calibration"]
    assert found["ece"] == pytest.approx((0.25 + 0.44) / 3, abs=1e-6)
    rows = {round(row["low"], 1): row for row in found["bins"] if row["detections"]}
    assert {low: row["detections"] for low, row in rows.items()} == {0.2: 1, 0.7: 2}
    assert (rows[0.7]["mean_score"], rows[0.7]["true_share"]) == pytest.approx((0.72, 0.5))
    odd = case((0, 0, 0, 3.5))
    assert analyze_errors(joined([odd]), RULES, num_draws=0).summary["calibration"]["ece"] is None


def test_sizes_outside_are_ignored():
    """A finding of such a lesion is set aside."""
    cases = joined([sized((2, 0.9), (5, 0.9), (8, None))])
    truths = ignore_outside([part.truth for part in cases], 3, 8)
    assert truths[0].ignored.tolist() == [True, False, False]
    assert ignore_outside([part.truth for part in joined([Planted()])], 3, 8)[0].ignored.tolist() == []


def test_rows():
    """A lesion 20 mm from the faces of a scan of 100 mm, and a miss of it 3.8 mm along x; priors are decoded where there is a grid."""
    affine = np.diag([2.0, 2, 2, 1])
    affine[:3, 3] = 1  # the first voxel begins at 0
    (one,) = joined([case((0, 3.8, 0, 0.9))], grid={"size": [50, 50, 50], "affine": affine.tolist()})
    one.detections.prior_ids[0] = 2 * 4**3 + 5
    generator = AnchorGenerator([13, 25], [[4, 8], [16]])
    seen = SeenImage((50, 50, 50), torch.from_numpy(affine), generator, (), torch.tensor([[0, 0]]))
    result = analyze_errors([one], RULES, Questions(0.5), num_draws=0, seen=[seen])
    (lesion,), (alarm,) = result.lesions, result.false_positives
    assert (lesion["kind"], alarm["kind"], lesion["near_score"]) == ("localization", "localization", pytest.approx(0.9))
    assert (lesion["border_mm"], lesion["size_mm"], lesion["distance_mm"]) == pytest.approx((20, 4, 3.8))
    assert [alarm[name] for name in "xyz"] == pytest.approx([23.8, 20, 20]) and alarm["border_mm"] == pytest.approx(20)
    assert [(row["prior_id"], row["level"], row["cell"], row["anchor"]) for row in (lesion, alarm)] == [(133, 1, "1 0 1", 0)] * 2
    assert [(row["stride"], row["prior_size_mm"], row["seam_mm"]) for row in (lesion, alarm)] == [(25, 32, None)] * 2
    one.detections.prior_ids[0] = 136
    with pytest.raises(DataError, match="'case_0'.*prior 136 lies outside a grid of 136"):
        analyze_errors([one], RULES, Questions(0.5), num_draws=0, seen=[seen])


@pytest.mark.parametrize("edges", [(5, 3), (3, 3), (0, 3)])
def test_wrong_edges(edges):
    with pytest.raises(DataError, match="edges of sizes"):
        Questions(size_edges=edges)
