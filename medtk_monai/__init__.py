"""Find small objects in 2D and 3D medical images: detection components for MONAI.

Components live in the subpackages (``medtk_monai.anchors``, ``.assigners``, ``.heads``, ...). Importing this package imports
neither torch nor MONAI, so that command-line help stays quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"


def load(*models: Any, **options: Any) -> Any:
    """A detector from the model that a training has left: ``medtk_monai.load("runs/mine")("scan.nii.gz")``.

    See ``medtk_monai.prediction.load_predictor``.
    """
    return import_module("medtk_monai.prediction").load_predictor(*models, **options)
