"""Phantoms of whole heads: what they are made of, and what a scan of one holds."""

import numpy as np
import pytest
from scipy.ndimage import binary_dilation, gaussian_filter, label

from medtk_monai.phantom.head.anatomy import draw_head
from medtk_monai.phantom.head.calibers import draw_variants
from medtk_monai.phantom.head.case import make_head_case
from medtk_monai.phantom.head.curves import arc_lengths, curvature
from medtk_monai.phantom.head.lesions import draw_diameter, rank_sites
from medtk_monai.phantom.head.mr_chain import _as_acquired
from medtk_monai.phantom.head.protocols import BACKGROUNDS, MODALITIES, crop_around, draw_protocol
from medtk_monai.phantom.head.texture import draw_lattice, texture
from medtk_monai.phantom.head.tubes import SITES, LookAlike, Tube
from medtk_monai.phantom.head.vessel_map import VesselMap

SMALL = (64, 64, 40)


def spacing_of(case):
    return np.linalg.norm(case.affine[:3, :3], axis=0)


@pytest.fixture(scope="module")
def heads(made_once):
    return made_once("phantom_heads", lambda _: [draw_head(np.random.default_rng(seed)) for seed in range(4)])


@pytest.fixture(scope="module")
def cases(made_once):
    return made_once("phantom_head_cases", lambda _: [make_head_case(3, index, diseased=True, shape=(56, 56, 40)) for index in range(5)])


def tubes_named(heads, name):
    return [tube for head in heads for tube in head.arteries if tube.name == name]


def test_equal_arguments_give_equal_scans_and_others_do_not():
    first, again, other = (make_head_case(1, index, shape=(40, 40, 24)) for index in (0, 0, 1))
    assert np.array_equal(first.image, again.image) and np.array_equal(first.label_map, again.label_map)
    assert first.aneurysms == again.aneurysms and first.look_alikes == again.look_alikes
    assert (first.image != other.image).mean() > 0.3


