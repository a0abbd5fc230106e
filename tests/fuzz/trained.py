"""A training of seconds, for the readers of what trainings leave."""

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

EVERYTHING = {"dense_postprocessor::score_threshold": 0.0}


@cache
def trained():
    """The folder of a training of one epoch, and a phantom data set of three cases that it is of; both are removed at the end."""
    from medtk_monai.phantom import write_phantom_dataset
    from tests.bundles.running import TRAIN, run

    folder = Path(tempfile.mkdtemp(prefix="medtk-fuzz-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    write_phantom_dataset(folder / "phantom", 4, seed=1, shape=(40, 40, 32), num_workers=1)
    run(TRAIN, "run", folder / "phantom", folder / "run", head="anchor", window_size=64, **EVERYTHING)
    return folder
