"""What a training leaves: all that inference needs, in one folder."""

from medtk_monai.model.source import ModelSource

__all__ = ["ModelSource"]
