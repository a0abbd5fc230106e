"""Measures of realism on planted truth, and what they say of phantoms and of a real angiogram."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from medtk_monai.phantom import make_head_case, realism

REAL_SCAN = Path(__file__).parents[2].parent / "shared/data/angiography/tof_mra.nii.gz"
SPACING = np.array([0.5, 0.5, 0.6])


def ring(radius_mm, tube_mm, shape=(90, 90, 30)):
    """A torus in the plane of the first two axes."""
    place = (np.moveaxis(np.indices(shape), 0, -1) - np.array(shape) / 2) * SPACING
    across = np.hypot(place[..., 0], place[..., 1]) - radius_mm
    return np.hypot(across, place[..., 2]) < tube_mm


def test_calibers_and_curvature_of_a_ring():
    points, calibers = realism.centers(ring(15, 2), SPACING)
    assert np.median(calibers) == pytest.approx(4, abs=0.6)
    assert np.median(realism.curvatures(points)) == pytest.approx(1 / 15, rel=0.25)


def test_tighter_rings_bend_more():
    bends = [np.median(realism.curvatures(realism.centers(ring(radius, 1.5), SPACING)[0])) for radius in (18, 9, 6)]
    assert bends[0] < bends[1] < bends[2]


def test_noise_in_blood_is_that_planted():
    """White noise: two voxels differ by the square root of two times its standard deviation, however far apart."""
    mask = ring(12, 4, (80, 80, 40))
    image = np.where(mask, 100 + 8 * np.random.default_rng(0).standard_normal(mask.shape), 0)
    assert np.allclose(realism.noise_in_blood(image, mask, SPACING), 0.08 * np.sqrt(2), rtol=0.1)


def test_smooth_patches_have_less_power_at_high_frequencies():
    noise = np.random.default_rng(0).standard_normal((6, 32, 32, 32))
    smooth = noise + np.roll(noise, 1, axis=1) + np.roll(noise, 1, axis=2) + np.roll(noise, 1, axis=3)
    assert np.abs(realism.radial_spectrum(noise)).max() < 0.3
    assert realism.radial_spectrum(smooth)[-1] < -0.5


def test_vessels_are_the_large_bright_pieces():
    image = 200.0 * ring(15, 2)
    image[2:4, 2:4, 2:4] = 200
    assert np.array_equal(realism.vessel_mask(image, SPACING), ring(15, 2))


def test_auroc_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 6, 40).astype(float), rng.integers(2, 8, 30).astype(float)
    expected = roc_auc_score(np.repeat([0, 1], [40, 30]), np.concatenate([first, second]))
    assert realism.auroc(first, second) == pytest.approx(expected)


def test_separability_of_equal_and_of_shifted_sets():
    rng = np.random.default_rng(0)
    sets = [rng.standard_normal((300, 5)) for _ in range(4)]
    assert 0.4 < realism.separability(sets[:2], sets[2:]) < 0.6
    assert realism.separability((sets[0], sets[1] + 2), (sets[2], sets[3] + 2)) > 0.95


def test_a_phantom_without_background_has_the_numbers_of_a_real_one():
    """Stated ranges about what the real scan has: 44 % of what is not zero are vessels, whose median is 0.53 of the brightest blood, half
    of the calibers lie between 1 and 2 mm, half of the curvatures between 0.04 and 0.14 / mm, and voxels of blood next to each other
    along x differ by 8 %."""
    case = make_head_case(21, 0, False, (96, 96, 64), "tof", "vessels", spacing=(0.52, 0.65))
    image, spacing = case.image.astype(float), np.array([0.52, 0.52, 0.65])
    mask = realism.vessel_mask(image, spacing)
    points, calibers = realism.centers(mask, spacing)
    assert 0.2 < mask.mean() / (image > 0).mean() < 0.75
    assert 0.4 < np.median(image[mask]) / realism.brightest_blood(image) < 0.7
    assert 1.0 < np.median(calibers) < 3.0
    assert 0.02 < np.median(realism.curvatures(points)) < 0.2
    assert 0.03 < realism.noise_in_blood(image, mask, spacing)[0, 0] < 0.18


@pytest.mark.slow
@pytest.mark.skipif(not REAL_SCAN.exists(), reason="the real angiogram lies beside the checkout only on some machines")
def test_slabs_are_like_the_real_scan():
    scan = nib.load(REAL_SCAN)
    real, spacing = np.asarray(scan.dataobj).astype(float), np.linalg.norm(scan.affine[:3, :3], axis=0)
    voxels = (float(spacing[0]), float(spacing[2]))
    made = [make_head_case(31, index, False, real.shape, "tof", "vessels", spacing=voxels).image.astype(float) for index in range(6)]
    for measure, low, high in (
        (lambda image: 100 * (image > 0).mean(), 0.5, 2.0),
        (lambda image: np.percentile(image[image > 0], [25, 50, 75, 90]) / realism.brightest_blood(image), 0.6, 1.6),
        (lambda image: np.percentile(image[realism.vessel_mask(image, spacing)], [25, 50, 75]) / realism.brightest_blood(image), 0.8, 1.25),
        (lambda image: np.percentile(realism.centers(realism.vessel_mask(image, spacing), spacing)[1], [50, 75, 90]), 0.7, 1.6),
        (lambda image: realism.noise_in_blood(image, realism.vessel_mask(image, spacing), spacing), 0.5, 1.6),
    ):
        ratios = np.mean([measure(image) for image in made], axis=0) / measure(real)
        assert np.all(ratios > low) and np.all(ratios < high), ratios
