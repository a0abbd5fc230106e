from dataclasses import replace

import pytest
import torch

from medtk_monai.box_ops import paired_iou
from medtk_monai.detectors import DetectionCriterion
from medtk_monai.losses import FocalLoss, GIoULoss, IoUQuality, QualityFocalLoss
from medtk_monai.samplers import AllSampler
from medtk_monai.structures import PriorGrid, Target
from medtk_monai.suppressors import NMS
from tests.detectors.planted import BOX_LOSSES, PARTS, SAMPLERS, criterion, feature_sizes, plant, postprocessor, some_target, unflatten

SIZE = {2: (24, 24), 3: (24, 24, 24)}
NOTHING = {dims: Target(torch.zeros(0, 2 * dims), torch.zeros(0, dtype=torch.int64), torch.zeros(0, dtype=torch.bool)) for dims in (2, 3)}


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("kind", PARTS)
class TestPlantedTruth:
    def test_is_read_back(self, kind, dims):
        target = some_target(dims)
        first, second = postprocessor(kind)(plant(kind, [target, NOTHING[dims]], SIZE[dims]), SIZE[dims])
        assert len(second) == 0
        order = first.boxes[:, 0].argsort()
        truth = target.boxes[:, 0].argsort()
        assert first.labels[order].tolist() == target.labels[truth].tolist()
        assert paired_iou(first.boxes[order], target.boxes[truth]).min() > 0.97
        assert (first.scores > 0.99).all()

    def test_ids_name_the_prior_that_found_the_box(self, kind, dims):
        generator, coder, _ = PARTS[kind]
        output = plant(kind, [some_target(dims)], SIZE[dims])
        (found,) = postprocessor(kind)(output, SIZE[dims])
        _, deltas = output.flatten()
        priors = generator(feature_sizes(SIZE[dims]))
        torch.testing.assert_close(coder.decode(priors[found.prior_ids], deltas[0][found.prior_ids]), found.boxes)
        levels, _, _ = PriorGrid(tuple(feature_sizes(SIZE[dims])), generator.priors_per_cell).decode(found.prior_ids)
        assert torch.equal(levels, priors.levels[found.prior_ids])

    @pytest.mark.parametrize("box_loss", BOX_LOSSES, ids=str)
    @pytest.mark.parametrize("sampler", SAMPLERS, ids=str)
    def test_leaves_the_criterion_nothing_to_do(self, kind, dims, sampler, box_loss):
        targets = [some_target(dims), NOTHING[dims]]
        losses = criterion(kind, sampler, box_loss)(plant(kind, targets, SIZE[dims]), targets)
        assert losses["classification"] < 1e-3 and losses["box"] < 0.02

    def test_a_wrong_box_or_class_costs(self, kind, dims):
        target = some_target(dims)
        output = plant(kind, [target], SIZE[dims])
        shifted = Target(target.boxes + 1, target.labels, target.ignored)
        renamed = Target(target.boxes, 1 - target.labels, target.ignored)
        assert criterion(kind)(output, [shifted])["box"] > 0.2
        assert criterion(kind)(output, [renamed])["classification"] > 1

    def test_images_without_objects_keep_all_losses_differentiable(self, kind, dims):
        output = plant(kind, [NOTHING[dims]] * 2, SIZE[dims], certainty=1.0)
        for part in (*output.logits, *output.deltas):
            part.requires_grad_()
        losses = criterion(kind)(output, [NOTHING[dims]] * 2)
        sum(losses.values()).backward()
        assert losses["box"] == 0 and losses["classification"] > 0
        assert all(torch.isfinite(part.grad).all() for part in (*output.logits, *output.deltas))

    def test_an_ignored_object_is_neither_learnt_nor_background(self, kind, dims):
        target = some_target(dims)
        ignored = Target(target.boxes, target.labels, torch.tensor([False, False, True]))
        knows_all, knows_rest = plant(kind, [target], SIZE[dims]), plant(kind, [ignored], SIZE[dims])
        for output in (knows_all, knows_rest):
            assert criterion(kind)(output, [ignored])["classification"] < 1e-3


