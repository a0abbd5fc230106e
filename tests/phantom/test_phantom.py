import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from scipy.ndimage import binary_dilation, correlate1d, distance_transform_edt, gaussian_filter, label, maximum_filter

from medtk_monai.errors import DataError
from medtk_monai.phantom import make_phantom_case, write_phantom_dataset
from medtk_monai.phantom.grid import draw_grid

REAL_SCAN = Path(__file__).parents[2].parent / "shared/data/angiography/tof_mra.nii.gz"
SMALL = {"num_cases": 9, "seed": 4, "num_validation": 3, "num_test": 3, "shape": (64, 64, 40)}
SIGMAS_MM = np.array([1.0, 1.35, 1.8, 2.5, 3.5, 5.0]) / np.sqrt(3)
"""A ball of radius r excites the normalized Laplacian of Gaussian most at r / sqrt(3)."""


@pytest.fixture(scope="module")
def cases(made_once):
    return made_once("phantom_cases", lambda _: [make_phantom_case(seed=11, index=index) for index in range(12)])


@pytest.fixture(scope="module")
def dataset(made_once):
    return made_once("small_phantom", lambda folder: write_phantom_dataset(folder, **SMALL, num_workers=0))


def spacing_of(case):
    return np.linalg.norm(case.affine[:3, :3], axis=0)


def mask_box(mask):
    """(2D,) lower and upper corner, voxels, half open."""
    voxels = np.argwhere(mask)
    return np.concatenate([voxels.min(axis=0), voxels.max(axis=0) + 1])


def blob_response(image, spacing, sigma):
    """Scale-normalized Laplacian of Gaussian, positive on bright blobs."""
    smooth = gaussian_filter(image.astype(np.float32), sigma / spacing, mode="nearest")
    return -(sigma**2) * sum(correlate1d(smooth, [1 / h**2, -2 / h**2, 1 / h**2], axis) for axis, h in enumerate(spacing))


def find_blobs(image, spacing, limit=60):
    """Centers (N, 3) in voxels, radii (N,) in mm and scores (N,) of the brightest blobs that lie inside the image, best first."""
    stack = np.stack([blob_response(image, spacing, sigma) for sigma in SIGMAS_MM])
    best = stack.max(axis=0)
    peaks = np.argwhere((best == maximum_filter(best, size=3)) & (best > 0))
    radii = SIGMAS_MM[stack[(slice(None), *peaks.T)].argmax(axis=0)] * np.sqrt(3)
    # Vessels cut off at the border look like blobs; aneurysms keep away from it.
    inside = (np.minimum(peaks, np.array(image.shape) - 1 - peaks) * spacing >= radii[:, None]).all(axis=1)
    order = np.argsort(-best[tuple(peaks.T)] * inside, kind="stable")[: min(5 * limit, inside.sum())]
    peaks, radii = peaks[order], radii[order]
    kept = []
    for i, peak in enumerate(peaks):
        if all(np.linalg.norm((peak - peaks[j]) * spacing) > max(radii[i], radii[j]) for j in kept) and len(kept) < limit:
            kept.append(i)
    return peaks[kept] + 0.5, radii[kept], best[tuple(peaks[kept].T)]


def box_iou(first, second):
    dims = len(first) // 2
    overlap = np.minimum(first[dims:], second[dims:]) - np.maximum(first[:dims], second[:dims])
    common = overlap.clip(min=0).prod()
    return common / ((first[dims:] - first[:dims]).prod() + (second[dims:] - second[:dims]).prod() - common)


def hits(center, radius, spacing, box):
    dims = len(center)
    blob = np.concatenate([center - radius / spacing, center + radius / spacing])
    return ((center >= box[:dims]) & (center <= box[dims:])).all() or box_iou(blob, box) >= 0.1


