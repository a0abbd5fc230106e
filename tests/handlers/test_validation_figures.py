"""What a validation leaves in TensorBoard files, read back and compared with the figures of the same cases."""

import io

import numpy as np
import pytest
import torch
from ignite.engine import Engine
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from medtk_monai.engines.steps import CASE_IDS, DETECTIONS, TARGETS
from medtk_monai.handlers import DetectionMetric, ValidationFigures, gathering
from medtk_monai.metrics import DetectionMetrics, figures_of
from medtk_monai.metrics.thresholds import operating_point, threshold_for_fp
from medtk_monai.structures import Detections, Target

IMAGES = {f"validation/{name}" for name in ("froc", "precision_recall", "scores", "sizes", "errors")}
AMBER, RED = (255, 176, 0), (255, 90, 77)


def case(name, objects, found, dims=3):
    """Objects are (position, label), findings (position, score, label): boxes of side 4 in an image of 24 voxels, 0.5 mm each."""

    def boxes(rows):
        lower = torch.tensor([row[0] for row in rows], dtype=torch.float32).reshape(-1, 1).expand(-1, dims)
        return torch.cat([lower, lower + 4], dim=1)

    def column(rows, index, dtype):
        return torch.tensor([row[index] for row in rows], dtype=dtype)

    target = Target(boxes(objects), column(objects, 1, torch.int64), torch.zeros(len(objects), dtype=torch.bool))
    scores, labels = column(found, 1, torch.float32), column(found, 2, torch.int64)
    detections = Detections(boxes(found), scores, labels, torch.arange(len(found)))
    affine = torch.diag(torch.tensor([0.5] * dims + [1.0], dtype=torch.float64))
    image = torch.rand(1, 1, *[24] * dims, generator=torch.Generator().manual_seed(len(name)))
    return {"image": image, "target": [target], "found": [detections], "case_id": [name], "affine": [affine]}


def some_cases(dims=3):
    """Of class 0 two lesions found and one missed, of class 1 one found at a low score; two false positives in the healthy case."""
    return [
        case("a", [(2, 0), (12, 0)], [(2, 0.9, 0), (18, 0.3, 1)], dims),
        case("b", [], [(4, 0.8, 0), (14, 0.6, 1)], dims),
        case("c", [(6, 0), (16, 1)], [(6, 0.7, 0), (16, 0.05, 1)], dims),
    ]


def validate(*validations, folder, num_classes=2):
    """The files of some validations, one after each epoch."""

    def step(engine, number):
        engine.state.batch = batch = validations[engine.state.epoch - 1][number]
        return {DETECTIONS: batch["found"], TARGETS: batch["target"], CASE_IDS: batch["case_id"]}

    engine = Engine(step)
    metrics = DetectionMetrics(num_classes=num_classes)
    DetectionMetric(metrics).attach(engine, "froc")
    ValidationFigures(metrics, folder).attach(engine)
    engine.run(range(len(validations[0])), max_epochs=len(validations))
    events = EventAccumulator(str(folder), size_guidance={"images": 0, "scalars": 0})
    events.Reload()
    return events, metrics


def pixels(event):
    return np.asarray(Image.open(io.BytesIO(event.encoded_image_string)))


def test_scalars_are_those_of_the_same_table(tmp_path):
    events, metrics = validate(some_cases(), some_cases(), folder=tmp_path)
    expected = DetectionMetrics(num_classes=2)
    for item in some_cases():
        expected.update(item["found"][0], item["target"][0], item["case_id"][0])
    values, (table, _) = expected.compute(), expected.tables()
    point = operating_point(table, threshold_for_fp(table, 1.0), 1.0, np.zeros((0, 3))).to_dict()
    wanted = {
        "case_auroc": values["case_auroc"],
        "froc_diseased": values["froc_diseased"]["mean"],
        "ap_iou_0.5": values["ap_per_iou"]["0.5"],
        "ap_iou_0.75": values["ap_per_iou"]["0.75"],
        "ap_class_0": values["per_class"][0]["ap"],
        "ap_class_1": values["per_class"][1]["ap"],
        "ppv_at_1": point["ppv"],
        "threshold_at_1": point["threshold"],
    }
    assert point["threshold"] == pytest.approx(0.05) and point["ppv"] == 0.5 and values["case_auroc"] == 0.5
    told = {name: [(event.step, event.value) for event in events.Scalars(name)] for name in events.Tags()["scalars"]}
    further = set(figures_of(metrics.rules)) - set(wanted)
    assert set(told) - {f"validation/{name}" for name in further} == {f"validation/{name}" for name in wanted}
    for name, value in wanted.items():
        assert told[f"validation/{name}"] == [(1, pytest.approx(value)), (2, pytest.approx(value))], name


