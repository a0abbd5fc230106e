import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from medtk_monai.roi_align import roi_align

STRIDE = {2: (2, 3), 3: (2, 3, 1)}


def linear_field(dims, cells, slope, offset):
    """A map whose cell centers hold a linear function of the voxel coordinate."""
    axes = [(torch.arange(n, dtype=torch.float64) + 0.5) * s for n, s in zip(cells, STRIDE[dims])]
    return sum(a * g for a, g in zip(slope, torch.meshgrid(*axes, indexing="ij"))) + offset


@settings(max_examples=30, deadline=None)
@given(st.sampled_from([2, 3]), st.integers(0, 10**6), st.integers(1, 3))
def test_linear_fields_are_pooled_exactly(dims, seed, samples):
    """The value of a bin is that at its center, for boxes within the outermost cell centers."""
    generator = torch.Generator().manual_seed(seed)
    cells, out = (9, 8, 12)[:dims], (3, 2, 4)[:dims]
    slope = torch.randn(dims, generator=generator, dtype=torch.float64)
    field = linear_field(dims, cells, slope, 1.5)
    low = torch.tensor(STRIDE[dims]) / 2
    high = torch.tensor(cells) * torch.tensor(STRIDE[dims]) - low
    ends = torch.rand(2, 5, dims, generator=generator, dtype=torch.float64).sort(dim=0).values * (high - low) + low
    boxes = torch.cat([ends[0], ends[1]], dim=1)
    found = roi_align(field[None, None], [boxes], STRIDE[dims], out, samples)
    centers = [
        boxes[:, a, None] + (torch.arange(n, dtype=torch.float64) + 0.5) / n * (boxes[:, dims + a] - boxes[:, a])[:, None]
        for a, n in enumerate(out)
    ]
    for i in range(5):
        expected = sum(a * g for a, g in zip(slope, torch.meshgrid(*(c[i] for c in centers), indexing="ij"))) + 1.5
        torch.testing.assert_close(found[i, 0], expected)


def test_images_and_channels_do_not_mix():
    maps = torch.arange(6.0).reshape(3, 2, 1, 1).expand(3, 2, 4, 4)
    box = torch.tensor([[1.0, 1, 5, 6]])
    found = roi_align(maps, [box, box[:0], box.repeat(2, 1)], (2, 3), (2, 2))
    assert found[:, :, 0, 0].tolist() == [[0, 1], [4, 5], [4, 5]]


@pytest.mark.parametrize("dims", [2, 3])
def test_gradients_of_the_maps(dims):
    maps = torch.randn(2, 2, *(3, 4, 3)[:dims], dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    boxes = [torch.tensor([[0.3] * dims + [4.4] * dims, [-2.0] * dims + [3.3] * dims], dtype=torch.float64), torch.zeros(0, 2 * dims)]
    assert torch.autograd.gradcheck(lambda m: roi_align(m, boxes, STRIDE[dims], (2,) * dims), (maps,))


def test_beyond_the_border_the_map_goes_on_with_its_last_values():
    maps = torch.arange(4.0).reshape(1, 1, 4, 1)
    found = roi_align(maps, [torch.tensor([[-20.0, 0, -10, 1], [30, 0, 40, 1]])], (1, 1), (1, 1))
    assert found.flatten().tolist() == [0, 3]


def test_types_stay_and_lists_must_fit():
    maps = torch.zeros(1, 1, 4, 4, dtype=torch.bfloat16)
    assert roi_align(maps, [torch.zeros(2, 4)], (1, 1), (2, 2)).dtype == torch.bfloat16
    with pytest.raises(ValueError, match="one for each"):
        roi_align(maps, [], (1, 1), (2, 2))
