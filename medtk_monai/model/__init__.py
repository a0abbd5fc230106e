"""What a training leaves: all that inference needs, in one folder."""

from medtk_monai.model.files import find_model, is_model
from medtk_monai.model.load import build_parts
from medtk_monai.model.make import make_model
from medtk_monai.model.model import Model, read_model, write_model, write_tuning
from medtk_monai.model.source import ModelSource
from medtk_monai.model.writer import ModelWriter

__all__ = [
    "Model",
    "ModelSource",
    "ModelWriter",
    "build_parts",
    "find_model",
    "is_model",
    "make_model",
    "read_model",
    "write_model",
    "write_tuning",
]
