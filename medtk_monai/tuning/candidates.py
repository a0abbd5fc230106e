"""All that a network finds in the scans of a validation, before one candidate is left per object."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from medtk_monai.formats import case_prediction
from medtk_monai.prediction import Predictor, Scan
from medtk_monai.structures import Detections
from medtk_monai.tuning.settings import Setting


@dataclass(frozen=True)
class Candidates:
    """What was found in one scan.

    Args:
        case_id: of the scan.
        views: the candidates of each view and each network, in voxels of the image that the network saw.
        affine: (D + 1, D + 1) of that image, voxel centers -> RAS mm.
    """

    case_id: str
    views: list[Detections]
    affine: Tensor

    def case(self, setting: Setting, max_detections: int) -> dict[str, Any]:
        """The findings by a setting, as an entry of predictions.json."""
        return case_prediction(setting.detections(self.views, max_detections), self.affine, self.case_id, "")


def find_candidates(predictor: Predictor, scans: Iterable[Scan]) -> Iterator[Candidates]:
    """The candidates in each scan.

    Args:
        predictor: of a bundle whose suppressor keeps all.

    Raises:
        DataError: a scan cannot be read or is not fit for use.
    """
    for scan in scans:
        prepared = predictor.prepare(scan)
        yield Candidates(scan.case_id, predictor.candidates(prepared), prepared.affine)
