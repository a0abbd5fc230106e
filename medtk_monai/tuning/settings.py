"""Ways to turn candidates into detections, and how a bundle is told of them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import product
from typing import Any

from medtk_monai import suppressors
from medtk_monai.bundle import keys
from medtk_monai.errors import DataError, existing_file
from medtk_monai.inferers import merge_views
from medtk_monai.json_files import read_json
from medtk_monai.structures import Detections
from medtk_monai.suppressors import NMS, SoftNMS, Suppressor, WeightedBoxClustering
from medtk_monai.suppressors.soft_nms import DECAYS

SUPPRESSORS = ("nms", "wbc", "soft")
SUPPRESSOR, THRESHOLD, MERGE_IOU = keys.SUPPRESSOR, keys.SCORE_THRESHOLD, keys.MERGE_IOU
"""The values of a bundle that say the same as a setting."""


@dataclass(frozen=True)
class Setting:
    """One way to turn the candidates of an image into its detections.

    Args:
        suppressor: leaves one candidate per object, in each view.
        score_threshold: candidates score more than this.
        merge_iou: at which views and networks merge, see ``merge_views``; without effect on a single one.
        config: the suppressor as a bundle names it.
    """

    suppressor: Suppressor
    score_threshold: float
    merge_iou: float
    config: Mapping[str, Any] = field(compare=False)

    def __str__(self) -> str:
        values = ", ".join(f"{name} {value}" for name, value in self.config.items() if name != "_target_")
        kind = str(self.config["_target_"]).rpartition(".")[2]
        return f"{kind} ({values}), scores above {self.score_threshold:g}, views merged at IoU {self.merge_iou:g}"

    @property
    def values(self) -> dict[str, Any]:
        """The values of a bundle's configuration that say the same."""
        return {SUPPRESSOR: dict(self.config), THRESHOLD: self.score_threshold, MERGE_IOU: self.merge_iou}

    def detections(self, views: Sequence[Detections], max_detections: int) -> Detections:
        """The candidates of an image in each of its views -> its detections, best first."""
        parts = [self.suppressor(view[view.scores > self.score_threshold])[:max_detections] for view in views]
        return merge_views(parts, self.merge_iou, max_detections)


def settings_grid(
    kinds: Sequence[str], ious: Sequence[float], score_thresholds: Sequence[float], merge_ious: Sequence[float]
) -> list[Setting]:
    """All combinations.

    Args:
        kinds: of ``SUPPRESSORS``: NMS, weighted box clustering, soft-NMS with linear decay.
        ious: of the suppressors.

    Raises:
        DataError: a suppressor is unknown, or a number out of range.
    """
    unknown = [name for name in kinds if name not in SUPPRESSORS]
    if unknown:
        raise DataError(f"there is no suppressor {unknown[0]!r}", remedy=f"choose from {', '.join(SUPPRESSORS)}")
    if not all(0 <= value < 1 for value in (*score_thresholds, *merge_ious)):
        raise DataError("score thresholds and IoUs lie in [0, 1)", remedy="correct them")
    try:
        made = [(_suppressor(name, iou, low), low, merge) for name, iou, low, merge in product(kinds, ious, score_thresholds, merge_ious)]
    except ValueError as error:
        raise DataError(str(error), remedy="IoUs lie in [0, 1]") from error
    return [Setting(suppressor, low, merge, _config(suppressor)) for suppressor, low, merge in made]


def _suppressor(name: str, iou: float, score_threshold: float) -> NMS | WeightedBoxClustering | SoftNMS:
    if name == "soft":
        return SoftNMS("linear", iou=iou, score_threshold=score_threshold)
    return NMS(iou) if name == "nms" else WeightedBoxClustering(iou)


def _config(suppressor: NMS | WeightedBoxClustering | SoftNMS) -> dict[str, Any]:
    return {"_target_": f"medtk_monai.suppressors.{type(suppressor).__name__}", **asdict(suppressor)}


def read_tuned(path: str | os.PathLike) -> dict[str, Any]:
    """The values of a bundle in a tuned.json; nothing in it but a suppressor of this package is made, and nothing evaluated.

    Raises:
        DataError: the file cannot be read, or says anything else.
    """
    remedy = "give the tuned.json of medtk sweep; lay anything else over the bundle by --overlay"
    values = read_json(existing_file(path, remedy), remedy)
    config = values.get(SUPPRESSOR) if isinstance(values, dict) else None
    if not isinstance(config, dict) or set(values) - {SUPPRESSOR, THRESHOLD, MERGE_IOU}:
        raise DataError(f"{path} is no tuned.json", remedy=remedy)
    target = str(config.get("_target_"))
    plain = [*(value for key, value in values.items() if key != SUPPRESSOR), *(value for key, value in config.items() if key != "_target_")]
    is_known = target.rpartition(".")[0] == "medtk_monai.suppressors" and target.rpartition(".")[2] in suppressors.__all__
    if not is_known or not all(isinstance(value, int | float) or value in DECAYS for value in plain):
        raise DataError(f"{path} has other values than numbers and a suppressor of medtk_monai.suppressors", remedy=remedy)
    return values