@pytest.mark.parametrize("dims", [2, 3])
def test_images_decode_and_show_something(tmp_path, dims):
    events, _ = validate(some_cases(dims), folder=tmp_path)
    assert set(events.Tags()["images"]) == IMAGES
    for name in IMAGES:
        shown = [pixels(event) for event in events.Images(name)]
        assert len(shown) == 1 and min(shown[0].shape[:2]) > 200 and shown[0].std() > 10, name
    errors = pixels(events.Images("validation/errors")[0])
    half = errors.shape[1] // 2
    counts = {color: (errors == color).all(axis=2) for color in (AMBER, RED)}
    for color, own, other in ((AMBER, slice(0, half), slice(half, None)), (RED, slice(half, None), slice(0, half))):
        assert counts[color][:, own].any() and not counts[color][:, other].any()


def test_each_validation_starts_anew(tmp_path):
    """After one with three cases another, in which cases of the same names have other findings."""
    later = [case(*item) for item in (("a", [(2, 0)], [(12, 0.4, 0)]), ("b", [], []), ("c", [], []))]
    both, _ = validate(some_cases(), later, folder=tmp_path / "both")
    alone, _ = validate(later, folder=tmp_path / "alone")
    for name in IMAGES:
        first, second = both.Images(name)
        assert (first.step, second.step) == (1, 2)
        assert np.array_equal(pixels(second), pixels(alone.Images(name)[0])), name


def test_no_lesions_and_no_findings_are_told_as_well(tmp_path):
    events, _ = validate([case("healthy", [], [])], folder=tmp_path, num_classes=1)
    assert set(events.Tags()["images"]) == IMAGES and not events.Tags()["scalars"]


def test_one_class_needs_no_figure_of_its_own(tmp_path):
    events, _ = validate([case("a", [(2, 0)], [(2, 0.9, 0)])], folder=tmp_path, num_classes=1)
    assert not any("class" in name or name.endswith("iou_0.1") for name in events.Tags()["scalars"])


def test_the_first_process_tells_the_cases_of_all(tmp_path, monkeypatch):
    """Two processes that each have seen a share, one case both of them; what the second says is given to the first as it would be."""
    cases = [*some_cases()[:2], case("c", [(6, 0), (16, 1)], [(6, 0.7, 0), (11, 0.85, 0)])]
    whole, _ = validate(cases, folder=tmp_path / "whole")
    said = []
    with monkeypatch.context() as patch:
        patch.setattr(gathering.idist, "all_gather", lambda value: said.append(value) or [value])
        validate(cases[1:], folder=tmp_path / "second")
    answers = iter(said)
    monkeypatch.setattr(gathering.idist, "all_gather", lambda value: [value, next(answers)])
    shared, _ = validate(cases[:2], folder=tmp_path / "first")
    assert whole.Tags() == shared.Tags()
    for name in whole.Tags()["scalars"]:
        assert whole.Scalars(name)[0].value == shared.Scalars(name)[0].value
    for name in whole.Tags()["images"]:
        assert np.array_equal(pixels(whole.Images(name)[0]), pixels(shared.Images(name)[0])), name


def test_other_processes_write_nothing(tmp_path, monkeypatch):
    from medtk_monai.handlers import validation_figures

    monkeypatch.setattr(validation_figures.idist, "get_rank", lambda: 1)
    tmp_path.joinpath("logs").mkdir()
    validate(some_cases(), folder=tmp_path / "logs")
    assert not list((tmp_path / "logs").iterdir())
