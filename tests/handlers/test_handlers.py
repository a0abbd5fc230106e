"""Handlers on engines that produce known outputs."""

import json
import logging

import numpy as np
import pytest
import torch
from ignite.engine import Engine, Events
from PIL import Image, ImageColor

from medtk_monai.engines import TrainStep, prepare_batch
from medtk_monai.engines.steps import CASE_IDS, DETECTIONS, TARGETS
from medtk_monai.errors import DataError
from medtk_monai.evaluation import compare_evaluations
from medtk_monai.handlers import DetectionMetric, EpochSetter, EvaluationReport, TrainingProgress, key_metric, tensorboard_values
from medtk_monai.metrics import CenterDistanceHit, DetectionMetrics
from medtk_monai.structures import Detections, Target
from medtk_monai.visualize.mosaic import COLORS


def target(*boxes):
    return Target(
        torch.tensor(boxes).reshape(-1, 6).float(), torch.zeros(len(boxes), dtype=torch.int64), torch.zeros(len(boxes), dtype=torch.bool)
    )


def found(*boxes):
    number = len(boxes)
    scores = torch.linspace(0.9, 0.5, number)
    return Detections(torch.tensor(boxes).reshape(-1, 6).float(), scores, torch.zeros(number, dtype=torch.int64), torch.arange(number))


BOX, ELSEWHERE = [2, 2, 2, 6, 6, 6], [8, 8, 8, 11, 11, 11]


def evaluation(cases):
    """An engine that goes through (case id, target, detections)."""
    engine = Engine(lambda _, batch: {DETECTIONS: [batch["found"]], TARGETS: batch["target"], CASE_IDS: batch["case_id"]})
    data = [
        {
            "image": torch.rand(1, 1, 12, 12, 12), "target": [truth], "found": detections, "case_id": [name],
            "affine": [torch.diag(torch.tensor([0.5, 0.5, 0.8, 1.0], dtype=torch.float64))], "image_path": [f"{name}.nii.gz"],
        }
        for name, truth, detections in cases
    ]  # fmt: skip
    return engine, data


CASES = [("a", target(BOX), found(BOX)), ("b", target(), found(ELSEWHERE)), ("c", target(ELSEWHERE), found())]


def test_metric_reports_the_mean_sensitivity_and_starts_anew_each_time():
    engine, data = evaluation(CASES)
    DetectionMetric(DetectionMetrics()).attach(engine, "froc")
    for _ in range(2):
        metrics = engine.run(data).metrics
    # Hit and false positive tie: half the lesions at 1/3 false positives per case, which five of the seven points allow.
    assert metrics["froc"] == pytest.approx(0.5 * 5 / 7)
    assert metrics["sensitivity_at_1"] == 0.5
    assert metrics["ap"] == pytest.approx(0.5 * 51 / 101)  # precision 1/2 at 51 of COCO's 101 recalls


def test_metric_is_zero_where_there_are_no_lesions():
    engine, data = evaluation([("b", target(), found(ELSEWHERE))])
    DetectionMetric(DetectionMetrics()).attach(engine, "froc")
    assert engine.run(data).metrics["froc"] == 0


@pytest.mark.parametrize(
    ("figure", "value"), [("ap", 0.5 * 51 / 101), ("ap@0.75", 0.5 * 51 / 101), ("sensitivity@0.2", 0.0), ("case_auroc", 0.25)]
)
def test_another_figure_can_be_the_key_metric(figure, value):
    engine, data = evaluation(CASES)
    metrics = key_metric(DetectionMetrics(), figure)
    metrics[figure].attach(engine, figure)
    values = engine.run(data).metrics
    assert values[figure] == pytest.approx(value) and values["froc_mean"] == pytest.approx(0.5 * 5 / 7)


def test_loose_boxes_count_for_some_figures_only():
    engine, data = evaluation([("a", target(BOX), found([2, 2, 2, 6, 6, 5]))])  # IoU 0.75
    for figure in ("ap@0.9", "ap@0.5", "froc_mean"):
        DetectionMetric(DetectionMetrics(ap_iou_thresholds=(0.5, 0.9)), figure).attach(engine, figure)
    values = engine.run(data).metrics
    assert values["ap@0.9"] == 0 and values["ap@0.5"] == 1 and values["froc_mean"] == 1


