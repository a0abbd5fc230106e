"""Pictures in 2D: what their numbers mean in images and in label maps."""

import numpy as np
import pytest
import torch
from PIL import Image

from medtk_monai.transforms import LoadCased
from tests.transforms.test_load import raised, to_voxels


@pytest.mark.parametrize("suffix", ["png", "bmp"])
def test_pictures(tmp_path, suffix):
    mask = np.zeros((12, 20), dtype=np.uint8)
    mask[2:5, 10:17] = 255
    Image.fromarray(mask).save(tmp_path / f"a.{suffix}")
    item = to_voxels({"image": str(tmp_path / f"a.{suffix}"), "label_map": str(tmp_path / f"a.{suffix}")}, spatial_dims=2)
    assert item["image"].shape == (1, 20, 12)
    assert item["target"].boxes.tolist() == [[10, 2, 17, 5]]
    assert torch.equal(item["affine"], torch.eye(3, dtype=torch.float64))


def test_a_palette_means_colors_in_images_and_values_in_label_maps(tmp_path):
    values = np.zeros((12, 20), dtype=np.uint8)
    values[2:5, 10:17] = 2
    picture = Image.fromarray(values, mode="P")
    picture.putpalette([0, 0, 0, 9, 9, 9, 250, 100, 50])
    picture.save(tmp_path / "a.png")
    item = to_voxels({"image": str(tmp_path / "a.png"), "label_map": str(tmp_path / "a.png")}, spatial_dims=2, num_channels=3)
    assert item["image"][:, 12, 3].tolist() == [250, 100, 50] and item["image"][:, 0, 0].tolist() == [0, 0, 0]
    assert item["target"].boxes.tolist() == [[10, 2, 17, 5]]


@pytest.mark.parametrize("suffix", ["png", "tif"])
@pytest.mark.parametrize(("mode", "channels"), [("RGBA", 3), ("LA", 1)])
def test_opacity_is_no_channel_of_an_image(tmp_path, mode, channels, suffix):
    values = np.random.default_rng(0).integers(0, 255, (12, 20, channels + 1), dtype=np.uint8)
    Image.fromarray(values, mode=mode).save(tmp_path / f"a.{suffix}")
    image = LoadCased(spatial_dims=2, num_channels=channels)({"image": str(tmp_path / f"a.{suffix}")})["image"]
    np.testing.assert_array_equal(image, values[..., :channels].transpose(2, 1, 0))


def test_a_large_tiff_is_left_to_itk(tmp_path, monkeypatch):
    values = np.arange(200, dtype=np.uint8).reshape(10, 20)
    Image.fromarray(values).save(tmp_path / "a.tif")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 50)
    image = LoadCased(spatial_dims=2)({"image": str(tmp_path / "a.tif")})["image"]
    np.testing.assert_array_equal(image[0], values.T)


def test_color_pictures_need_three_channels(tmp_path):
    Image.fromarray(np.zeros((12, 20, 3), dtype=np.uint8)).save(tmp_path / "a.png")
    case = {"image": str(tmp_path / "a.png"), "case_id": "A"}
    assert LoadCased(spatial_dims=2, num_channels=3)(case)["image"].shape == (3, 20, 12)
    assert "3 channels" in raised(lambda: LoadCased(spatial_dims=2)(case))