def test_calibers_are_those_published(heads):
    """Means of Rai et al. 2013, mm, within their standard deviations."""
    for name, published, spread in (("m1", 3.0, 0.4), ("ba", 3.3, 0.6), ("m2_superior", 2.0, 0.4), ("va", 2.9, 0.8)):
        found = np.mean([2 * tube.radii.mean() for tube in tubes_named(heads, name)])
        assert abs(found - published) < spread, (name, found)
    cavernous = [2 * tube.radii[: len(tube.radii) // 2].mean() for tube in tubes_named(heads, "ica")]
    assert abs(np.mean(cavernous) - 5.0) < 0.6


def test_arteries_are_as_long_as_published(heads):
    """M1 is 10 to 25 mm long, the basilar artery 25 to 40, A1 10 to 18 (Rai et al. 2013; Rhoton 2002)."""
    for name, low, high in (("m1", 9, 30), ("ba", 25, 42), ("a1", 9, 20)):
        lengths = [arc_lengths(tube.points)[-1] for tube in tubes_named(heads, name)]
        assert low < np.mean(lengths) < high, (name, lengths)


def test_carotids_bend_in_the_siphon(heads):
    """A siphon turns by at least 180 degrees between the skull base and the end of the carotid."""
    for tube in tubes_named(heads, "ica"):
        steps = np.linalg.norm(np.diff(tube.points, axis=0), axis=1)
        turned = np.degrees((np.linalg.norm(curvature(tube.points), axis=1)[1:] * steps)[len(steps) // 2 :].sum())
        assert turned > 180


def test_arteries_hang_together(heads):
    """Every artery of the circle begins on another one, save those that enter from the neck."""
    for head in heads:
        everything = np.concatenate([tube.points for tube in head.arteries])
        for tube in head.arteries:
            if tube.name in ("ica", "va", "temporal", "occipital", "meningeal", "maxillary"):
                continue
            others = np.concatenate([other.points for other in head.arteries if other is not tube])
            assert np.linalg.norm(others - tube.points[0], axis=1).min() < 1.0, tube.name
        assert everything[:, 2].max() > 45 and everything[:, 2].min() < -55


def test_variants_are_as_frequent_as_published():
    """Both posterior communicating arteries missing in 28 % (Hindenes 2020), a fetal posterior cerebral artery in 16 % of sides or so."""
    sides = [draw_variants(np.random.default_rng(seed)) for seed in range(1500)]
    both_missing = np.mean([first.pcom == second.pcom == 0 for first, second in sides])
    fetal = np.mean([side.p1 < 0.5 for pair in sides for side in pair])
    complete = np.mean([all(0.9 <= side.pcom <= 1.1 and side.a1 == 1 and side.p1 == 1 for side in pair) for pair in sides])
    assert 0.2 < both_missing < 0.36 and 0.1 < fetal < 0.25 and 0.02 < complete < 0.2


def test_sizes_of_aneurysms_are_those_of_screening():
    """Mean 5.7 mm with a standard deviation of 3.6 above 3 mm (UCAS 2012); 80 to 95 % below 7 mm (Jeon 2011)."""
    rng = np.random.default_rng(0)
    drawn = np.array([draw_diameter(rng) for _ in range(4000)])
    assert drawn.min() >= 2 and drawn.max() <= 15
    assert 4.5 < drawn[drawn >= 3].mean() < 6.2 and 0.8 < (drawn < 7).mean() < 0.95


def test_sites_are_drawn_by_their_weights(heads):
    """36 % on the middle cerebral artery, 34 % on the carotid (UCAS 2012)."""
    first = [rank_sites(np.random.default_rng(seed), heads[seed % len(heads)].sites)[0].name for seed in range(900)]
    share = {name: first.count(name) / len(first) for name in SITES}
    assert 0.27 < share["mca_bifurcation"] + share["m1"] < 0.45
    assert 0.25 < sum(share[name] for name in SITES if name.startswith("ica")) < 0.45


def test_aneurysms_are_whole_and_on_an_artery(cases):
    found = 0
    for case in cases:
        assert sorted(np.unique(case.label_map)) == list(range(len(case.aneurysms) + 1))
        for number, facts in enumerate(case.aneurysms, start=1):
            mask = case.label_map == number
            points = np.argwhere(mask) * spacing_of(case)
            longest = max(np.linalg.norm(points - point, axis=1).max() for point in points)
            assert facts["diameter_mm"] == pytest.approx(longest + spacing_of(case).mean(), abs=0.03)
            assert 2 <= facts["diameter_mm"] <= 15 and facts["site"] in SITES
            assert label(mask)[1] == 1 and case.lumen[mask].all()
            assert (binary_dilation(mask, iterations=2) & case.lumen & (case.label_map == 0)).any()
            found += 1
    assert found >= len(cases)


def test_look_alikes_lie_where_they_are_told(heads):
    for head in heads:
        for one in head.look_alikes:
            assert isinstance(one, LookAlike) and one.kind in ("infundibulum", "loop", "junction", "stump")
            tubes = [tube for tube in head.arteries if tube.name == one.name]
            assert min(np.linalg.norm(tube.points - one.point, axis=1).min() for tube in tubes) < 1e-6
            assert one.kind != "infundibulum" or one.diameter <= 3.0


def test_look_alikes_of_a_case_lie_in_its_lumen():
    case = make_head_case(2, 0, shape=(80, 80, 64), modality="tof", spacing=(0.9, 1.0))
    assert case.look_alikes
    to_voxels = np.linalg.inv(case.affine)
    for one in case.look_alikes:
        voxel = np.rint(to_voxels[:3, :3] @ one["center"] + to_voxels[:3, 3]).astype(int)
        around = tuple(slice(max(i - 2, 0), i + 3) for i in voxel)
        assert case.lumen[around].any(), one


def test_a_crop_shows_the_same_head(heads):
    """The lumen and the textures of a crop are those of the whole at the same place."""
    slab = draw_protocol(np.random.default_rng(5), "tof", "whole", (0.8, 1.0)).slab
    crop = slab.crop(np.array([40, 50, 20]), (50, 40, 30))
    whole, part = VesselMap(slab), VesselMap(crop)
    whole.add_tubes(heads[0].arteries), part.add_tubes(heads[0].arteries)
    inner = (slice(40, 90), slice(50, 90), slice(20, 50))
    assert part.distance.min() < 0 and np.allclose(whole.distance[inner], part.distance, atol=1e-3)
    lattice = draw_lattice(np.random.default_rng(1))
    assert np.allclose(texture(lattice, slab, 5.0)[inner], texture(lattice, crop, 5.0), atol=1e-3)


def test_crops_hold_their_point():
    rng = np.random.default_rng(0)
    for seed in range(40):
        slab = draw_protocol(np.random.default_rng(seed), None, None).slab
        point = slab.to_head(slab.grid.extent * rng.uniform(0.1, 0.9, 3))
        view = crop_around(rng, slab, point, (64, 80, 48), 6.0)
        assert view.grid.contains(view.to_grid(point), 0.0) and view.grid.shape == (64, 80, 48)
        corner = slab.grid.affine[:3, :3] @ (slab.to_grid(view.corner) / slab.grid.spacing) + slab.grid.affine[:3, 3]
        assert np.allclose(view.grid.affine[:3, 3], corner)


def test_tubes_are_as_wide_as_they_are_said_to_be(heads):
    """The volume of a straight tube is that of a cylinder."""
    view = draw_protocol(np.random.default_rng(1), "tof", "whole", (0.5, 0.5)).slab.crop(np.array([60, 60, 40]), (80, 80, 60))
    ends = view.to_head(np.array([[20.0, 20, -5], [20, 20, 40]]))
    line = ends[0] + np.linspace(0, 1, 70)[:, None] * (ends[1] - ends[0])
    vessels = VesselMap(view)
    vessels.add_tubes([Tube("straight", line, np.full(70, 2.0), np.ones(70))])
    area = (vessels.distance < 0).sum(axis=(0, 1)) * 0.25
    assert np.allclose(area, np.pi * 4, rtol=0.1)


@pytest.mark.parametrize("modality", MODALITIES)
@pytest.mark.parametrize("background", BACKGROUNDS)
def test_backgrounds_and_modalities(modality, background):
    case = make_head_case(6, 1, diseased=True, shape=SMALL, modality=modality, background=background, spacing=(0.6, 0.8))
    assert case.image.dtype == np.int16 and case.image.shape == SMALL
    assert case.scan == {"modality": modality, "background": background}
    zeros = (case.image == 0).mean()
    if background == "vessels":
        assert 0.9 < zeros < 0.999
    if background == "whole":
        assert zeros < 0.05
    blood = np.median(case.image[case.lumen & binary_dilation(case.label_map > 0, iterations=8)])
    assert (150 < blood < 500) if modality == "cta" else (blood > 1.3 * np.median(case.image))


def test_hounsfield_units_are_those_of_tissue():
    case = make_head_case(1, 2, diseased=False, shape=(64, 110, 30), modality="cta", background="whole", spacing=(1.4, 2.0))
    smooth = gaussian_filter(case.image.astype(float), 1.5)
    histogram, edges = np.histogram(smooth, np.arange(-1100, 1500, 20))
    brain = edges[:-1][(edges[:-1] >= -20) & (edges[:-1] < 100)][histogram[(edges[:-1] >= -20) & (edges[:-1] < 100)].argmax()]
    assert 0 <= brain <= 60
    assert (smooth > 600).mean() > 0.01 and (smooth < -800).mean() > 0.02


def test_only_the_acquired_part_of_k_space_is_left():
    """Filled up with zeros by two along one axis, noise has no frequencies above half of the highest there."""
    noise = np.random.default_rng(0).standard_normal((32, 32, 32)).astype(np.complex64)
    power = np.abs(np.fft.fftn(_as_acquired(noise.copy(), np.array([2.0, 1.0, 1.0]), 0.1))) ** 2
    frequency = np.abs(np.fft.fftfreq(32))
    assert power[frequency > 0.26].max() < 1e-3 * power[frequency < 0.2].mean()
    assert power[:, frequency < 0.4].mean() > 0


def test_noise_of_air_is_that_of_a_magnitude_image():
    """Without signal the magnitude follows Rayleigh's distribution: its mean is 1.913 times its standard deviation."""
    from medtk_monai.phantom.head.mr_chain import Scanner, scan_magnitude

    view = draw_protocol(np.random.default_rng(1), "tof", "whole", (0.6, 0.8)).slab.crop(np.zeros(3), (48, 48, 32))
    nothing = np.zeros(view.grid.shape, dtype=np.float32)
    image = scan_magnitude(
        np.random.default_rng(2), nothing, nothing, nothing, Scanner(0.05, 1, 0, 0, 0, 0.3), view, view, np.array([1.5, 1.5, 1.0])
    )
    assert image.mean() / image.std() == pytest.approx(1.913, rel=0.03)
