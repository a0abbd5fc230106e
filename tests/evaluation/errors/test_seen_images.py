"""Lesions and findings planted at known cells, and at known distances to known seams, of an image that preprocessing resamples."""

from itertools import product
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from planted_errors import Planted, joined

from medtk_monai.anchors import AnchorGenerator
from medtk_monai.assigners import IoUAssigner
from medtk_monai.errors import DataError
from medtk_monai.evaluation.errors.analysis import Questions, analyze_errors
from medtk_monai.evaluation.errors.seen_images import DetectorParts, see_images
from medtk_monai.evaluation.printed import format_analysis
from medtk_monai.inferers import WindowedInferer
from medtk_monai.metrics.rules import Rules

SIZE, STRIDES, ANCHORS, SEAMS, OTHER_SEAMS = 160, (2, 4), ([4, 5], [12]), (56, 112), (40, 80, 120)
SPACING = np.array([0.5, 0.75, 1.0])
PATCH, NEAR = 32, 3.0
ASSIGNED = {1: None, 4: 0, 12: 1}
"""The level that lesions of some voxels are assigned to: no anchor has an IoU of 0.265 with the smallest."""


def prior_at(voxels, level, anchor):
    """Id of a prior whose cell a point lies in, counted by NumPy."""
    cells = [SIZE // stride for stride in STRIDES]
    index = np.ravel_multi_index([int(v // STRIDES[level]) for v in voxels], (cells[level],) * len(voxels))
    return int(level * cells[0] ** len(voxels) * len(ANCHORS[0]) + index * len(ANCHORS[level]) + anchor)


def scene(dims, seed=0):
    """A lesion at each of some places, found or not, or a false positive; what is to be told of each, by its score or number."""
    rng, spacing = np.random.default_rng(seed), SPACING[:dims]
    places = rng.permutation(list(product((20, 50, 80, 110, 140), repeat=dims)))[:20] + rng.integers(-2, 3, (20, dims))
    plan, lesions, alarms, priors = Planted(), [], [], []
    for number, voxels in enumerate(places):
        side, level, score = (1, 4, 12)[number % 3], int(rng.integers(2)), 0.99 - 0.02 * number
        anchor = int(rng.integers(len(ANCHORS[level])))
        told = {
            "seam_mm": min(abs(v - seam) * s for v, s in zip(voxels, spacing) for seam in SEAMS),
            "level": level, "cell": " ".join(str(v // STRIDES[level]) for v in voxels), "anchor": anchor, "stride": STRIDES[level],
            "prior_size_mm": ANCHORS[level][anchor] * spacing.max(),
        }  # fmt: skip
        is_alarm, is_missed = number % 5 == 3, number % 5 == 4
        if is_alarm:
            alarms.append(told)
        else:
            assigned = {"assigned_level": ASSIGNED[side], "num_positives": {1: 0, 4: 2 * 2**dims, 12: 2**dims}[side]}
            unknown = dict.fromkeys(("level", "cell", "anchor", "stride", "prior_size_mm")) if is_missed else {}
            lesions.append(told | assigned | unknown)
            plan.lesion(voxels * spacing, side * spacing, 0, None)
        if not is_missed:
            plan.finding(voxels * spacing, side * spacing, 0, score)
            priors.append(prior_at(voxels, level, anchor))
    (case,) = joined([plan], np.random.default_rng(seed))
    case.detections.prior_ids[:] = torch.tensor(priors)
    return case, lesions, alarms


def parts_of(case, size=SIZE):
    dims = case.truth.boxes.centers.shape[1]
    affine = np.eye(dims + 1)
    affine[:-1, :-1] = case.truth.boxes.direction.numpy() * SPACING[:dims]
    affine[:-1, -1] = affine[:-1, :-1].sum(axis=1) / 2  # the first voxel begins at the origin
    image = torch.zeros(1).expand(1, *[size] * dims)
    generator = AnchorGenerator(STRIDES, ANCHORS)
    inferer = WindowedInferer(SimpleNamespace(generator=generator), window_size=72, margin=4, stride=4)
    return DetectorParts(
        lambda item: {"image": image, "affine": torch.from_numpy(affine)}, inferer, IoUAssigner(0.265, 0.2, rescue=False), PATCH
    )


def analysis_of(case, margins=None):
    return analyze_errors([case], Rules(), Questions(0.5, near_mm=NEAR), num_draws=0, seen=see_images([case], parts_of(case), margins))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("dims", [2, 3])
def test_everything_planted_is_told(dims, seed):
    case, lesions, alarms = scene(dims, seed)
    result = analysis_of(case)
    for rows, expected in ((result.lesions, lesions), (result.false_positives, alarms)):
        assert len(rows) == len(expected)
        for row, told in zip(rows, expected):
            assert {name: row[name] for name in told} == {k: pytest.approx(v) if isinstance(v, float) else v for k, v in told.items()}


@pytest.mark.parametrize("dims", [2, 3])
def test_strata_count_what_was_planted(dims):
    case, lesions, alarms = scene(dims)
    summary = analysis_of(case).summary
    for part, near in zip(summary["by_seam_mm"], (True, False)):
        own = [told for told in lesions if (told["seam_mm"] < NEAR) == near]
        count = sum((told["seam_mm"] < NEAR) == near for told in alarms)
        assert (part["lesions"], part["found"]) == (len(own), sum(told["level"] is not None for told in own))
        assert part["false_positives"] == part["fp_per_case"] == count
    assert [part["stratum"] for part in summary["by_level"]] == ["0", "1", "no prior"]
    for part, level in zip(summary["by_level"], (0, 1, None)):
        own = [told for told in lesions if told["assigned_level"] == level]
        assert (part["lesions"], part["found_by_level"]) == (len(own), [sum(told["level"] == n for told in own) for n in (0, 1)])
        assert part["false_positives"] == sum(told["level"] == level for told in alarms)
    tiny = sum(told["num_positives"] == 0 for told in lesions)
    assert [part["lesions"] for part in summary["by_num_positives"]] == [tiny, 0, len(lesions) - tiny] and tiny > 0
    text = format_analysis(summary)
    assert "seam of windows, mm" in text and "assigned level" in text and "by level 1" in text


def test_margins_that_were_used_move_the_seams():
    case, lesions, _ = scene(2)
    voxels = case.truth.boxes.centers.numpy() @ case.truth.boxes.direction.numpy() / SPACING[:2]
    expected = [min(abs(v - seam) * s for v, s in zip(place, SPACING) for seam in OTHER_SEAMS) for place in voxels]
    found = [row["seam_mm"] for row in analysis_of(case, {"case_0": 16}).lesions]
    assert found == pytest.approx(expected) and found != pytest.approx([told["seam_mm"] for told in lesions])


def test_one_window_has_no_seam_and_unknown_priors_have_no_level():
    plan = Planted()
    plan.lesion((20.0, 20.0), (2.0, 3.0), 0, None)
    plan.finding((20.0, 20.0), (2.0, 3.0), 0, 0.9)
    (case,) = joined([plan])
    result = analyze_errors([case], Rules(), Questions(0.5), num_draws=5, seen=see_images([case], parts_of(case, 64)))
    (row,) = result.lesions
    assert (row["kind"], row["seam_mm"], row["level"], row["prior_size_mm"], row["assigned_level"]) == ("found", None, None, None, 0)
    assert [(part["stratum"], part["lesions"]) for part in result.summary["by_seam_mm"]] == [("< 8", 0), (">= 8", 0), ("(none)", 1)]
    assert result.summary["by_level"][0]["found_by_level"] == [0, 0] and format_analysis(result.summary)


@pytest.mark.parametrize("near", [3.0, 30.0])
def test_share_of_the_image_near_seams(near):
    """Against the centers of all pixels, of which rows and columns on the limit may be miscounted."""
    case, *_ = scene(2)
    (image,) = see_images([case], parts_of(case))
    axes = [np.min([abs(np.arange(SIZE) + 0.5 - seam) for seam in SEAMS], axis=0) * s for s in SPACING[:2]]
    expected = (np.minimum(axes[0][:, None], axes[1]) < near).mean()
    assert image.share_near_seams(near) == pytest.approx(expected, abs=4 / SIZE) and expected > 0
    shares = [part["image_share"] for part in analysis_of(case).summary["by_seam_mm"]]
    assert shares == pytest.approx([image.share_near_seams(NEAR), 1 - image.share_near_seams(NEAR)])


def test_ignored_objects_are_assigned_nothing():
    case, *_ = scene(2)
    case.truth.ignored[2] = True
    counts = see_images([case], parts_of(case))[0].positives.sum(dim=1)
    assert counts[2] == 0 and (counts > 0).sum() == sum(ASSIGNED[(1, 4, 12)[n % 3]] is not None for n in range(20) if n % 5 != 3) - 1


def test_findings_of_another_detector_are_refused():
    case, *_ = scene(3)
    with pytest.raises(DataError, match="'case_0'.*lies outside a grid of .* -- give bundle"):
        see_images([case], parts_of(case, 40))
    case.detections.prior_ids[:] = case.detections.prior_ids.flip(0)
    with pytest.raises(DataError, match="'case_0'.*findings lie far from their priors -- give bundle"):
        see_images([case], parts_of(case))


def test_classes_found_as_others():
    """By hand: 0 found; 0 taken for 1 by the better of two; 1 taken for 0 below the threshold; 1 missed; 0 found, and hit as 2 too."""
    plan = Planted()
    for number, label in enumerate((0, 0, 1, 1, 0)):
        plan.lesion((60.0 * number, 0.0), (4.0, 4.0), label, None)
    for number, label, score in ((0, 0, 0.9), (1, 2, 0.6), (1, 1, 0.8), (2, 0, 0.3), (4, 0, 0.7), (4, 2, 0.95)):
        plan.finding((60.0 * number, 0.0), (4.0, 4.0), label, score)
    summary = analyze_errors(joined([plan]), Rules(), Questions(0.5), num_draws=0).summary
    assert [(row["label"], row["lesions"], row["found_as"], row["missed"]) for row in summary["class_confusion"]] == [
        (0, 3, [2, 1, 0], 0), (1, 2, [0, 0, 0], 2), (2, 0, [0, 0, 0], 0),
    ]  # fmt: skip
    assert "found as 2" in format_analysis(summary)


def test_bins_of_border_distances_and_quartiles_of_intensity(monkeypatch):
    """Four lesions along x, 2 to 26 mm from the border of the scan, of brightness 1 to 4; one false positive."""
    plan = Planted()
    for number in range(4):
        plan.lesion((2.0 + 8 * number, 30.0), (2.0, 2.0), 0, None)
    plan.finding((2.0, 30.0), (2.0, 2.0), 0, 0.9)
    plan.finding((26.0, 55.0), (2.0, 2.0), 0, 0.8)
    (case,) = joined([plan], grid={"size": [60, 60], "affine": [[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]]})
    image = torch.zeros(1, 60, 60)
    for number in range(4):
        image[0, 1 + 8 * number : 3 + 8 * number, 29:31] = number + 1
    affine = torch.tensor(case.truth.grid["affine"], dtype=torch.float64)
    monkeypatch.setattr(type(case.truth), "read_image", lambda _: (image, affine))
    summary = analyze_errors([case], Rules(), Questions(0.5, intensity=True), num_draws=0).summary
    assert [(row["stratum"], row["lesions"], row["found"], row["false_positives"]) for row in summary["by_border_mm"]] == [
        ("< 8", 1, 1, 1), (">= 8", 3, 0, 0),
    ]  # fmt: skip
    counts = [(row["stratum"], row["lesions"], row["found"], row["false_positives"]) for row in summary["by_intensity"]]
    assert counts == [("< 1.75", 1, 1, 1), ("1.75 - 2.5", 1, 0, 0), ("2.5 - 3.25", 1, 0, 0), (">= 3.25", 1, 0, 0)]
