"""From files to boxes on the image's grid, and what is told about files that are not fit for use."""

from pathlib import Path

import nibabel
import numpy as np
import pytest
import torch
from blocks import BLOCKS, SIZES, measure, oblique_affine, paint
from monai.data import set_track_meta
from monai.transforms import Compose, LoadImaged, Orientationd, Spacingd

from medtk_monai.box_ops import apply_affine, box_centers, boxes_to_world, spatial_affine
from medtk_monai.errors import DataError, find_data_error
from medtk_monai.transforms import LoadCased, ToPlainTensord, WorldBoxes, WorldToVoxelBoxesd

FLIPS = [(), (0,), (0, 1)]


def to_voxels(item, **options):
    return WorldToVoxelBoxesd()(LoadCased(**options)(item))


@pytest.fixture
def label_map_item(save, dims):
    """make(affine) -> a case with an image and a label map of three blocks."""

    def make(affine, image=None):
        mask = paint(BLOCKS[dims], SIZES[dims])
        image = save(mask + 10 if image is None else image, affine, "case.nii.gz")
        return {"case_id": "A", "image": image, "label_map": save(mask, affine, "mask.nii.gz")}

    return make


def box_item(save, boxes, affine, dims, **fields):
    """A case whose boxes are given in voxels and written as world boxes along the image axes."""
    centers, sizes, direction = boxes_to_world(torch.tensor(boxes, dtype=torch.float64), spatial_affine(affine, dims))
    world = torch.cat([centers, sizes], dim=1).tolist()
    image = save(paint(BLOCKS[dims], SIZES[dims]), affine, "case.nii.gz")
    item = {"case_id": "A", "image": image, "boxes": world, "labels": [0] * len(world), "space": "RAS", "direction": direction.tolist()}
    return item | fields


def raised(call):
    """The DataError that a call ends with, checked to name case and remedy."""
    with pytest.raises(DataError) as info:
        call()
    assert info.value.case == "A"
    assert info.value.remedy
    assert "\n" not in str(info.value)
    return str(info.value)


@pytest.mark.parametrize("flips", FLIPS)
@pytest.mark.parametrize("seed", [0, 1])
def test_label_map_boxes_return_on_their_own_grid(label_map_item, dims, flips, seed):
    item = to_voxels(label_map_item(oblique_affine(dims, seed, flips)), spatial_dims=dims)
    torch.testing.assert_close(item["target"].boxes, torch.tensor(BLOCKS[dims], dtype=torch.float32), atol=1e-4, rtol=0)
    assert item["target"].labels.tolist() == [0, 0, 0]
    assert not item["target"].ignored.any()


@pytest.mark.parametrize("flips", FLIPS)
@pytest.mark.parametrize("seed", [0, 1])
def test_boxes_agree_with_the_resampled_mask(label_map_item, dims, flips, seed):
    case = label_map_item(oblique_affine(dims, seed, flips)) | {"image_quality": "good"}
    grid = [Spacingd("image", pixdim=(0.6, 0.9, 1.1)[:dims], mode="nearest")]
    if dims == 3:
        grid = [Orientationd("image", axcodes="RAS", labels=None), *grid]
    item = Compose([LoadCased(spatial_dims=dims), *grid, WorldToVoxelBoxesd()])(case)
    mask = Compose([LoadImaged("image", ensure_channel_first=True), *grid])({"image": case["label_map"]})["image"][0]
    assert item["image"].shape[1:] == mask.shape != SIZES[dims]
    measured = torch.tensor([measure(mask.round(), number) for number in (1, 2, 3)])
    assert (item["target"].boxes - measured).abs().max() <= 0.51


def test_orientation_is_exact(save):
    case = {"image": save(paint(BLOCKS[3], SIZES[3]), np.diag([-1.0, 2, -3, 1])[[1, 0, 2, 3]], "a.nii.gz")}
    case |= {"label_map": case["image"]}
    item = Compose([LoadCased(), Orientationd("image", axcodes="RAS", labels=None), WorldToVoxelBoxesd()])(case)
    for number, box in enumerate(item["target"].boxes, 1):
        torch.testing.assert_close(box.double(), torch.tensor(measure(item["image"][0], number), dtype=torch.float64), atol=1e-4, rtol=0)
    assert item["image"].shape[1:] != SIZES[3]


