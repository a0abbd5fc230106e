import logging
import os
import pickle
import sys
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "2")

import pytest
from filelock import FileLock
from hypothesis import settings

settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")


@pytest.fixture(scope="session")
def made_once(tmp_path_factory):
    """``made_once(name, make)`` is what ``make(folder)`` returns, called once however many processes share the tests."""
    own = tmp_path_factory.getbasetemp()
    root = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own

    def get(name, make):
        result = root / f"{name}.pickle"
        with FileLock(root / f"{name}.lock"):
            if not result.exists():
                (root / name).mkdir()
                result.write_bytes(pickle.dumps(make(root / name)))
        return pickle.loads(result.read_bytes())

    return get


@pytest.fixture(scope="session")
def phantom(made_once):
    """A small phantom data set for each number of dimensions: ``phantom(3)`` is its folder. Volumes are small, projections of usual size."""
    from medtk_monai.phantom import write_phantom_dataset

    def make(spatial_dims) -> Path:
        settings = {"num_cases": 9, "seed": 1, "spatial_dims": spatial_dims, "shape": (64, 64, 48) if spatial_dims == 3 else None}
        write = lambda folder: write_phantom_dataset(folder, **settings, num_workers=1)  # noqa: E731
        return made_once(f"phantom{spatial_dims}d", write).parent

    return make


@pytest.fixture
def quiet_hooks(monkeypatch):
    """For tests that run the bundle: it sets the process's excepthook and logging, which other tests must not inherit."""
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    yield
    logging.getLogger("medtk_monai").handlers.clear()
    logging.getLogger("medtk_monai").propagate = True
