from __future__ import annotations

from dataclasses import dataclass

from medtk_monai.structures import Detections


@dataclass(frozen=True)
class KeepAll:
    """Removes nothing, for those who look at the candidates themselves."""

    def __call__(self, detections: Detections) -> Detections:
        return detections[detections.scores.argsort(descending=True, stable=True)]
