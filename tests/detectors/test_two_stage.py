import pytest
import torch

from medtk_monai.anchors import AnchorGenerator
from medtk_monai.assigners import ATSSAssigner, IoUAssigner
from medtk_monai.box_ops import paired_iou
from medtk_monai.coders import DeltaCoder
from medtk_monai.detectors import (
    DetectionCriterion,
    Postprocessor,
    TwoStageCriterion,
    TwoStageNetwork,
    TwoStagePostprocessor,
)
from medtk_monai.detectors.two_stage import proposals_as_priors
from medtk_monai.heads import AnchorHead, RoIExtractor, RoIHead
from medtk_monai.inferers import WindowedInferer
from medtk_monai.losses import BCELoss, SmoothL1Loss
from medtk_monai.networks import FeaturePyramid, ResidualEncoder, measure_maps
from medtk_monai.samplers import AllSampler, HardNegativeSampler
from medtk_monai.structures import DenseOutput, Detections, Target, TwoStageOutput, Window
from medtk_monai.suppressors import NMS

GENERATOR = AnchorGenerator([2, 4], [[4], [9]])
CODER = DeltaCoder()


def network(dims, num_classes=2):
    torch.manual_seed(0)
    proposer = Postprocessor(GENERATOR, CODER, NMS(0.5), score_threshold=0.0, max_detections=20)
    encoder = ResidualEncoder(dims, 1, (4, 8), (2, 2), (1, 1))
    head = AnchorHead(dims, 4, num_classes, 1)
    extractor = RoIExtractor([2, 4], 3, context=1.5)
    return TwoStageNetwork(
        encoder,
        FeaturePyramid(dims, measure_maps(encoder, dims, 1), 4, [0, 1]),
        head,
        proposer,
        extractor,
        RoIHead(dims, 8, 3, num_classes, 16),
    )


def criterion():
    dense = DetectionCriterion(GENERATOR, CODER, ATSSAssigner(), HardNegativeSampler(), BCELoss(), SmoothL1Loss())
    return TwoStageCriterion(dense, CODER, IoUAssigner(0.3, 0.2, rescue=False), AllSampler(), BCELoss(), SmoothL1Loss())


def target(dims, objects=True):
    boxes = torch.tensor([[3.0] * dims + [8.0] * dims, [10.0] * dims + [15.0] * dims])[: 2 if objects else 0]
    return Target(boxes, torch.arange(len(boxes)), torch.zeros(len(boxes), dtype=torch.bool))


def proposals(boxes, scores, ids):
    return Detections(torch.tensor(boxes), torch.tensor(scores), torch.zeros(len(ids), dtype=torch.int64), torch.tensor(ids))


def empty_dense(cells=(8, 8)):
    maps = tuple(torch.zeros(1, 2, *(n // step for n in cells)) for step in (1, 2))
    return DenseOutput(maps, tuple(torch.zeros(1, 4, *m.shape[2:]) for m in maps), 2)


@pytest.mark.parametrize("dims", [2, 3])
class TestNetwork:
    def test_every_weight_learns_and_proposals_carry_no_gradient(self, dims):
        net = network(dims)
        output = net(torch.randn(2, 1, *(16,) * dims))
        assert all(not found.boxes.requires_grad and not found.scores.requires_grad for found in output.proposals)
        # Proposals of a fresh network may miss everything: put objects onto some.
        targets = [Target(found.boxes[:2], torch.tensor([0, 1]), torch.zeros(2, dtype=torch.bool)) for found in output.proposals]
        losses = criterion()(output, targets)
        assert set(losses) == {"classification", "box", "roi_classification", "roi_box"}
        sum(losses.values()).backward()
        assert all(p.grad is not None and p.grad.isfinite().all() for p in net.parameters())
        assert all(p.grad.abs().sum() > 0 for p in net.roi_head.parameters())

    def test_images_without_objects_or_proposals_stay_differentiable(self, dims):
        net = network(dims)
        output = net(torch.randn(2, 1, *(16,) * dims))
        sum(criterion()(output, [target(dims, False)] * 2).values()).backward()
        silent = network(dims)
        silent.proposer.score_threshold = 0.9
        output = silent(torch.randn(2, 1, *(16,) * dims))
        assert len(output.logits) == 0
        losses = criterion()(output, [target(dims)] * 2)
        assert losses["roi_box"] == losses["roi_classification"] == 0
        sum(losses.values()).backward()
        assert all(p.grad is not None and p.grad.isfinite().all() for p in silent.parameters())

    def test_detects_in_windows_as_any_network(self, dims):
        post = TwoStagePostprocessor(Postprocessor(GENERATOR, CODER, NMS(0.2), score_threshold=0.0), CODER)
        inferer = WindowedInferer(post, window_size=16, margin=4, stride=4)
        (found,) = inferer(torch.randn(1, 1, *(21, 18, 9)[:dims]), network(dims).eval())
        assert len(found) > 0 and (found.boxes >= 0).all() and (found.boxes[:, dims:] <= torch.tensor((21, 18, 9)[:dims])).all()


def test_the_second_stage_moves_boxes_and_weighs_scores():
    """The first proposal is moved onto the object; the share 0.5 takes the geometric mean of 0.64 and 1."""
    given = proposals([[2.0, 2, 8, 8], [10, 10, 14, 14]], [0.64, 0.5], [10, 40])
    deltas = torch.cat([CODER.encode(proposals_as_priors(given), torch.tensor([[3.0, 3, 8, 8], [10, 10, 14, 14]]))])
    output = TwoStageOutput(empty_dense(), [given], torch.tensor([[20.0, -20], [-20, -20]]), deltas)
    post = TwoStagePostprocessor(Postprocessor(GENERATOR, CODER, NMS(0.2), score_threshold=0.1), CODER)
    (found,) = post(output, (16, 16))
    torch.testing.assert_close(found.boxes, torch.tensor([[3.0, 3, 8, 8]]))
    assert found.scores.item() == pytest.approx(0.8) and found.prior_ids.tolist() == [10]
    losses = criterion()(output, [Target(torch.tensor([[3.0, 3, 8, 8]]), torch.tensor([0]), torch.tensor([False]))])
    assert losses["roi_box"] < 1e-6 and losses["roi_classification"] < 1e-6
    assert paired_iou(found.boxes, torch.tensor([[3.0, 3, 8, 8]])).item() == pytest.approx(1)


def test_only_proposals_of_the_core_vote_under_their_id_in_the_image():
    """The window's second half is core; cell (5, 0) of its 8 x 8 fine grid is cell (5 + 6, 0) of the image's 16 x 8."""
    given = proposals([[2.0, 0, 4, 2], [10.0, 0, 12, 2]], [0.9, 0.9], [8 * 1, 8 * 5])
    output = TwoStageOutput(empty_dense(), [given], torch.full((2, 2), 5.0), torch.zeros(2, 4))
    post = TwoStagePostprocessor(Postprocessor(GENERATOR, CODER, NMS(0.2), score_threshold=0.1), CODER)
    (found,) = post.candidates(output, [Window((12, 0), (20, 0), (28, 16), (32, 16))])
    assert found.boxes.tolist() == [[22, 0, 24, 2]] * 2 and found.labels.tolist() == [0, 1]
    assert found.prior_ids.tolist() == [8 * 11] * 2


def test_a_share_out_of_range_is_refused():
    with pytest.raises(ValueError, match="share"):
        TwoStagePostprocessor(Postprocessor(GENERATOR, CODER, NMS()), CODER, share=2)
