"""Out-of-fold findings of networks that see different marks."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medtk_monai.crossval import collect, look_out_of_fold
from medtk_monai.crossval.fold_figures import fold_figures
from medtk_monai.crossval.printed import format_collection
from medtk_monai.data.datalist import load_datalist
from medtk_monai.errors import DataError
from medtk_monai.evaluation import evaluate_files, read_truth
from medtk_monai.formats import read_predictions
from medtk_monai.metrics import parse_goal, parse_rules
from medtk_monai.metrics.figures import figures_of
from medtk_monai.tuning import settings_grid
from tests.crossval.planted import cross_validation, load

GOAL = parse_goal("sensitivity@1", parse_rules("iou:0.5"))
LOWER = settings_grid(["nms"], [0.2], [0.35], [0.2])


@pytest.fixture(scope="module")
def validation(tmp_path_factory):
    return cross_validation(tmp_path_factory.mktemp("planted"))


@pytest.fixture(scope="module")
def found(validation):
    return look_out_of_fold(validation, [0, 1], load)


def test_each_case_is_seen_once_by_the_network_that_has_not_learnt_it(validation, found):
    cases = found.findings(LOWER[0])
    pool = [case for split in ("training", "validation") for case in load_datalist(validation.datalist, split)]
    assert sorted(case["image"] for case in cases) == sorted(case["image"] for case in pool)
    assert [case["labels"] for case in cases] == [[fold] for fold in found.folds]
    left_out = {case["case_id"]: fold for fold in (0, 1) for case in validation.cases(fold)}
    assert {case["case_id"]: fold for case, fold in zip(cases, found.folds)} == left_out


def test_a_network_of_another_fold_is_refused(validation):
    with pytest.raises(DataError, match="fold_0 was trained with --folds 2 --fold 1"):
        look_out_of_fold(validation, [0], lambda fold: load(1 - fold))
    with pytest.raises(DataError, match="--folds 5 --fold 0"):
        look_out_of_fold(validation, [0], lambda fold: replace(load(0), trained={"folds": 5, "fold": 0}))


def test_the_setting_is_chosen_on_all_folds_together(validation, found):
    """The network of fold 0 is content with the present threshold; that of fold 1 scores below it."""
    alone = collect(look_out_of_fold(validation, [0], load), LOWER, GOAL, 10)
    assert alone.sweep.best.setting is found.present
    both = collect(found, LOWER, GOAL, 10)
    assert both.sweep.best.setting == LOWER[0] and both.sweep.best.value == 0.5
    assert both.present.metrics["num_cases"] == 6 and both.sweep.summary["out_of_fold"] == [0, 1]


def test_figures_of_each_fold_and_their_spread(found):
    folds = collect(found, LOWER, GOAL, 10).folds
    assert [row["sensitivity@1"] for row in folds["chosen"]["folds"]] == [0.5, 0.5]
    assert [row["sensitivity@1"] for row in folds["present"]["folds"]] == [0.5, 0.0]
    assert folds["present"]["mean"]["sensitivity@1"] == 0.25
    assert folds["present"]["std"]["sensitivity@1"] == pytest.approx(0.125**0.5)
    assert folds["present"]["mean"]["case_auroc"] is None  # all cases are diseased


def test_figures_of_a_fold_are_those_of_its_cases_alone(found):
    collection = collect(found, LOWER, GOAL, 10)
    told = fold_figures(
        collection.present.table, found.folds, {key: figure.by(GOAL.rules) for key, figure in figures_of(GOAL.rules).items()}
    )
    for row in told["folds"]:
        own = [number for number, fold in enumerate(found.folds) if fold == row["fold"]]
        cases = [found.findings(found.present)[number] for number in own]
        metrics = evaluate_files(cases, [found.truths[number] for number in own], GOAL.rules, num_draws=0).metrics
        assert (row["cases"], row["lesions"]) == (metrics["num_cases"], metrics["num_lesions"])
        assert np.allclose([row["froc_mean"], row["ap"]], [metrics["froc"]["mean"], metrics["ap"]])


def test_files(found, tmp_path):
    collection = collect(found, LOWER, GOAL, 10)
    collection.write(tmp_path)
    assert json.loads((tmp_path / "tuned.json").read_text()) == LOWER[0].values
    for folder, count in ((tmp_path, 6), (tmp_path / "present", sum(fold == 0 for fold in found.folds))):
        cases = read_predictions(folder / "predictions.json")
        assert sum(len(case["scores"]) for case in cases) == count and all(Path(case["image"]).is_file() for case in cases)
        truths = read_truth(tmp_path / "oof.json")
        again = evaluate_files(cases, truths, GOAL.rules, num_draws=10).metrics
        assert json.loads((folder / "metrics.json").read_text()) == json.loads(json.dumps(again))
        assert [truth.columns["fold"] for truth in truths] == found.folds
    assert "flattered" in format_collection(collection)