def blob_sensitivity(scans, false_positives_per_case):
    """Share of objects that blobs hit, at the score that allows so many blobs per case beside objects.

    scans: (image, label_map, spacing) triples.
    """
    found, false, total = [], [], 0
    for image, label_map, spacing in scans:
        boxes = [mask_box(label_map == number) for number in range(1, label_map.max() + 1)]
        total += len(boxes)
        blobs = list(zip(*find_blobs(image, spacing)))
        hit = np.array([[hits(center, radius, spacing, box) for box in boxes] for center, radius, _ in blobs], dtype=bool)
        scores = np.array([score for *_, score in blobs])
        found += [scores[column].max() for column in hit.T if column.any()]
        false += scores[~hit.any(axis=1)].tolist()
    allowed = int(false_positives_per_case * len(scans))
    threshold = sorted(false, reverse=True)[allowed] if len(false) > allowed else 0.0
    return np.mean(np.array(found) > threshold) * len(found) / total


def scan_of(case):
    return case.image, case.label_map, spacing_of(case)


def masks_of(case):
    return [case.label_map == number for number in range(1, len(case.aneurysms) + 1)]


def ball_scan(seed, radii_mm):
    """Balls of blood in noise, without vessels."""
    rng = np.random.default_rng(seed)
    spacing = np.array([0.5, 0.5, 0.7])
    grid = np.moveaxis(np.indices((80, 80, 56)), 0, -1) * spacing
    label_map = np.zeros(grid.shape[:-1], dtype=np.uint8)
    corners = rng.permutation(np.array(np.meshgrid([11, 29], [11, 29], [11, 28])).reshape(3, -1).T)
    for number, (center, radius) in enumerate(zip(corners, radii_mm), start=1):
        label_map[np.linalg.norm(grid - center, axis=-1) < radius] = number
    image = gaussian_filter(60 + 140.0 * (label_map > 0), 0.5) + rng.normal(0, 12, label_map.shape)
    return image, label_map, spacing


def files_of(datalist):
    return {path.relative_to(datalist.parent): path.read_bytes() for path in sorted(datalist.parent.rglob("*")) if path.is_file()}


def items_of(datalist):
    content = json.loads(datalist.read_text())
    return {split: content[split] for split in ("training", "validation", "test")}


def test_equal_arguments_give_equal_bytes_whatever_the_workers(dataset, tmp_path):
    """Two processes make the images and the entries that one has made, of which there are more; that one process makes the same data
    again is seen where interrupted data are finished."""
    few = {**SMALL, "num_cases": 2, "num_validation": 0, "num_test": 0}
    found, whole = files_of(write_phantom_dataset(tmp_path, **few, num_workers=2)), files_of(dataset)
    images = [path for path in found if path.suffix == ".gz"]
    assert len(images) == 4
    assert all(whole[path] == found[path] for path in images), "more cases extend a data set"
    entries, all_entries = (json.loads(files[Path("datalist.json")])["training"] for files in (found, whole))
    assert entries == all_entries[:2]


def test_seeds_and_indices_give_different_cases():
    images = [make_phantom_case(seed, index, shape=(48, 48, 32)).image for seed, index in ((0, 0), (0, 1), (1, 0))]
    assert all((images[i] != images[j]).mean() > 0.5 for i, j in ((0, 1), (0, 2), (1, 2)))


def test_files_are_small(tmp_path):
    datalist = write_phantom_dataset(tmp_path, num_cases=1, num_validation=0, num_test=0, seed=2, num_workers=0)
    assert max(path.stat().st_size for path in datalist.parent.rglob("*.nii.gz")) < 700_000


def test_one_case_in_three_of_each_split_is_healthy(dataset):
    for items in items_of(dataset).values():
        assert [len(item["aneurysms"]) > 0 for item in items].count(False) == 1 and len(items) == 3


def test_default_splits(tmp_path):
    items = items_of(write_phantom_dataset(tmp_path, num_cases=4, seed=0, spatial_dims=2, shape=(48, 48, 16)))
    assert [len(split) for split in items.values()] == [2, 1, 1]


