"""Losses against definitions written out, and their behavior at the edges."""

import math

import pytest
import torch
from monai.losses import BoxGIoULoss
from monai.losses import FocalLoss as MonaiFocalLoss

from medtk_monai.anchors import AnchorGenerator, PointGenerator
from medtk_monai.coders import DeltaCoder, DistanceCoder
from medtk_monai.losses import (
    BalancedL1Loss,
    BCELoss,
    CenternessQuality,
    CIoULoss,
    CombinedBoxLoss,
    DIoULoss,
    FocalLoss,
    GIoULoss,
    IoULoss,
    IoUQuality,
    QualityFocalLoss,
    SmoothL1Loss,
    WassersteinLoss,
)

CLASSIFICATION = [BCELoss(), FocalLoss(), QualityFocalLoss()]
BOX = [
    SmoothL1Loss(),
    BalancedL1Loss(),
    IoULoss(),
    GIoULoss(),
    DIoULoss(),
    CIoULoss(),
    WassersteinLoss(),
    CombinedBoxLoss(SmoothL1Loss(), GIoULoss()),
]
QUALITIES = [IoUQuality(), CenternessQuality()]


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


class Given:
    """A coder whose deltas are the boxes, or the errors, themselves."""

    def encode(self, priors, boxes):
        return boxes

    def decode(self, priors, deltas):
        return deltas


def box(*values):
    return torch.tensor([values], dtype=torch.float32)


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("loss", BOX, ids=str)
def test_box_losses_stay_finite_for_far_flat_and_inverted_boxes(loss, dims):
    target = box(*[4.0] * dims, *[9.0] * dims)
    for values in ([50.0] * dims + [51.0] * dims, [4.0] * 2 * dims, [9.0] * dims + [4.0] * dims, [4.0] * dims + [9.0] * dims):
        found = box(*values).requires_grad_()
        value = loss(Given(), PointGenerator([2])([(1, 1)]), found, target)
        value.sum().backward()
        assert value.isfinite().all() and value.min() >= -1e-6 and found.grad.isfinite().all()


def test_distance_iou_by_hand():
    """Squares of side 2, one unit apart: IoU 2/6, squared distance 1, squared diagonal 3^2 + 2^2."""
    assert DIoULoss()(Given(), None, box(0, 0, 2, 2), box(1, 0, 3, 2)).item() == pytest.approx(1 - 2 / 6 + 1 / 13)


def test_complete_iou_by_hand():
    """4 x 2 in 4 x 4 about one center: IoU 1/2, angles atan 2 and atan 1."""
    misfit = 4 / math.pi**2 * (math.atan(2) - math.atan(1)) ** 2
    expected = 1 - 0.5 + misfit / (0.5 + misfit) * misfit
    assert CIoULoss()(Given(), None, box(0, 1, 4, 3), box(0, 0, 4, 4)).item() == pytest.approx(expected)
    cubes = CIoULoss()(Given(), None, box(0, 0, 0, 2, 2, 2), box(0, 0, 0, 4, 4, 4)).item()
    assert cubes == pytest.approx(DIoULoss()(Given(), None, box(0, 0, 0, 2, 2, 2), box(0, 0, 0, 4, 4, 4)).item())


def test_wasserstein_by_hand():
    """Centers 3 apart along one axis, sides 2 and 10 along another: sqrt(9 + 8^2 / 4) = 5."""
    found = WassersteinLoss(scale=5)(Given(), None, box(0, 0, 2, 2), box(3, -4, 5, 6)).item()
    assert found == pytest.approx(1 - math.exp(-1))


def test_balanced_l1_has_the_gradient_of_the_paper():
    error = torch.linspace(-3, 3, 41)[:, None].requires_grad_()
    loss = BalancedL1Loss(0.5, 1.5, 1.0)(Given(), None, error, torch.zeros(41, 1))
    loss.sum().backward()
    b = math.exp(3) - 1
    expected = torch.where(error.abs() < 1, 0.5 * torch.log(b * error.abs() + 1), torch.tensor(1.5)) * error.sign()
    torch.testing.assert_close(error.grad, expected.detach(), atol=1e-5, rtol=1e-5)
    assert loss[20].item() == pytest.approx(0, abs=1e-6)


def test_quality_focal_loss_is_least_where_the_probability_is_the_quality():
    logits = torch.linspace(-6, 6, 1201)[:, None]
    values = QualityFocalLoss()(logits, torch.full_like(logits, 0.7))
    assert logits[values.argmin()].sigmoid().item() == pytest.approx(0.7, abs=0.01)


@pytest.mark.parametrize("quality", QUALITIES, ids=str)
def test_quality_is_one_for_a_centered_perfect_box_less_beside_it_and_without_gradient(quality):
    priors, _ = priors_and_boxes()
    perfect = quality(DeltaCoder(), priors, torch.zeros(len(priors), 6), priors.boxes)
    torch.testing.assert_close(perfect, torch.ones(len(priors)))
    deltas = torch.zeros(len(priors), 6, requires_grad=True)
    beside = quality(DeltaCoder(), priors, deltas, priors.boxes + torch.tensor([1.0, 0, 0, 1, 0, 0]))
    assert (beside < 0.8).all() and (beside > 0).all() and not beside.requires_grad
    assert (quality(DeltaCoder(), priors, deltas, priors.boxes + 50) == 0).all()


def test_centerness_by_hand():
    """Distances to the faces 1 and 3 along one axis, 2 and 2 along the other: sqrt(1/3 * 1)."""
    priors = AnchorGenerator([2], [[4]])([(1, 1)])  # center (1, 1)
    assert CenternessQuality()(Given(), priors, box(0, 0, 0, 0), box(0, -1, 4, 3)).item() == pytest.approx((1 / 3) ** 0.5)


def test_values_out_of_range_are_refused():
    with pytest.raises(ValueError, match="positive"):
        BalancedL1Loss(beta=0)
    with pytest.raises(ValueError, match="scale"):
        WassersteinLoss(0)
