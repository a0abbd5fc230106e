import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from medtk_monai.reflection import check_padding_mode, read_reflected, read_region, reflect_index, reflect_pad


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 9), st.integers(0, 30), st.integers(0, 30))
def test_indices_reflect_as_numpy_pads(size, before, after):
    expected = np.pad(np.arange(size), (before, after), mode="reflect" if size > 1 else "edge")
    assert reflect_index(-before, before + size + after, size).tolist() == expected.tolist()


@pytest.mark.parametrize("by_index", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.uint8, torch.bool])
@pytest.mark.parametrize("size", [(5, 7), (5, 7, 4), (1, 2, 3)])
def test_a_region_is_the_same_cut_from_the_padded_image(size, dtype, by_index):
    image = torch.randint(0, 255 if dtype != torch.bool else 2, (2, *size)).to(dtype)
    padded = np.pad(image.numpy(), [(0, 0), *[(9, 9) if n > 1 else (0, 0) for n in size]], mode="reflect")
    padded = np.pad(padded, [(0, 0), *[(0, 0) if n > 1 else (9, 9) for n in size]], mode="edge")
    start, extent = [-4, 3, -9][: len(size)], [8, 4, 12][: len(size)]
    cut = tuple(slice(9 + s, 9 + s + e) for s, e in zip(start, extent))
    np.testing.assert_array_equal(read_reflected(image, start, extent, by_index).numpy(), padded[(slice(None), *cut)])


def triples(least, most):
    return st.tuples(*[st.integers(least, most)] * 3)


REGIONS = {"size": triples(1, 9), "start": triples(-12, 12), "extent": triples(1, 20)}


@settings(max_examples=60, deadline=None)
@given(**REGIONS)
def test_both_ways_read_the_same(size, start, extent):
    image = torch.rand(2, *size)
    assert torch.equal(read_reflected(image, start, extent), read_reflected(image, start, extent, by_index=True))


def test_padding_equals_torch_where_torch_can():
    maps = torch.rand(2, 3, 4, 5, 6)
    assert torch.equal(reflect_pad(maps, (1, 2, 3)), torch.nn.functional.pad(maps, (3, 3, 2, 2, 1, 1), mode="reflect"))
    assert reflect_pad(maps, (4, 9, 1)).shape == (2, 3, 12, 23, 8)


def test_both_ways_of_padding_have_one_gradient():
    maps = torch.rand(1, 2, 4, 5, dtype=torch.float64)
    weights = torch.rand(1, 2, 6, 9, dtype=torch.float64)
    gradients = []
    for padded in (lambda m: reflect_pad(m, (1, 2)), lambda m: read_reflected(m, (-1, -2), (6, 9), by_index=True)):
        leaf = maps.clone().requires_grad_()
        (padded(leaf) * weights).sum().backward()
        gradients.append(leaf.grad)
    torch.testing.assert_close(*gradients)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_gradient_of_padding_repeats_on_a_gpu():
    maps, weights = torch.rand(2, 8, 24, 24, 24, device="cuda"), torch.rand(2, 8, 26, 26, 26, device="cuda")
    torch.use_deterministic_algorithms(True)
    try:
        gradients = []
        for _ in range(5):
            leaf = maps.clone().requires_grad_()
            (reflect_pad(leaf, (1, 1, 1)) * weights).sum().backward()
            gradients.append(leaf.grad)
    finally:
        torch.use_deterministic_algorithms(False)
    assert all(torch.equal(gradients[0], other) for other in gradients)


@settings(max_examples=60, deadline=None)
@given(**REGIONS)
def test_a_region_beyond_the_image_is_reflected_or_zero(size, start, extent):
    image = torch.rand(2, *size) + 1
    padded = np.pad(image.numpy(), [(0, 0), *[(12, 40)] * 3])
    cut = tuple(slice(12 + s, 12 + s + e) for s, e in zip(start, extent))
    np.testing.assert_array_equal(read_region(image, start, extent, "zeros").numpy(), padded[(slice(None), *cut)])
    assert torch.equal(read_region(image, start, extent), read_reflected(image, start, extent))


def test_other_paddings_are_refused():
    with pytest.raises(ValueError, match="'constant' -- choose one of reflect, zeros"):
        check_padding_mode("constant")
