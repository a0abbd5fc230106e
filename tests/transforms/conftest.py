"""Cases of painted blocks, as files and as items."""

import nibabel
import numpy as np
import pytest
import torch
from blocks import BLOCKS, SIZES, oblique_affine, paint

from medtk_monai.structures import Target


@pytest.fixture
def save(tmp_path):
    """save(array, affine, name) -> path of a NIfTI file."""

    def write(array, affine, name):
        nibabel.save(nibabel.Nifti1Image(np.asarray(array, dtype=np.float32), affine), tmp_path / name)
        return str(tmp_path / name)

    return write


@pytest.fixture(params=[2, 3])
def dims(request):
    return request.param


@pytest.fixture
def block_item(dims):
    """A plain item of three blocks with an oblique affine."""
    image = torch.from_numpy(paint(BLOCKS[dims], SIZES[dims]))[None]
    labels = torch.tensor([0, 1, 2])
    target = Target(torch.tensor(BLOCKS[dims], dtype=torch.float32), labels, torch.zeros(3, dtype=torch.bool))
    affine = torch.from_numpy(oblique_affine(dims, seed=3))[[*range(dims), 3]][:, [*range(dims), 3]]
    return {"image": image, "target": target, "affine": affine, "case_id": "blocks"}


@pytest.fixture
def empty_item(block_item):
    none = Target(torch.zeros(0, block_item["target"].boxes.shape[1]), torch.zeros(0, dtype=torch.int64), torch.zeros(0, dtype=torch.bool))
    return block_item | {"target": none}