def test_files_hold_what_the_datalist_says(dataset):
    for item in sum(items_of(dataset).values(), []):
        image, mask = (nib.load(dataset.parent / item[key]) for key in ("image", "label_map"))
        case = make_phantom_case(4, int(item["case_id"][-3:]), shape=SMALL["shape"])
        assert image.get_data_dtype() == np.int16 and mask.get_data_dtype() == np.uint8
        assert np.array_equal(image.dataobj, case.image) and np.array_equal(mask.dataobj, case.label_map)
        assert np.allclose(image.affine, case.affine, atol=1e-3) and np.array_equal(image.affine, mask.affine)
        assert item["aneurysms"] == case.aneurysms


@pytest.mark.parametrize("spatial_dims", [2, 3])
def test_masks_are_whole_and_inside(cases, spatial_dims):
    for index, case in enumerate(cases if spatial_dims == 3 else [make_phantom_case(8, index, 2) for index in range(6)]):
        assert case.image.ndim == case.label_map.ndim == spatial_dims
        assert (len(case.aneurysms) == 0) == (index % 3 == 2)
        assert sorted(np.unique(case.label_map)) == list(range(len(case.aneurysms) + 1))
        for mask, facts in zip(masks_of(case), case.aneurysms):
            box = mask_box(mask)
            assert (box[:spatial_dims] > 0).all() and (box[spatial_dims:] < case.image.shape).all()
            assert 2 <= facts["diameter_mm"] <= 10
            assert facts["site"] in ("bend", "bifurcation")
            assert case.lumen[mask].all()


def test_diameters_in_the_datalist_are_those_of_the_masks(cases):
    for case in cases:
        for mask, facts in zip(masks_of(case), case.aneurysms):
            points = np.argwhere(mask) * spacing_of(case)
            longest = max(np.linalg.norm(points - point, axis=1).max() for point in points)
            assert facts["diameter_mm"] == pytest.approx(longest + spacing_of(case).mean(), abs=0.03)


def test_aneurysms_are_one_piece_brighter_than_brain_and_sit_on_a_vessel(cases):
    for case in cases:
        for mask in masks_of(case):
            assert label(mask)[1] == 1
            assert np.median(case.image[mask]) > np.median(case.image) + 35
            assert (binary_dilation(mask, iterations=2) & case.lumen & (case.label_map == 0)).sum() > 5


def test_grids_are_those_of_angiography():
    grids = [draw_grid(np.random.default_rng(seed), (96, 96, 64), flat=False) for seed in range(90)]
    spacing = np.array([np.linalg.norm(grid.affine[:3, :3], axis=0) for grid in grids])
    assert np.allclose(spacing, [grid.spacing for grid in grids])
    assert spacing[:, :2].min() >= 0.45 and spacing[:, :2].max() <= 0.6 and (spacing[:, 2] >= 0.55).all() and (spacing[:, 2] <= 0.8).all()
    directions = [grid.affine[:3, :3] / grid.spacing for grid in grids]
    assert all(np.allclose(d.T @ d, np.eye(3)) for d in directions)
    oblique = [np.abs(d).max(axis=0).min() < 0.9999 for d in directions]
    assert 0.2 < np.mean(oblique) < 0.5
    orders = {"".join(nib.aff2axcodes(grid.affine)) for grid in grids}
    assert {"RAS", "LPS"} <= orders


def test_flat_grids_turn_within_the_image_plane():
    for seed in range(20):
        affine = draw_grid(np.random.default_rng(seed), (32, 32, 8), flat=True).affine
        assert np.allclose(affine[2, :2], 0) and np.allclose(affine[:2, 2], 0)


def test_blob_detector_finds_isolated_balls():
    scans = [ball_scan(seed, radii_mm=(1.2, 1.6, 2.2, 3.0, 4.5)) for seed in range(2)]
    assert blob_sensitivity(scans, 1) >= 0.9


