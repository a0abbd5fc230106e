import json

import itk
import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_cases import SIZES, case_of, made_affine, made_case

from medtk_monai.errors import DataError
from medtk_monai.formats import grid_of, in_space, make_case, read_label_map, voxel_boxes, write_label_map
from medtk_monai.formats.painting import paint_boxes


def voxels_within(case, index):
    """Whether each voxel's center is in a box: all voxels of the image, one by one, in world space. Also how far from its faces, mm."""
    size, affine = grid_of(case)
    world = nib.affines.apply_affine(affine.numpy(), np.indices(size).reshape(len(size), -1).T) if len(size) == 3 else None
    if world is None:
        world = np.indices(size).reshape(2, -1).T @ affine.numpy()[:2, :2].T + affine.numpy()[:2, 2]
    turned = in_space(case, "RAS")
    box, direction = np.array(turned["boxes"][index]), np.array(turned["direction"])
    place = np.linalg.solve(direction, (world - box[: len(size)]).T).T
    margin = (box[len(size) :] / 2 - np.abs(place)).min(axis=1)
    return (margin > 0).reshape(size), np.abs(margin).reshape(size)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([2, 3]), st.booleans(), st.booleans(), st.sampled_from(["RAS", "LPS"]))
def test_voxels_with_centers_in_a_box_are_painted(seed, dims, oblique, turned, space):
    """Boxes along the image, and boxes turned against it."""
    case = made_case(seed, dims, oblique, 1, space)
    if turned:
        flip = np.array([-1, -1, 1][:dims]) if space == "LPS" else np.ones(dims)
        axes = made_affine(np.random.default_rng(seed + 1), dims, True)[:dims, :dims]
        case["direction"] = (axes / np.linalg.norm(axes, axis=0) * flip[:, None]).tolist()
    inside, margin = voxels_within(case, 0)
    painted = paint_boxes(case) > 0
    sure = margin > 0.01
    if (inside & sure).any():
        assert (painted == inside)[sure].all()
    else:
        assert painted.sum() <= max(1, (~sure).sum())
    hull = voxel_boxes(case)[0]
    middle = (hull[:dims] + hull[dims:]) / 2
    if ((middle >= 0) & (middle <= SIZES[dims])).all():
        assert painted.any()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([2, 3]), st.booleans(), st.integers(0, 6))