@pytest.mark.parametrize("kind", PARTS)
def test_losses_are_divided_by_the_positives_of_the_batch(kind):
    """Twice the same image costs the same as once."""
    target = some_target(2)
    wrong = Target(target.boxes + 1.5, target.labels, target.ignored)
    once, twice = (criterion(kind)(plant(kind, [target] * n, SIZE[2]), [wrong] * n) for n in (1, 2))
    torch.testing.assert_close(once["box"], twice["box"])
    torch.testing.assert_close(once["classification"], twice["classification"])


def test_postprocessor_keeps_the_best_candidates_and_detections():
    output = plant("anchor", [some_target(2)], SIZE[2])
    everything = postprocessor("anchor", score_threshold=0.0, suppressor=NMS(1.0), top_k=10_000, max_detections=10_000)(output, SIZE[2])[0]
    few = postprocessor("anchor", score_threshold=0.0, suppressor=NMS(1.0), top_k=20, max_detections=7)(output, SIZE[2])[0]
    assert len(few) == 7
    assert torch.equal(few.prior_ids, everything.prior_ids[:7])
    assert (everything.scores.diff() <= 0).all()


def test_detections_are_cut_to_the_image():
    target = Target(torch.tensor([[-3.0, -2, 4, 5]]), torch.tensor([0]), torch.tensor([False]))
    (found,) = postprocessor("anchor")(plant("anchor", [target], SIZE[2]), SIZE[2])
    torch.testing.assert_close(found.boxes, torch.tensor([[0.0, 0, 4, 5]]))


def test_a_score_threshold_out_of_range_is_refused():
    with pytest.raises(ValueError, match="score_threshold"):
        postprocessor("anchor", score_threshold=1.0)


def test_a_quality_branch_learns_the_fit_and_weighs_the_score():
    """The loss of the branch is least where it says the IoU of the decoded boxes; a score is the geometric mean."""
    target = some_target(2)
    output = plant("point", [target], SIZE[2])
    moved = replace(output, deltas=tuple(level + 0.4 for level in output.deltas))
    generator, coder, assigner = PARTS["point"]
    positive = assigner(generator(feature_sizes(SIZE[2])), target).positive
    priors, objects = generator(feature_sizes(SIZE[2])), assigner(generator(feature_sizes(SIZE[2])), target).objects[positive]
    worth = torch.zeros(1, len(positive), 1)
    worth[0, positive, 0] = paired_iou(coder.decode(priors[positive], moved.flatten()[1][0][positive]), target.boxes[objects])
    learner = DetectionCriterion(generator, coder, assigner, AllSampler(), FocalLoss(), GIoULoss(), quality=IoUQuality())
    losses = []
    for shift in (-1.0, 0.0, 1.0):
        maps = unflatten(worth.clamp(0.01, 0.99).logit() + shift, feature_sizes(SIZE[2]), generator.priors_per_cell)
        losses.append(learner(replace(moved, quality=maps), [target])["quality"].item())
    assert losses[1] < min(losses[0], losses[2])
    certain = unflatten(torch.full_like(worth, 0.0), feature_sizes(SIZE[2]), generator.priors_per_cell)
    (found,) = postprocessor("point")(replace(output, quality=certain), SIZE[2])
    assert found.scores.max().item() == pytest.approx(0.5**0.5, abs=1e-3)


def test_without_a_branch_the_classes_learn_the_quality():
    """Perfect boxes want a score of 1, moved ones less: certainty costs more."""
    target = some_target(2)
    output = plant("anchor", [target], SIZE[2])
    moved = replace(output, deltas=tuple(level + 0.3 for level in output.deltas))
    generator, coder, assigner = PARTS["anchor"]
    learner = DetectionCriterion(generator, coder, assigner, AllSampler(), QualityFocalLoss(), GIoULoss(), quality=IoUQuality())
    assert learner(output, [target])["classification"] < 1e-3 < 0.1 < learner(moved, [target])["classification"]
