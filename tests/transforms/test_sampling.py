"""Percentiles of a sample against those of all voxels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medtk_monai.transforms.sampling import evenly_sampled

COUNT = 5000


def assert_ranks(values, sample, q):
    """The percentile of the sample has nearly the rank q among all values: within five standard deviations of independent draws."""
    found = np.percentile(sample, q)
    slack = 5 * np.sqrt(q / 100 * (1 - q / 100) / len(sample)) + 1 / len(sample)
    assert (values < found).mean() - slack <= q / 100 <= (values <= found).mean() + slack


def with_structure(shape, kind, axis, seed):
    """Values that differ by slice, of a thin slab, by stripes of some voxels, or by chance alone."""
    generator = np.random.default_rng(seed)
    values = generator.gamma(2, 100, shape).astype(np.float32)
    along = np.arange(shape[axis]).reshape([-1 if a == axis else 1 for a in range(len(shape))])
    if kind == "slices":
        return values + 1000 * along
    if kind == "empty first":
        return np.where(along == 0, 0, values)
    if kind == "slab":
        return values + 5000 * (along == shape[axis] // 2)
    if kind == "stripes":
        return values + 3000 * (along % (2 + seed % 5) == 0)
    return values


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.integers(1, 120), min_size=2, max_size=3), st.sampled_from(["slices", "empty first", "slab", "stripes", "chance"]),
    st.integers(0, 2), st.integers(0, 99),
)  # fmt: skip
def test_percentiles_of_any_shape(shape, kind, axis, seed):
    values = with_structure(shape, kind, axis % len(shape), seed)
    sample = evenly_sampled(values, COUNT)
    assert len(sample) == min(values.size, COUNT)
    for q in (0.5, 5, 50, 95, 99.5):
        assert_ranks(values, sample, q)


@pytest.mark.parametrize("shape", [(320, 320, 32), (448, 448, 40), (250, 400, 20), (1000, 1000, 3), (1000, 1000), (32, 320, 320)])
@pytest.mark.parametrize("axis", [0, -1])
def test_matrices_in_which_a_fixed_step_stays_in_one_slice(shape, axis):
    values = with_structure(shape, "slices", axis % len(shape), 1)
    sample = evenly_sampled(values)
    assert len(sample) == 100_000
    for q in (0.5, 50, 99.5):
        assert_ranks(values, sample, q)
    share = np.mean((sample >= 1000) & (sample < 2000))
    assert share == pytest.approx(np.mean((values >= 1000) & (values < 2000)), abs=0.01)


def test_the_same_places_whatever_the_memory_order_and_all_of_a_small_array():
    values = np.arange(600 * 400, dtype=np.float32).reshape(600, 400)
    assert np.array_equal(evenly_sampled(values), evenly_sampled(np.asfortranarray(values)))
    assert np.array_equal(evenly_sampled(values[:10]), values[:10].ravel())
    assert len(evenly_sampled(values[:0])) == 0
    assert len(np.unique(evenly_sampled(values, 1000))) == 1000