def test_affine_maps_box_centers_to_the_world(label_map_item, dims):
    loaded = LoadCased(spatial_dims=dims)(label_map_item(oblique_affine(dims, 5)))
    item = WorldToVoxelBoxesd()(loaded)
    assert item["affine"].dtype == torch.float64
    assert item["affine"].shape == (dims + 1, dims + 1)
    world = apply_affine(box_centers(item["target"].boxes) - 0.5, item["affine"])
    torch.testing.assert_close(world, loaded["world_boxes"].centers, atol=1e-3, rtol=0)


@pytest.mark.parametrize("space", ["RAS", "LPS"])
@pytest.mark.parametrize("flips", FLIPS)
def test_datalist_boxes_in_both_frames(save, dims, space, flips):
    item = box_item(save, BLOCKS[dims], oblique_affine(dims, 2, flips), dims, space=space)
    if space == "LPS":
        for row in [*item["boxes"], *np.transpose(item["direction"]).tolist()]:
            row[0], row[1] = -row[0], -row[1]
        direction = np.array(item["direction"])
        direction[:2] *= -1
        item["direction"] = direction.tolist()
    found = to_voxels(item, spatial_dims=dims)["target"].boxes
    torch.testing.assert_close(found, torch.tensor(BLOCKS[dims], dtype=torch.float32), atol=1e-4, rtol=0)


def test_boxes_without_direction_lie_along_the_world_axes(save, dims):
    affine = np.diag([2.0, 0.5, 1, 1])
    image = save(np.ones(SIZES[dims]), affine, "a.nii.gz")
    world = [[10.0, 4.0, 3.0][:dims] + [4.0, 1.0, 2.0][:dims]]
    boxes = to_voxels({"image": image, "boxes": world, "labels": [1], "space": "RAS"}, spatial_dims=dims)["target"].boxes
    wanted = {2: [4.5, 7.5, 6.5, 9.5], 3: [4.5, 7.5, 2.5, 6.5, 9.5, 4.5]}[dims]
    torch.testing.assert_close(boxes, torch.tensor([wanted]))


def test_no_annotation_is_an_empty_target(save, dims):
    item = to_voxels({"image": save(np.ones(SIZES[dims]), np.eye(4), "a.nii.gz"), "case_id": "A"}, spatial_dims=dims)
    assert item["target"].boxes.shape == (0, 2 * dims)
    assert item["target"].boxes.dtype == torch.float32
    assert (item["target"].labels.dtype, item["target"].ignored.dtype) == (torch.int64, torch.bool)


def test_empty_label_map_is_an_empty_target(save, dims):
    image = save(np.ones(SIZES[dims]), np.eye(4), "a.nii.gz")
    label_map = save(np.zeros(SIZES[dims]), np.eye(4), "m.nii.gz")
    assert to_voxels({"image": image, "label_map": label_map}, spatial_dims=dims)["target"].boxes.shape == (0, 2 * dims)


def test_keys_of_the_output(label_map_item, dims):
    case = label_map_item(np.eye(4)) | {"scanner": "X", "image_quality": "good", "labels": {1: 0, 2: 1, 3: 1}}
    item = LoadCased(spatial_dims=dims)(case)
    assert set(item) == {"image", "case_id", "world_boxes", "labels", "ignored", "scan_facts", "scanner"}
    assert item["image"].dtype == torch.float32
    assert item["labels"].tolist() == [0, 1, 1]
    assert isinstance(item["world_boxes"], WorldBoxes)
    item = ToPlainTensord()(WorldToVoxelBoxesd()(item))
    assert set(item) == {"image", "image_path", "case_id", "target", "affine", "scan_facts", "scanner"}
    assert item["image_path"] == case["image"]
    assert type(item["image"]) is torch.Tensor
    assert item["image"].is_contiguous()


def test_label_map_on_another_grid(save):
    image = save(np.ones((20, 20, 20)), np.eye(4), "a.nii.gz")
    mask = np.zeros((12, 12, 12))
    mask[2:4, 3:5, 4:8] = 7
    affine = np.diag([2.0, 2, 0.5, 1])
    affine[:3, 3] = (0.5, 0.5, -0.25)
    boxes = to_voxels({"image": image, "label_map": save(mask, affine, "m.nii.gz")})["target"].boxes
    torch.testing.assert_close(boxes, torch.tensor([[4.0, 6.0, 2.0, 8.0, 10.0, 4.0]]))


