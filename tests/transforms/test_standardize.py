"""Standardized intensities, against MONAI's, and their memory."""

import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import NormalizeIntensity

from medtk_monai.transforms import StandardizeIntensityd


@pytest.mark.parametrize("nonzero", [False, True])
@pytest.mark.parametrize("kind", [MetaTensor, torch.Tensor])
@pytest.mark.parametrize("size", [(2, 31, 17), (1, 64, 48, 33)])
def test_equal_to_monai_to_the_last_bit(nonzero, kind, size):
    image = (torch.randn(size, generator=torch.Generator().manual_seed(0)) * 300 + 40).round()
    image[:, :5] = 0
    wanted = NormalizeIntensity(nonzero=nonzero, channel_wise=True)(image.clone())
    image = kind(image) if kind is MetaTensor else image
    found = StandardizeIntensityd(nonzero)({"image": image, "case_id": "a"})
    assert torch.equal(torch.as_tensor(found["image"]), torch.as_tensor(wanted)) and found["case_id"] == "a"
    assert type(found["image"]) is kind and found["image"].data_ptr() == image.data_ptr()


@pytest.mark.parametrize(("value", "nonzero", "wanted"), [(7.0, False, 0.0), (7.0, True, 0.0), (0.0, True, 0.0)])
def test_images_of_one_value(value, nonzero, wanted):
    found = StandardizeIntensityd(nonzero)({"image": torch.full((1, 4, 5), value)})["image"]
    assert torch.equal(found, torch.full((1, 4, 5), wanted))
