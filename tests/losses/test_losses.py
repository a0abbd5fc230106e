"""Losses against definitions written out, and their behavior at the edges."""

import math

import pytest
import torch
from monai.losses import BoxGIoULoss
from monai.losses import FocalLoss as MonaiFocalLoss

from medtk_monai.anchors import AnchorGenerator
from medtk_monai.coders import DeltaCoder, DistanceCoder
from medtk_monai.losses import BCELoss, FocalLoss, GIoULoss, SmoothL1Loss

CLASSIFICATION = [BCELoss(), FocalLoss()]
BOX = [SmoothL1Loss(), GIoULoss()]


def priors_and_boxes():
    priors = AnchorGenerator([4], [[6]])([(2, 3, 1)])
    return priors, priors.boxes + torch.tensor([0.5, -1, 0, 1.5, 1, 0.25])


@pytest.mark.parametrize("loss", CLASSIFICATION, ids=str)
def test_classification_is_small_when_right_and_large_when_wrong(loss):
    targets = torch.tensor([[1.0, 0], [0, 0]])
    right = loss(20 * (2 * targets - 1), targets)
    assert right.shape == (2,) and right.max() < 1e-6
    assert (loss(-20 * (2 * targets - 1), targets) > 1).all()


@pytest.mark.parametrize("loss", CLASSIFICATION, ids=str)
def test_classification_of_nothing_is_a_differentiable_zero(loss):
    logits = torch.zeros(0, 2, requires_grad=True)
    loss(logits, torch.zeros(0, 2)).sum().backward()
    assert logits.grad.shape == (0, 2)


def test_focal_loss_agrees_with_monai():
    logits, targets = torch.randn(50, 1), (torch.rand(50, 1) > 0.5).float()
    for alpha, gamma in ((0.25, 2.0), (0.5, 0.0)):
        expected = MonaiFocalLoss(alpha=alpha, gamma=gamma, reduction="none")(logits, targets)[:, 0]
        # MONAI leaves out alpha's complement for a single channel: compare up to that factor.
        found = FocalLoss(alpha, gamma)(logits, targets)
        ratio = found / expected
        assert any(torch.allclose(ratio, factor) for factor in (torch.ones(50), targets[:, 0] * alpha + (1 - targets[:, 0]) * (1 - alpha)))


def test_focal_loss_of_one_logit_by_hand():
    """p = 0.5, positive: 0.25 * 0.5^2 * ln 2."""
    assert FocalLoss()(torch.zeros(1, 1), torch.ones(1, 1)).item() == pytest.approx(0.25 * 0.25 * math.log(2))


@pytest.mark.parametrize("coder", [DeltaCoder(), DistanceCoder()], ids=str)
@pytest.mark.parametrize("loss", BOX, ids=str)
def test_box_loss_is_zero_for_the_encoded_box_and_pulls_others_towards_it(loss, coder):
    priors, boxes = priors_and_boxes()
    exact = coder.encode(priors, boxes)
    assert loss(coder, priors, exact, boxes).max() < 1e-5
    deltas = (exact + 0.7).requires_grad_()
    value = loss(coder, priors, deltas, boxes)
    assert value.shape == (len(priors),) and (value > 0).all()
    value.sum().backward()
    nearer = deltas.detach() - 0.01 * deltas.grad / deltas.grad.norm()
    assert loss(coder, priors, nearer, boxes).sum() < value.sum()


@pytest.mark.parametrize("loss", BOX, ids=str)
def test_box_loss_of_nothing_is_a_differentiable_zero(loss):
    priors, boxes = priors_and_boxes()
    deltas = torch.zeros(0, 6, requires_grad=True)
    loss(DeltaCoder(), priors[:0], deltas, boxes[:0]).sum().backward()
    assert deltas.grad.shape == (0, 6)


def test_giou_loss_agrees_with_monai():
    priors, boxes = priors_and_boxes()
    found = GIoULoss()(DeltaCoder(), priors, torch.zeros(len(priors), 6), boxes)
    torch.testing.assert_close(found.mean(), BoxGIoULoss()(priors.boxes, boxes))