@pytest.mark.parametrize(
    ("options", "labels", "wanted"),
    [
        ({"label_map_kind": "instance"}, None, [0, 0, 0]),
        ({"label_map_kind": "class"}, None, [0, 1, 2]),
        ({"label_map_kind": "class"}, {1: 5, 2: 0, 3: 1}, [5, 0, 1]),
        ({"label_map_kind": "instance"}, {1: 1, 2: 0, 3: 1, 9: 2}, [1, 0, 1]),
    ],
)
def test_classes_of_label_maps(label_map_item, dims, options, labels, wanted):
    case = label_map_item(np.eye(4)) | ({"labels": labels} if labels else {})
    assert LoadCased(spatial_dims=dims, **options)(case)["labels"].tolist() == wanted


def test_mask_values_need_not_be_consecutive(save):
    image = save(np.ones((10, 10, 10)), np.eye(4), "a.nii.gz")
    mask = np.zeros((10, 10, 10))
    mask[1, 1, 1], mask[5:7, 5, 5] = 4, 900
    item = to_voxels({"image": image, "label_map": save(mask, np.eye(4), "m.nii.gz"), "labels": {4: 1, 900: 0}})
    assert item["target"].labels.tolist() == [1, 0]
    assert item["target"].boxes.tolist() == [[1, 1, 1, 2, 2, 2], [5, 5, 5, 7, 6, 6]]


def test_volume_range_uses_mask_volumes(save):
    mask = np.zeros((10, 10, 10))
    mask[0, 0, 0] = 1  # 8 mm^3
    mask[range(3, 7), range(3, 7), range(3, 7)] = 2  # a diagonal: 32 mm^3 in a box of 512 mm^3
    mask[7:9, 0:9, 0:9] = 3  # 1296 mm^3
    mask[3, 6, 6] = 4  # 8 mm^3 within the box of object 2
    image = save(np.ones((10, 10, 10)), np.diag([2.0, -2, 2, 1]), "a.nii.gz")
    case = {"image": image, "label_map": save(mask, np.diag([2.0, -2, 2, 1]), "m.nii.gz")}
    assert LoadCased(min_volume_mm3=10, max_volume_mm3=500)(case)["ignored"].tolist() == [True, False, True, True]
    assert LoadCased(min_volume_mm3=33)(case)["ignored"].tolist() == [True, True, False, True]


def test_volume_range_and_flags_of_boxes(save):
    image = save(np.ones((10, 10, 10)), np.eye(4), "a.nii.gz")
    boxes = [[5, 5, 5, 1, 1, 1], [5, 5, 5, 2, 2, 2], [5, 5, 5, 3, 3, 3]]
    case = {"image": image, "boxes": boxes, "labels": [0, 0, 0], "space": "RAS", "ignored": [False, False, True]}
    assert LoadCased(min_volume_mm3=8)(case)["ignored"].tolist() == [True, False, True]


def test_sform_wins_over_the_qform_even_where_pixdim_disagrees(tmp_path):
    affine = oblique_affine(3, 8)
    image = nibabel.Nifti1Image(paint(BLOCKS[3], SIZES[3]), np.eye(4))
    image.set_sform(affine, code=1)
    image.set_qform(np.eye(4), code=0)
    nibabel.save(image, tmp_path / "a.nii.gz")
    loaded = LoadCased()({"image": str(tmp_path / "a.nii.gz")})["image"]
    np.testing.assert_allclose(loaded.affine, affine, atol=1e-5)


@pytest.mark.parametrize(("shape", "dims"), [((8, 9, 1), 2), ((8, 9, 5, 1), 3)])
def test_trailing_axes_of_one_voxel_are_dropped(save, shape, dims):
    assert LoadCased(spatial_dims=dims)({"image": save(np.ones(shape), np.eye(4), "a.nii")})["image"].shape == (1, *shape[:dims])


@pytest.mark.parametrize(
    ("shape", "dims", "words"), [((8, 9, 5), 2, "spatial axes"), ((8, 9), 3, "spatial axes"), ((8, 9, 5, 4), 3, "4 channels")]
)
def test_wrong_number_of_axes(save, shape, dims, words):
    case = {"case_id": "A", "image": save(np.ones(shape), np.eye(4), "a.nii.gz")}
    assert words in raised(lambda: LoadCased(spatial_dims=dims)(case))


