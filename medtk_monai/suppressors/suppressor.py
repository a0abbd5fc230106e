from __future__ import annotations

from typing import Protocol

from medtk_monai.structures import Detections


class Suppressor(Protocol):
    """Leaves one detection per object, each class by itself."""

    def __call__(self, detections: Detections) -> Detections:
        """Detections of one image in any order -> fewer, best first; equal scores keep their order."""
        ...