def test_blob_detector_finds_fewer_than_half_of_the_aneurysms(cases):
    assert blob_sensitivity([scan_of(case) for case in cases], 1) < 0.5


def vessel_statistics(brightness, vessels, spacing):
    """Percentiles of wall distances, mm, and of brightness, relative to the brightest, in a scan's vessels."""
    distances = distance_transform_edt(vessels, sampling=spacing)[vessels]
    values = brightness[vessels]
    return np.percentile(distances, [50, 75, 90, 95]), np.percentile(values, [25, 50, 75]) / np.percentile(values, 95)


@pytest.mark.skipif(not REAL_SCAN.exists(), reason="the real angiogram lies beside the checkout only on some machines")
def test_vessels_are_as_wide_and_as_bright_as_in_a_real_scan(cases):
    scan = nib.load(REAL_SCAN)
    # Its background was removed, save for dim specks.
    values = np.asarray(scan.dataobj).astype(float)
    pieces, _ = label(values > 40)
    vessels = np.isin(pieces, np.flatnonzero(np.bincount(pieces.ravel()) > 300)[1:])
    real = vessel_statistics(values, vessels, np.linalg.norm(scan.affine[:3, :3], axis=0))
    ours = [vessel_statistics(case.image - np.median(case.image), case.lumen, spacing_of(case)) for case in cases]
    for real_values, our_values in zip(real, zip(*ours)):
        ratios = np.mean(our_values, axis=0) / real_values
        assert (ratios > 0.7).all() and (ratios < 1.4).all(), ratios


def test_finished_data_are_left_alone(dataset):
    before = {path: path.stat().st_mtime_ns for path in dataset.parent.rglob("*")}
    assert write_phantom_dataset(dataset.parent, **SMALL) == dataset
    assert {path: path.stat().st_mtime_ns for path in dataset.parent.rglob("*")} == before


def test_interrupted_data_are_finished(dataset, tmp_path, monkeypatch):
    def stop(folder, *_):
        (folder / "images/case_000.nii.gz").write_bytes(b"half a file")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("medtk_monai.phantom.dataset._write_case", stop)
        write_phantom_dataset(tmp_path, **SMALL, num_workers=0)
    with pytest.raises(DataError, match="other data"):
        write_phantom_dataset(tmp_path, **{**SMALL, "seed": 5})
    assert files_of(write_phantom_dataset(tmp_path, **SMALL)) == files_of(dataset)


def test_other_data_are_refused(dataset, tmp_path):
    with pytest.raises(DataError, match="another data set"):
        write_phantom_dataset(dataset.parent, **{**SMALL, "seed": 5})
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(DataError, match="other data"):
        write_phantom_dataset(tmp_path, 3, 0)
    with pytest.raises(DataError, match="is a file"):
        write_phantom_dataset(tmp_path / "mine.txt", 3, 0)
    (tmp_path / "datalist.json").write_text("[]")
    with pytest.raises(DataError, match="another data set"):
        write_phantom_dataset(tmp_path, 3, 0)


def test_missing_files_are_named(tmp_path):
    datalist = write_phantom_dataset(tmp_path, 2, 0, spatial_dims=2, shape=(48, 48, 16))
    (tmp_path / "images/case_001.nii.gz").unlink()
    with pytest.raises(DataError, match="case_001"):
        write_phantom_dataset(datalist.parent, 2, 0, spatial_dims=2, shape=(48, 48, 16))


@pytest.mark.parametrize(
    "arguments",
    [{"num_cases": 0}, {"num_cases": "ten"}, {"seed": -1}, {"spatial_dims": 4}, {"num_validation": 2, "num_test": 2}, {"num_test": -1}],
)
def test_arguments_out_of_range(tmp_path, arguments):
    with pytest.raises(DataError):
        write_phantom_dataset(tmp_path / "data", **{"num_cases": 3, "seed": 0, **arguments})
    assert not (tmp_path / "data").exists()