def test_broken_files(save, tmp_path):
    whole = Path(save(np.random.default_rng(0).random((30, 30, 30)), np.eye(4), "a.nii.gz")).read_bytes()
    for name, content in {"cut.nii.gz": whole[: len(whole) // 2], "text.nii.gz": b"no image", "empty.nii": b""}.items():
        (tmp_path / name).write_bytes(content)
        message = raised(lambda name=name: LoadCased()({"case_id": "A", "image": str(tmp_path / name)}))
        assert name in message
    good = str(tmp_path / "a.nii.gz")
    assert "label map" in raised(lambda: LoadCased()({"case_id": "A", "image": good, "label_map": str(tmp_path / "cut.nii.gz")}))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_voxels_that_are_not_finite(save, dims, value):
    image = np.ones(SIZES[dims])
    image[1, 2] = value
    case = {"case_id": "A", "image": save(image, np.eye(4), "a.nii.gz")}
    assert "NaN" in raised(lambda: LoadCased(spatial_dims=dims)(case))


def test_degenerate_affines(tmp_path):
    for number, columns in enumerate(([1, 0, 1], [1, 1, 0])):
        affine = np.diag([*map(float, columns), 1])
        image = nibabel.Nifti1Image(np.ones((5, 5, 5), dtype=np.float32), np.eye(4))
        image.set_sform(affine, code=1)
        nibabel.save(image, tmp_path / f"{number}.nii.gz")
        assert "affine" in raised(lambda n=number: LoadCased()({"case_id": "A", "image": str(tmp_path / f"{n}.nii.gz")}))
    dependent = np.eye(4)
    dependent[:2, :2] = 0.5
    image.set_sform(dependent, code=1)
    nibabel.save(image, tmp_path / "dependent.nii.gz")
    assert "affine" in raised(lambda: LoadCased()({"case_id": "A", "image": str(tmp_path / "dependent.nii.gz")}))


@pytest.mark.parametrize("value", [0.5, -0.5, np.nan])
def test_label_map_values(save, dims, value):
    mask = np.zeros(SIZES[dims])
    mask[1, 2] = value
    image = save(np.ones(SIZES[dims]), np.eye(4), "a.nii.gz")
    case = {"case_id": "A", "image": image, "label_map": save(mask, np.eye(4), "m.nii.gz")}
    assert "whole numbers" in raised(lambda: LoadCased(spatial_dims=dims)(case))


def test_label_map_classes_are_checked(label_map_item, dims):
    case = label_map_item(np.eye(4))
    assert "num_classes to 3" in raised(lambda: LoadCased(dims, num_classes=2, label_map_kind="class")(case))
    assert "mask value 3" in raised(lambda: LoadCased(dims)(case | {"labels": {1: 0, 2: 0}}))


def test_label_map_elsewhere(save, dims):
    far = np.eye(4)
    far[0, 3] = 500
    image = save(np.ones(SIZES[dims]), np.eye(4), "a.nii.gz")
    case = {"case_id": "A", "image": image, "label_map": save(paint(BLOCKS[dims], SIZES[dims]), far, "m.nii.gz")}
    assert "overlap" in raised(lambda: LoadCased(spatial_dims=dims)(case))


def test_label_map_with_channels(save):
    image = save(np.ones((8, 8, 8)), np.eye(4), "a.nii.gz")
    case = {"case_id": "A", "image": image, "label_map": save(np.ones((8, 8, 8, 2)), np.eye(4), "m.nii.gz")}
    assert "2 channels" in raised(lambda: LoadCased()(case))


def test_boxes_of_other_dimensions(save):
    case = {
        "case_id": "A",
        "image": save(np.ones((8, 8, 8)), np.eye(4), "a.nii.gz"),
        "boxes": [[1, 1, 1, 1]],
        "labels": [0],
        "space": "RAS",
    }
    assert "4 numbers" in raised(lambda: LoadCased()(case))


@pytest.mark.parametrize(("stated", "true"), [("RAS", "LPS"), ("LPS", "RAS")])
def test_wrong_frame_is_named(save, dims, stated, true):
    affine = np.eye(4)
    affine[:dims, 3] = 30
    item = box_item(save, BLOCKS[dims], affine, dims, space=stated)
    if true == "LPS":
        item["boxes"] = [[-box[0], -box[1], *box[2:]] for box in item["boxes"]]
    message = raised(lambda: to_voxels(item, spatial_dims=dims))
    assert f'"space" should be "{true}"' in message
    assert "3 of 3" in message


def test_wrong_frame_without_a_guess(save, dims):
    item = box_item(save, BLOCKS[dims], np.eye(4), dims)
    item["boxes"] = [[500, *box[1:]] for box in item["boxes"]]
    message = raised(lambda: to_voxels(item, spatial_dims=dims))
    assert "wrong frame" in message
    assert "should be" not in message


def test_single_box_outside(save, dims):
    item = box_item(save, BLOCKS[dims], np.eye(4), dims)
    item["boxes"][1][0] = 500
    message = raised(lambda: to_voxels(item, spatial_dims=dims))
    assert "box 1" in message
    assert "wrong frame" not in message


def test_boxes_that_stick_out_are_clipped(save, dims):
    boxes = [[-2.0] * dims + [4.0] * dims]
    item = to_voxels(box_item(save, boxes, oblique_affine(dims, 1), dims), spatial_dims=dims)
    torch.testing.assert_close(item["target"].boxes, torch.tensor([[0.0] * dims + [4.0] * dims]), atol=1e-4, rtol=0)


def test_centers_in_the_outer_half_of_border_voxels_are_inside(save, dims):
    for boxes in ([[0.0] * dims + [0.5] * dims], [[size - 0.5 for size in SIZES[dims]] + list(SIZES[dims])]):
        item = to_voxels(box_item(save, boxes, oblique_affine(dims, 1), dims), spatial_dims=dims)
        torch.testing.assert_close(item["target"].boxes, torch.tensor(boxes, dtype=torch.float32), atol=1e-4, rtol=0)


def test_errors_are_found_behind_monais_wrapping(save):
    case = {"case_id": "A", "image": save(np.full((5, 5, 5), np.nan), np.eye(4), "a.nii.gz")}
    with pytest.raises(RuntimeError) as info:
        Compose([LoadCased(), WorldToVoxelBoxesd()])(case)
    assert find_data_error(info.value).case == "A"


def test_plain_image_is_refused(label_map_item, dims):
    item = LoadCased(spatial_dims=dims)(label_map_item(np.eye(4)))
    with pytest.raises(TypeError, match="MetaTensor"):
        WorldToVoxelBoxesd()(ToPlainTensord()(item))


def test_meta_tracking_is_not_needed_after_the_boxes(label_map_item, dims):
    item = to_voxels(label_map_item(np.eye(4)), spatial_dims=dims)
    set_track_meta(False)
    try:
        assert type(ToPlainTensord()(item)["image"]) is torch.Tensor
    finally:
        set_track_meta(True)


def test_input_stays_untouched(label_map_item, dims):
    case = label_map_item(np.eye(4))
    before = dict(case)
    loaded = LoadCased(spatial_dims=dims)(case)
    keys = set(loaded)
    WorldToVoxelBoxesd()(loaded)
    assert case == before
    assert set(loaded) == keys


def test_kind_is_checked():
    with pytest.raises(ValueError, match="label_map_kind"):
        LoadCased(label_map_kind="semantic")


def test_masks_are_kept_on_the_image_grid_with_their_classes(label_map_item, dims):
    item = label_map_item(oblique_affine(dims, 0)) | {"labels": {1: 2, 2: 0, 3: 1}}
    mask = to_voxels(item, spatial_dims=dims, keep_mask=True)["target"].mask
    painted = paint(BLOCKS[dims], SIZES[dims])
    expected = np.select([painted == 1, painted == 2, painted == 3], [3, 1, 2], 0)
    assert mask.dtype == torch.uint8 and np.array_equal(mask.numpy(), expected)
    assert to_voxels(item, spatial_dims=dims)["target"].mask is None


def test_a_mask_on_another_grid_is_brought_to_the_image(save, dims):
    """An image with half the spacing: every mask voxel becomes 2^D voxels."""
    affine = np.eye(4)
    fine = affine.copy()
    fine[:dims, :dims] /= 2
    fine[:dims, 3] = -0.25
    painted = paint(BLOCKS[dims], SIZES[dims])
    doubled = painted
    for axis in range(dims):
        doubled = doubled.repeat(2, axis=axis)
    item = {"case_id": "A", "image": save(doubled, fine, "case.nii.gz"), "label_map": save(painted, affine, "mask.nii.gz")}
    mask = to_voxels(item, spatial_dims=dims, keep_mask=True)["target"].mask
    assert np.array_equal(mask.numpy() > 0, doubled > 0)


def test_cases_with_boxes_only_have_no_mask(save, dims):
    item = box_item(save, BLOCKS[dims], np.eye(4), dims)
    assert to_voxels(item, spatial_dims=dims, keep_mask=True)["target"].mask is None
