"""The range of training scans, and scans outside of it."""

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from medtk_monai.transforms.scan_facts import scan_facts
from medtk_monai.transforms.scan_ranges import fingerprint_of, unusual


def facts(spacing=(0.5, 0.5, 0.6), size=(100, 120, 80), intensity=(0.0, 50.0, 400.0)):
    return {"spacing": list(spacing), "size": list(size), "intensity": list(intensity)}


def test_facts_are_along_the_world_axes():
    """An image whose first axis points down, its second to the front and its third to the left."""
    affine = np.array([[0, 0, -3.0, 5], [0, 2.0, 0, 6], [-1.0, 0, 0, 7], [0, 0, 0, 1]])
    values = torch.arange(10 * 20 * 30, dtype=torch.float32).reshape(1, 10, 20, 30)
    found = scan_facts(MetaTensor(values, affine=affine))
    assert found["spacing"] == [3, 2, 1] and found["size"] == [30, 20, 10]
    np.testing.assert_allclose(found["intensity"], np.percentile(values, (0.5, 50, 99.5)), rtol=1e-5)


def test_facts_of_a_flat_image_keep_its_axes():
    found = scan_facts(MetaTensor(torch.ones(1, 4, 9), affine=np.array([[0, 2.0, 0], [1.0, 0, 0], [0, 0, 1]])))
    assert found["size"] == [4, 9] and found["spacing"] == [1, 2] and found["intensity"] == [1, 1, 1]


def test_large_images_are_sampled():
    values = torch.rand(1, 100, 100, 100, generator=torch.Generator().manual_seed(0))
    np.testing.assert_allclose(scan_facts(MetaTensor(values))["intensity"], [0.005, 0.5, 0.995], atol=0.01)


def test_ranges_by_hand():
    first, second = facts(), facts((0.4, 0.5, 0.8), (110, 90, 80), (-1.0, 60.0, 300.0))
    found = fingerprint_of([{"scan_facts": first}, {"scan_facts": second}, {"image": 0}])
    assert found["num_cases"] == 2
    assert found["spacing"] == {"min": [0.4, 0.5, 0.6], "max": [0.5, 0.5, 0.8]}
    assert found["intensity"] == {"min": [-1, 50, 300], "max": [0, 60, 400]}
    assert fingerprint_of([]) == {"num_cases": 0} and unusual(first, {"num_cases": 0}) == []


@pytest.mark.parametrize(
    "scan, words",
    [
        (facts(), []),
        (facts(spacing=(0.45, 0.55, 0.7)), []),
        (facts(spacing=(0.5, 0.5, 3.0)), ["spacing 0.5 x 0.5 x 3 mm, in training 0.5 x 0.5 x 0.6 to 0.5 x 0.5 x 0.6"]),
        (facts(spacing=(0.3, 0.3, 0.6)), ["spacing 0.3"]),
        (facts(size=(512, 512, 80)), ["size 512 x 512 x 80 voxels"]),
        (facts(intensity=(0.0, 55.0, 430.0)), []),
        (facts(intensity=(-1000.0, 50.0, 400.0)), ["percentile 0.5 is -1000, in training 0 to 0"]),
        (facts((5.0, 5.0, 5.0), (9, 9, 9), (0.0, 0.5, 1.0)), ["spacing", "size", "intensity"]),
    ],
)
def test_what_is_unusual(scan, words):
    found = unusual(scan, fingerprint_of([{"scan_facts": facts()}]))
    assert len(found) == len(words) and all(word in text for word, text in zip(words, found))


def test_scans_of_other_dimensions_are_not_compared_by_size():
    flat = {"spacing": [1.0, 1.0], "size": [9, 9], "intensity": [0.0, 50.0, 400.0]}
    assert unusual(flat, fingerprint_of([{"scan_facts": facts()}])) == []
