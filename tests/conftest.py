import os

os.environ.setdefault("OMP_NUM_THREADS", "2")

import pytest
import torch
from hypothesis import settings

settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")
torch.set_num_threads(min(2, os.cpu_count() or 1))


@pytest.fixture(scope="session")
def phantom(tmp_path_factory):
    """A small phantom data set for each number of dimensions: ``phantom(3)`` is its folder."""
    from medtk_monai.data.phantom import write_phantom_dataset

    made = {}

    def make(spatial_dims):
        if spatial_dims not in made:
            folder = tmp_path_factory.mktemp(f"phantom{spatial_dims}d") / "data"
            write_phantom_dataset(folder, num_cases=9, seed=1, spatial_dims=spatial_dims, num_workers=1)
            made[spatial_dims] = folder
        return made[spatial_dims]

    return make
