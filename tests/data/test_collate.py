"""Batches."""

import pytest
import torch
from monai.data import MetaTensor

from medtk_monai.data import collate_cases
from medtk_monai.errors import DataError
from medtk_monai.structures import Target


def item(number, objects, size=(4, 5)):
    target = Target(torch.rand(objects, 4), torch.zeros(objects, dtype=torch.int64), torch.zeros(objects, dtype=torch.bool))
    case = {"case_id": f"c{number}", "image_path": f"{number}.png", "affine": torch.eye(3), "scanner": "X"}
    return {"image": torch.full((1, *size), float(number)), "target": target, **case}


def test_images_are_stacked_and_the_rest_is_listed():
    items = [item(0, 2), item(1, 0), item(2, 5)]
    batch = collate_cases(items)
    assert set(batch) == {"image", "target", "case_id", "image_path", "affine"}
    assert batch["image"].shape == (3, 1, 4, 5)
    assert batch["image"][:, 0, 0, 0].tolist() == [0, 1, 2]
    assert [len(target) for target in batch["target"]] == [2, 0, 5]
    assert all(one is other["target"] for one, other in zip(batch["target"], items))
    assert batch["case_id"] == ["c0", "c1", "c2"]
    assert batch["image_path"] == ["0.png", "1.png", "2.png"]
    assert len(batch["affine"]) == 3


def test_other_keys_may_be_absent():
    batch = collate_cases([{"image": torch.zeros(1, 4), "target": None}])
    assert (batch["case_id"], batch["affine"]) == ([None], [None])


def test_batches_are_plain_tensors():
    batch = collate_cases([{"image": MetaTensor(torch.zeros(1, 4)), "target": None}])
    assert type(batch["image"]) is torch.Tensor


def test_different_sizes_name_the_case():
    with pytest.raises(DataError, match="case 'c1'.*batch size"):
        collate_cases([item(0, 1), item(1, 1, size=(4, 6))])