@pytest.mark.parametrize(("figure", "told"), [("map", "no figure: choose"), ("ap@0.4", "know the IoUs 0.1, 0.5, 0.75")])
def test_unknown_key_metrics_are_named(figure, told):
    with pytest.raises(DataError, match=told):
        DetectionMetric(DetectionMetrics(), figure)


def test_report_writes_every_case_and_figure(tmp_path, caplog):
    engine, data = evaluation(CASES)
    EvaluationReport(DetectionMetrics(), tmp_path).attach(engine)
    with caplog.at_level(logging.INFO, "medtk_monai"):
        engine.run(data)
    files = {"predictions.json", "metrics.json", "froc.csv", "froc.png", "matches.csv", "match_table.json", "preview.png"}
    assert {p.name for p in tmp_path.iterdir()} == files
    cases = json.loads((tmp_path / "predictions.json").read_text())["cases"]
    assert [case["case_id"] for case in cases] == ["a", "b", "c"] and cases[0]["image"] == "a.nii.gz"
    assert cases[0]["boxes"] == [[1.75, 1.75, 2.8, 2.0, 2.0, 3.2]]  # voxels 2..6: center (4 - 0.5) * spacing
    assert json.loads((tmp_path / "metrics.json").read_text())["num_lesions"] == 2
    assert "FP per case" in caplog.text and str(tmp_path) in caplog.text


def test_two_reports_can_be_compared(tmp_path):
    """A detector that finds both lesions, and one that finds one; 0.5 mm beside is 1 voxel beside."""
    near = CenterDistanceHit(0.6)
    beside = [value + (axis % 3 == 0) for axis, value in enumerate(BOX)]
    better = [("a", target(BOX), found(beside)), ("b", target(), found()), ("c", target(ELSEWHERE), found(ELSEWHERE))]
    for name, cases in (("one", CASES), ("other", better)):
        engine, data = evaluation(cases)
        EvaluationReport(DetectionMetrics(near), tmp_path / name).attach(engine)
        engine.run(data)
    result = compare_evaluations(tmp_path / "one", tmp_path / "other", 50)
    told = result["figures"]["sensitivity_at_1"]
    assert (told["first"], told["second"], result["rules"]["hit"]) == (0.5, 1.0, {"rule": "distance", "distance": 0.6})
    assert len((tmp_path / "one" / "matches.csv").read_text().splitlines()) == 4  # a hit, a false positive, a miss


def test_report_of_flat_images_shows_them_as_a_whole(tmp_path):
    engine, data = evaluation(CASES)
    for item in data:
        item["image"], item["affine"] = torch.rand(1, 1, 20, 12), [torch.eye(3, dtype=torch.float64)]
        (truth,), detections = item["target"], item["found"]
        item["target"] = [Target(truth.boxes[:, [0, 1, 3, 4]], truth.labels, truth.ignored)]
        item["found"] = Detections(detections.boxes[:, [0, 1, 3, 4]], detections.scores, detections.labels, detections.prior_ids)
    EvaluationReport(DetectionMetrics(), tmp_path, num_draws=0, num_tiles=2).attach(engine)
    engine.run(data)
    with Image.open(tmp_path / "mosaic.png") as picture:
        assert picture.width == 2 * 360 + 3 * 8
        pixels = np.asarray(picture)[36:].reshape(-1, 3)
    assert all((pixels == ImageColor.getrgb(color)).all(axis=1).any() for color in (COLORS[0], "#ff2d2d"))


def test_intervals_of_the_report_draw_patients(tmp_path):
    """All cases are of one patient: every draw is the same, and tells of no interval of a mean."""
    engine, data = evaluation(CASES)
    for item in data:
        item["patient_id"] = ["p"]
    EvaluationReport(DetectionMetrics(), tmp_path, num_draws=20).attach(engine)
    engine.run(data)
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    froc = metrics["froc"]
    assert metrics["num_patients"] == 1 and froc["mean_interval"] == [None, None]
    assert metrics["operating_points"]["1 FP per case"]["sensitivity"] == froc["sensitivity"][froc["fp_per_case"].index(1)]
    assert metrics["bootstrap"]["draws"] == 20


class OneWeight(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(1))

    def forward(self, images):
        return self.weight * images.mean()


