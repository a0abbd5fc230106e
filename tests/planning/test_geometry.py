"""Grids, levels and patches of data sets whose right plan can be told by hand."""

from dataclasses import replace

import numpy as np
import pytest

from medtk_monai.planning.geometry import choose_grid, choose_levels, choose_patch, free_axes
from tests.planning.made_facts import made, spheres


def test_the_usual_spacing_needs_no_resampling():
    grid = choose_grid(made(spheres(3, 8), spacing=(0.5, 0.5, 0.6)))
    assert grid.spacing == (0.5, 0.5, 0.6) and not grid.resample and grid.factor == 1


def test_the_median_where_spacings_differ():
    spacing = np.repeat([[0.4, 0.4, 0.5], [0.5, 0.5, 0.5], [0.8, 0.8, 0.5]], [10, 25, 15], axis=0)
    grid = choose_grid(replace(made(spheres(3, 8)), spacing=spacing))
    assert grid.spacing == (0.5, 0.5, 0.5) and grid.resample


@pytest.mark.parametrize("share, resample", [(1.15, False), (1.25, True)])
def test_spacings_that_are_nearly_alike_stay(share, resample):
    spacing = np.tile([0.5, 0.5, 0.7], (50, 1)) * np.where(np.arange(50) < 20, share, 1.0)[:, None]
    assert choose_grid(replace(made(spheres(3, 8)), spacing=spacing)).resample == resample
    coarse = choose_grid(replace(made(spheres(40, 60)), spacing=spacing))  # what is made coarser anyway is resampled
    assert coarse.factor > 1 and coarse.resample


def test_a_coarse_axis_takes_the_tenth_percentile():
    spacing = np.array([[0.5, 0.5, 2.0 if case < 10 else 5.0] for case in range(50)])
    grid = choose_grid(replace(made(spheres(5, 12), size=(200, 200, 30)), spacing=spacing))
    assert grid.spacing == (0.5, 0.5, 2.0) and grid.resample


@pytest.mark.parametrize("smallest, factor", [(20, 1.0), (24, 1.5), (40, 2.5), (500, 4.0)])
def test_large_objects_are_made_smaller(smallest, factor):
    """To 16 voxels along the smallest class, but never more than four times."""
    sides = np.concatenate([np.full((50, 2), float(smallest)), np.full((50, 2), 600.0)])
    facts = made(sides, [0] * 50 + [1] * 50, spacing=(1.0, 1.0), size=(2000, 2000))
    grid = choose_grid(facts)
    assert grid.factor == factor and grid.spacing == (factor, factor) and grid.resample == (factor > 1)


def test_levels_span_the_sizes():
    """From 4 to 16 voxels: cells of 2 hold the smallest 2 times, cells of 4 the largest 4 times; a third stage sees more context."""
    facts = made(spheres(5.5, 16))
    levels = choose_levels(facts, choose_grid(facts))
    assert levels.level_strides == [(2, 2, 2), (4, 4, 4)] and levels.coarsest == (8, 8, 8)
    large = made(spheres(12, 15))
    assert choose_levels(large, choose_grid(large)).level_strides == [(4, 4, 4)]


def test_coarse_axes_are_halved_later():
    facts = made(spheres(4, 24), spacing=(0.7, 0.7, 2.5))
    levels = choose_levels(facts, choose_grid(facts))
    assert levels.steps[:2] == ((2, 2, 1), (2, 2, 2)) and levels.strides[:3] == ((2, 2, 1), (4, 4, 2), (8, 8, 4))


def test_other_levels_can_be_asked_for():
    facts = made(spheres(12, 15))
    assert choose_levels(facts, choose_grid(facts), span=(0, 1)).level_strides == [(2, 2, 2), (4, 4, 4)]


def test_patches_hold_large_objects_or_the_image():
    small = made(spheres(3, 11))
    levels = choose_levels(small, choose_grid(small))
    assert choose_patch(small, choose_grid(small), levels) == (24, 24, 24)
    whole = made(spheres(18, 24), size=(36, 52, 36))
    patch = choose_patch(whole, choose_grid(whole), choose_levels(whole, choose_grid(whole)))
    assert patch == (48, 48, 48)
    flat = made(spheres(10, 20), spacing=(1.0, 1.0, 5.0), size=(300, 300, 12))
    levels = choose_levels(flat, choose_grid(flat))
    patch = choose_patch(flat, choose_grid(flat), levels)
    assert patch[0] == patch[1] >= 32 and patch[2] >= 12 and all(side % stride == 0 for side, stride in zip(patch, levels.coarsest))


def test_a_patch_of_half_an_image_is_no_larger_than_it():
    """Nothing is seen beyond the shorter side."""
    cells = made(spheres(16, 130, dims=2), spacing=(1.0, 1.0), size=(320, 240))
    assert choose_patch(cells, choose_grid(cells), choose_levels(cells, choose_grid(cells))) == (256, 256)


def test_mirrors_do_not_turn_classes_round():
    """Class 1 lies behind class 0 along y, and anywhere along x and z."""
    rng = np.random.default_rng(1)
    centers = rng.uniform(0.1, 0.9, (80, 3))
    centers[:, 1] = np.where(np.arange(80) < 40, 0.3, 0.7) + rng.normal(0, 0.05, 80)
    facts = made(spheres(4, 8, 80), np.repeat([0, 1], 40), centers=centers)
    assert free_axes(facts) == (0, 2)
    assert free_axes(made(spheres(4, 8, 80), centers=centers)) == (0, 1, 2)