def test_boxes_of_whole_voxels_come_back(tmp_path_factory, seed, dims, oblique, count):
    path = tmp_path_factory.getbasetemp() / "sub-01.nii.gz"
    generator = np.random.default_rng(seed)
    places = generator.permutation(np.prod([length // 4 for length in SIZES[dims]]))[:count]
    lower = 4 * np.stack(np.unravel_index(places, [length // 4 for length in SIZES[dims]]), axis=-1)
    upper = lower + generator.integers(1, 5, lower.shape)
    affine, boxes = made_affine(generator, dims, oblique), np.hstack([lower, upper])
    case = in_space(case_of(boxes, affine, SIZES[dims], generator.random(count), generator.integers(0, 4, count)), "LPS")
    write_label_map(path, case)
    back = read_label_map(path)
    best = np.argsort(-np.array(case["scores"]), kind="stable")
    np.testing.assert_allclose(voxel_boxes(back), boxes[best].reshape(-1, 2 * dims), atol=2e-3)
    assert back["scores"] == [case["scores"][index] for index in best]
    assert back["labels"] == [case["labels"][index] for index in best]
    np.testing.assert_allclose(grid_of(back)[1], grid_of(case)[1], atol=1e-4)


def test_a_map_by_hand(tmp_path):
    """One voxel is 1 mm; the better box is painted over the worse one."""
    boxes = [[0, 0, 0, 3, 2, 1], [2, 1, 0, 4, 3, 1], [3.2, 0.2, 0.3, 3.4, 0.4, 0.6], [3.4, 2.8, 0.2, 5, 5, 3]]
    case = case_of(boxes, np.eye(4), (4, 4, 1), [0.5, 0.9, 0.7, 0.6], [1, 0, 2, 0])
    write_label_map(tmp_path / "a.nii.gz", case)
    image = nib.load(tmp_path / "a.nii.gz")
    expected = [
        [4, 4, 4, 2],
        [4, 4, 1, 1],
        [0, 0, 1, 1],
        [0, 0, 0, 3],  # y = 3
    ]
    np.testing.assert_array_equal(np.asarray(image.dataobj)[..., 0].T, expected)
    assert image.get_data_dtype() == np.uint8
    assert json.loads((tmp_path / "a.json").read_text()) == {
        "instances": {"1": 0, "2": 2, "3": 0, "4": 1},
        "scores": {"1": 0.9, "2": 0.7, "3": 0.6, "4": 0.5},
    }
    back = read_label_map(tmp_path / "a.nii.gz")
    assert voxel_boxes(back)[1].tolist() == [3, 0, 0, 4, 1, 1]


def test_itk_sees_the_finding_where_it_is(tmp_path):
    affine = made_affine(np.random.default_rng(8), 3, True)
    case = case_of([[3, 4, 5, 4, 5, 6]], affine, SIZES[3])
    write_label_map(tmp_path / "a.nii.gz", case)
    image = itk.imread(str(tmp_path / "a.nii.gz"))
    assert np.argwhere(itk.array_from_image(image)).tolist() == [[5, 4, 3]]
    point = np.array(image.TransformIndexToPhysicalPoint((3, 4, 5))) * [-1, -1, 1]
    np.testing.assert_allclose(point, case["boxes"][0][:3], atol=1e-3)


BORDER = {
    "fully outside": ([[-3, 1, 1, -1, 2, 2]], 0),
    "touching from outside": ([[8, 1, 1, 10, 2, 2]], 0),
    "a sliver inside": ([[7.8, 1, 1, 12, 2, 2]], 1),
    "a point on the border": ([[8, 9, 7, 8, 9, 7]], 1),
    "a point at the corner": ([[0, 0, 0, 0, 0, 0]], 1),
    "a point outside": ([[8.1, 1, 1, 8.1, 1, 1]], 0),
    "between voxels": ([[2.9, 1, 1, 3.1, 2, 2]], 1),
    "two voxels from center to center": ([[2.5, 1, 1, 4.5, 2, 2]], 2),
}


@pytest.mark.parametrize(("boxes", "count"), BORDER.values(), ids=BORDER.keys())
def test_small_boxes_and_borders(boxes, count):
    assert np.count_nonzero(paint_boxes(case_of(boxes, np.eye(4), (8, 9, 7)))) == count


def test_a_sliver_across_the_border_is_where_the_box_enters():
    """A thin rod along the diagonal: its center lies outside, and its hull covers much of the image."""
    axes = np.array([[1, 1, 0], [1, -1, 0], [0, 0, np.sqrt(2)]]).T / np.sqrt(2)
    case = make_case("a", "RAS", [[9, 1, 3]], [[1, 12.5, 0.01]], axes, grid=case_of([], np.eye(4), (8, 9, 7))["grid"])
    case["boxes"][0][2] = 3.3
    (voxel,) = np.argwhere(paint_boxes(case))
    assert voxel[2] == 3 and abs(voxel[0] + voxel[1] - 10) <= 2 and voxel[0] == 7
    case["boxes"][0][:3] = [13, -3, 3.3]
    case["boxes"][0][4] = 2
    assert not paint_boxes(case).any()


def test_more_findings_need_wider_numbers(tmp_path):
    boxes = [[x, y, 0, x + 1, y + 1, 1] for x in range(20) for y in range(15)]
    write_label_map(tmp_path / "a.nii.gz", case_of(boxes, np.eye(4), (20, 15, 1)))
    image = nib.load(tmp_path / "a.nii.gz")
    assert image.get_data_dtype() == np.uint16
    assert np.asarray(image.dataobj)[0, 3, 0] == 4 and np.asarray(image.dataobj).max() == 300
    assert len(read_label_map(tmp_path / "a.nii.gz")["boxes"]) == 300


def test_painting_looks_only_at_the_boxes():
    """A thousand small boxes in an image of 10^8 voxels: one by one over the image they would take an hour."""
    generator = np.random.default_rng(0)
    lower = generator.uniform(0, 390, (1000, 3))
    canvas = paint_boxes(case_of(np.hstack([lower, lower + 3]), np.eye(4), (400, 400, 600)))
    assert canvas.max() > 255 and canvas.dtype == np.uint16


def save(path, array, affine=None):
    nib.save(nib.Nifti1Image(np.asarray(array), np.eye(4) if affine is None else affine), path)


def test_ground_truth_of_nndetection_is_read(tmp_path):
    mask = np.zeros((6, 5, 4), np.int16)
    mask[1:3, 2, 3] = mask[4, 4, 0] = 1
    mask[0, 0, 0] = 7
    save(tmp_path / "case.nii.gz", mask)
    (tmp_path / "case.json").write_text('{"instances": {"1": 0, "7": 2, "9": 1}}')
    case = read_label_map(tmp_path / "case.nii.gz")
    assert voxel_boxes(case).tolist() == [[1, 2, 0, 5, 5, 4], [0, 0, 0, 1, 1, 1]]
    assert (case["case_id"], case["labels"], case["scores"]) == ("case", [0, 2], [1.0, 1.0])
    (tmp_path / "case.json").unlink()
    assert read_label_map(tmp_path / "case.nii.gz")["labels"] == [0, 0]


SIDE_FILES = {
    "[]": "no object",
    '{"scores": {}}': "no object",
    '{"instances": [0]}': "no object",
    '{"instances": {"2": 0}}': "value 1",
    '{"instances": {"1": 0}, "scores": {}}': "value 1",
    '{"instances": {"1": -1}}': "class of 1",
    '{"instances": {"1": 0}, "scores": {"1": "x"}}': "score of 1",
    '{"instances": {"1": 0}, "scores": 3}': "no object",
    "{": "not a JSON file",
}


@pytest.mark.parametrize(("text", "message"), SIDE_FILES.items(), ids=range(len(SIDE_FILES)))
def test_a_broken_side_file_is_named(tmp_path, text, message):
    save(tmp_path / "case.nii.gz", np.ones((2, 2, 2), np.uint8))
    (tmp_path / "case.json").write_text(text)
    with pytest.raises(DataError, match=rf"case.json.*{message}"):
        read_label_map(tmp_path / "case.nii.gz")


MASKS = {
    "negative": np.full((2, 2, 2), -1, np.int16),
    "fractions": np.full((2, 2, 2), 0.5, np.float32),
    "NaN": np.full((2, 2, 2), np.nan, np.float32),
    "large": np.full((2, 2, 2), 70000, np.int32),
    "4D": np.ones((2, 2, 2, 2), np.uint8),
}


@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS.keys())
def test_a_broken_mask_is_named(tmp_path, mask):
    save(tmp_path / "case.nii.gz", mask)
    with pytest.raises(DataError, match="'case'.*label map .*case.nii.gz"):
        read_label_map(tmp_path / "case.nii.gz")


def test_a_damaged_file_is_named(tmp_path):
    (tmp_path / "case.nii.gz").write_bytes(b"no image")
    with pytest.raises(DataError, match="'case'.*cannot read label map"):
        read_label_map(tmp_path / "case.nii.gz")


def test_a_case_needs_a_grid_and_a_nifti_name(tmp_path):
    case = made_case(0)
    with pytest.raises(DataError, match="NIfTI"):
        write_label_map(tmp_path / "a.png", case)
    del case["grid"]
    with pytest.raises(DataError, match="sub-01.*grid"):
        write_label_map(tmp_path / "a.nii.gz", case)
    assert list(tmp_path.iterdir()) == []