class FakeEngine(Engine):
    """What TrainStep and EvaluateStep use of MONAI's engines."""

    def __init__(self, step, loss_function):
        super().__init__(step)
        self.network, self.loss_function = OneWeight(), loss_function
        self.optimizer = torch.optim.SGD(self.network.parameters(), lr=0.1)
        self.inferer = lambda images, network: network(images)
        self.prepare_batch, self.non_blocking, self.to_kwargs = prepare_batch, False, {}
        self.state.device = torch.device("cpu")
        self.register_events("forward_completed", "loss_completed", "backward_completed", "model_completed")

    def fire_event(self, name):
        if isinstance(name, Events):
            super().fire_event(name)


def batch(value=1.0):
    return {"image": torch.full((1, 1, 4, 4, 4), value), "target": [target(BOX)], "case_id": ["the-case"]}


def test_train_step_descends_and_names_its_losses():
    engine = FakeEngine(TrainStep(), lambda output, targets: {"a": output.sum() ** 2, "b": 2 * output.sum()})
    engine.state.iteration = 1
    output = TrainStep()(engine, batch())
    assert tensorboard_values(output) == {"loss": 3.0, "loss/a": 1.0, "loss/b": 2.0}
    assert engine.network.weight.item() == pytest.approx(1 - 0.1 * 4)
    assert not output["loss"].requires_grad


def test_train_step_stops_at_a_loss_that_is_not_finite_and_names_the_cases():
    engine = FakeEngine(TrainStep(), lambda output, targets: {"a": output.sum()})
    engine.state.iteration = 7
    with pytest.raises(FloatingPointError, match="iteration 7.*the-case"):
        TrainStep()(engine, batch(float("nan")))
    assert engine.network.weight.item() == 1


def test_steps_that_are_not_finite_are_left_out_until_there_are_too_many():
    engine = FakeEngine(TrainStep(), lambda output, targets: {"a": output.sum()})
    engine.state.iteration = 1
    step = TrainStep(patience=2)
    for value, skipped in ((float("nan"), 1), (float("inf"), 2), (1.0, 2), (float("nan"), 3), (float("nan"), 4)):
        before = engine.network.weight.item()
        step(engine, batch(value))
        assert (engine.network.weight.item() == before) == (value != 1) and engine.state.skipped_steps == skipped
    with pytest.raises(FloatingPointError, match="3 steps in a row.*the-case; the-case; the-case"):
        step(engine, batch(float("nan")))


def test_a_step_that_is_left_out_leaves_no_trace_in_batch_norm():
    engine = FakeEngine(TrainStep(), lambda output, targets: {"a": output.sum()})
    engine.network = torch.nn.Sequential(torch.nn.BatchNorm3d(1), OneWeight())
    engine.state.iteration, step = 1, TrainStep(patience=1)
    step(engine, batch(2.0))
    before = {name: buffer.clone() for name, buffer in engine.network.named_buffers()}
    step(engine, batch(float("nan")))
    assert all(torch.equal(buffer, before[name]) for name, buffer in engine.network.named_buffers())
    step(engine, batch(3.0))
    assert engine.network[0].num_batches_tracked == 2


def test_gradients_are_clipped_and_checked():
    engine = FakeEngine(TrainStep(), lambda output, targets: {"a": 10 * output.sum()})
    engine.state.iteration = 1
    TrainStep(max_norm=0.5)(engine, batch())
    assert engine.network.weight.item() == pytest.approx(1 - 0.1 * 0.5)
    engine.loss_function = lambda output, targets: {"a": (output.sum() * 0).sqrt() + output.sum()}  # finite, but its gradient is not
    TrainStep(max_norm=0.5, patience=1)(engine, batch())
    assert engine.network.weight.item() == pytest.approx(1 - 0.1 * 0.5) and engine.state.skipped_steps == 1


def test_progress_says_what_matters_in_one_line(caplog):
    engine = FakeEngine(TrainStep(), lambda output, targets: {"a": output.sum() ** 2, "b": 2 * output.sum()})
    TrainingProgress().attach(engine)
    with caplog.at_level(logging.INFO, "medtk_monai"):
        engine.run([batch()], max_epochs=2)
    assert [record.message.split(" | ")[0] for record in caplog.records] == ["epoch 1/2", "epoch 2/2"]
    assert "loss 3.000 (a 1.000, b 2.000) | lr 1.00e-01 |" in caplog.records[0].message


def test_epochs_count_from_zero_for_the_sampler():
    class Sampler:
        seen: list = []

        def set_epoch(self, epoch):
            self.seen.append(epoch)

    engine = Engine(lambda *_: None)
    EpochSetter(Sampler()).attach(engine)
    engine.run([0], max_epochs=3)
    assert Sampler.seen == [0, 1, 2]
