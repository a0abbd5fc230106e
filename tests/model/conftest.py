"""Models of short trainings."""

import pytest

from tests.bundles.running import TRAIN, run

SMALL_FLAT = {"spatial_dims": 2, "in_channels": 1}


@pytest.fixture(scope="session")
def run_folder(made_once, phantom):
    """Folder of a short training of the default head in 3D, without any threshold."""

    def make(folder):
        run(TRAIN, "run", phantom(3), folder, **{"dense_postprocessor::score_threshold": 0.0})
        return folder

    return made_once("run_with_model", make)


@pytest.fixture
def scan(phantom):
    return sorted((phantom(3) / "images").glob("*.nii.gz"))[0]
