"""Models of short trainings."""

import shutil

import pytest

from tests.bundles.running import TRAIN, run


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


@pytest.fixture
def model(run_folder, tmp_path):
    return shutil.copytree(run_folder / "model", tmp_path / "mine" / "model")
