"""The contract of all box coders."""

import pytest
import torch

from medtk_monai.anchors import AnchorGenerator, CombinedGenerator
from medtk_monai.box_ops import box_centers, box_sizes
from medtk_monai.coders import CombinedCoder, DeltaCoder, DistanceCoder

CODERS = [DeltaCoder(), DeltaCoder(center_std=0.1, size_std=0.2), DistanceCoder(), CombinedCoder(DeltaCoder(), DistanceCoder())]


def priors_and_boxes(dims):
    """Priors, and a box for each that contains its center."""
    anchors = AnchorGenerator([(2, 4, 1)[:dims], 8], [[3.5], [(11, 7, 9)[:dims]]])
    priors = CombinedGenerator(anchors)([(4,) * dims, (1,) * dims])
    generator = torch.Generator().manual_seed(0)
    below, above = (0.3 + 20 * torch.rand(len(priors), dims, generator=generator) for _ in range(2))
    centers = box_centers(priors.boxes)
    return priors, torch.cat([centers - below, centers + above], dim=1)


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("coder", CODERS, ids=str)
def test_decoding_undoes_encoding(coder, dims):
    priors, boxes = priors_and_boxes(dims)
    deltas = coder.encode(priors, boxes)
    assert deltas.shape == boxes.shape
    torch.testing.assert_close(coder.decode(priors, deltas), boxes, atol=1e-3, rtol=1e-4)


@pytest.mark.parametrize("coder", CODERS, ids=str)
def test_decoded_boxes_are_proper_float32_and_have_gradients_everywhere(coder):
    priors, _ = priors_and_boxes(3)
    noise = torch.randn(len(priors), 6, generator=torch.Generator().manual_seed(1))
    wild = coder.decode(priors, (20 * noise).bfloat16())
    assert wild.dtype == torch.float32 and (box_sizes(wild) >= 0).all() and torch.isfinite(wild).all()
    deltas = noise.requires_grad_()
    boxes = coder.decode(priors, deltas)
    assert (box_sizes(boxes) > 0).all()
    boxes.square().sum().backward()
    assert torch.isfinite(deltas.grad).all() and (deltas.grad != 0).all()


@pytest.mark.parametrize("coder", CODERS, ids=str)
def test_no_priors_no_boxes(coder):
    priors, boxes = priors_and_boxes(2)
    assert coder.decode(priors[:0], coder.encode(priors[:0], boxes[:0])).shape == (0, 4)


def test_a_point_outside_its_box_is_encoded_with_its_smallest_distance():
    priors = AnchorGenerator([2], [[2]])([(1, 1)])  # center (1, 1)
    decoded = DistanceCoder(min_distance=0.01).decode(priors, DistanceCoder().encode(priors, torch.tensor([[2.0, 0.0, 5.0, 4.0]])))
    torch.testing.assert_close(decoded, torch.tensor([[0.98, 0.0, 5.0, 4.0]]))


def test_deltas_are_offsets_in_prior_sizes_and_logarithms_of_ratios():
    priors = AnchorGenerator([2], [[4]])([(1, 1)])  # (-1, -1, 3, 3)
    deltas = DeltaCoder(center_std=1, size_std=1).encode(priors, torch.tensor([[1.0, -1.0, 5.0, 7.0]]))
    torch.testing.assert_close(deltas, torch.tensor([[0.5, 0.5, 0.0, 0.6931472]]))


def test_a_combined_coder_codes_anchors_and_points_each_in_their_way():
    priors, boxes = priors_and_boxes(2)
    deltas = CombinedCoder(DeltaCoder(), DistanceCoder()).encode(priors, boxes)
    for coder, chosen in ((DeltaCoder(), ~priors.points), (DistanceCoder(), priors.points)):
        assert chosen.any() and torch.equal(deltas[chosen], coder.encode(priors[chosen], boxes[chosen]))
