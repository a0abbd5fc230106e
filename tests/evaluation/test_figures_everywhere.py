"""A figure is declared once: one more is told by whatever tells of figures, and what it says is the same everywhere."""

import json
from dataclasses import replace

import numpy as np
import pytest
from ignite.engine import Engine
from small_set import around, write_found, write_set
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from medtk_monai.cli.main import main
from medtk_monai.engines.steps import CASE_IDS, DETECTIONS, TARGETS
from medtk_monai.evaluation import compare_files, evaluate_files, read_truth
from medtk_monai.evaluation.printed import format_comparison, format_evaluation
from medtk_monai.formats import read_predictions
from medtk_monai.handlers import ValidationFigures, key_metric
from medtk_monai.metrics import DetectionMetrics, Figure, Rules, Trait, figures, figures_of, parse_goal, parse_rules
from medtk_monai.tuning import sweep
from tests.handlers.test_validation_figures import some_cases
from tests.tuning.test_sweep import grid, touching_lesions

LESION, OTHER, MISS = around((12, 10, 8), (6, 6, 8)), around((28, 20, 12), (6, 6, 8)), around((35, 4, 3), (4, 4, 4))


def median_score(table, weights, rules):
    """Of the hits of all cases, whatever they weigh."""
    hits = table.scores[table.is_tp]
    return np.full(len(weights), np.median(hits) if len(hits) else np.nan)


MEDIAN = Figure("median_score", "Median score of hits", "median score", "median of the scores of hits", "no hits", median_score, digits=4)


@pytest.fixture(params=[Trait.NONE, Trait.MAIN | Trait.BY_CLASS])
def one_more(request, monkeypatch):
    more = replace(MEDIAN, traits=request.param)
    monkeypatch.setattr(figures, "FIGURES", (*figures.FIGURES, more))
    return more


@pytest.fixture
def files(tmp_path):
    truth = write_set(tmp_path, {"a": [LESION, OTHER], "b": []})
    return truth, write_found(tmp_path / "found.json", {"a": [(LESION, 0.75), (MISS, 0.5), (OTHER, 0.25)], "b": []})


def evaluated(files, **more):
    return evaluate_files(read_predictions(files[1]), read_truth(files[0]), num_draws=0, **more)


def test_in_results_and_on_the_terminal(files, one_more):
    result = evaluated(files)
    assert result.median_score.value == 0.5 and "median_score" in dir(result)
    assert result.to_dict()["median_score"] == 0.5
    assert ("median_score" in result.to_dict()["per_class"][0]) == (Trait.BY_CLASS in one_more.traits)
    assert "\nmedian score 0.5000" in format_evaluation(result.summary)


def test_in_the_report(files, one_more, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "sys.argv", ["medtk", "report", str(files[1]), str(files[0]), "--out", str(tmp_path / "r.html"), "--bootstraps", "0"]
    )
    main()
    page = (tmp_path / "r.html").read_text()
    assert '<dt>Median score of hits</dt><dd>0.5000</dd><dd class="note">no interval</dd>' in page
    assert "median of the scores of hits" in page


def test_in_comparisons(files, one_more):
    cases = read_predictions(files[1])
    less = [case | {"scores": [score / 2 for score in case["scores"]]} for case in cases]
    result = compare_files(cases, less, read_truth(files[0]), num_draws=10)
    assert result["figures"]["median_score"]["difference"] == -0.25 and "\nmedian_score" in format_comparison(result)


def test_in_sweeps(one_more):
    result = sweep(*touching_lesions(), grid(), parse_goal("median_score", parse_rules("iou:0.5")), 100, num_draws=5)
    assert {round(trial.value, 6) for trial in result.trials} == {0.9, 0.85} and result.best.value == pytest.approx(0.9)
    assert result.summary["goal"] == "median_score"


def test_in_trainings(one_more, tmp_path):
    def step(engine, number):
        engine.state.batch = batch = some_cases()[number]
        return {DETECTIONS: batch["found"], TARGETS: batch["target"], CASE_IDS: batch["case_id"]}

    engine, metrics = Engine(step), DetectionMetrics(num_classes=2)
    key_metric(metrics, "median_score")["median_score"].attach(engine, "chosen")
    ValidationFigures(metrics, tmp_path).attach(engine)
    values = engine.run(range(3)).metrics
    events = EventAccumulator(str(tmp_path))
    events.Reload()
    assert values["chosen"] == pytest.approx(0.7)
    if Trait.MAIN in one_more.traits:
        assert values["median_score"] == pytest.approx(0.7)
        assert events.Scalars("validation/median_score_class_1")[0].value == pytest.approx(0.05)
    else:
        assert "median_score" not in values and events.Scalars("validation/median_score")[0].value == pytest.approx(0.7)


def test_without_it_nobody_knows_it(files):
    assert "median_score" not in figures_of(Rules()) and "median_score" not in json.dumps(evaluated(files).to_dict())
    with pytest.raises(ValueError, match="choose from sensitivity@1.*froc_mean, ap, case_auroc"):
        parse_goal("median_score", Rules())
