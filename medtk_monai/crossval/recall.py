"""The configuration of a training that is over, to train with it again."""

from __future__ import annotations

from pathlib import Path

from medtk_monai.bundle import keys
from medtk_monai.errors import DataError
from medtk_monai.json_files import read_json, write_json
from medtk_monai.model.files import IN_RUN

_OF_THAT_RUN = {"resume": "none", "fast_dev_run": False, "overfit": 0, **dict.fromkeys(keys.OF_DATA)}
"""Values of a configuration that are not those of the next training."""


def recall_configuration(model: str | Path, folder: str | Path) -> str:
    """Write the configuration that a model was trained with, as its training has noted it, for other trainings.

    Args:
        model: folder of the training, or of its model within.
        folder: that the file is written to.

    Returns:
        Path of the file.

    Raises:
        DataError: the training has left no run.json there, or it is broken.
    """
    place = Path(model)
    found = next((path for path in (place / "run.json", place.parent / "run.json") if path.is_file()), None)
    if found is None or (found.parent != place and place.name != IN_RUN):
        remedy = "name the folder of its training, or the bundle by --bundle"
        raise DataError(f"{model} does not tell how it was trained: there is no run.json beside it", remedy=remedy)
    content = read_json(found)
    config = content.get("config") if isinstance(content, dict) else None
    if not isinstance(config, dict):
        raise DataError(f"{found} holds no configuration", remedy="name the bundle by --bundle")
    path = Path(folder) / "train.json"
    write_json(path, {**config, **_OF_THAT_RUN})
    return str(path)
