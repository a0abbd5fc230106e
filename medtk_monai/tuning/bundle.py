"""A bundle whose candidates can be seen, and the setting that it has at present."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medtk_monai.bundle import keys
from medtk_monai.bundle.parts import building, merge_iou_of, parse_bundle
from medtk_monai.data.selection import Case
from medtk_monai.errors import DataError
from medtk_monai.evaluation import TruthCase
from medtk_monai.evaluation.truth import truth_of
from medtk_monai.prediction import Predictor, ViewOptions
from medtk_monai.tuning.settings import SUPPRESSOR, THRESHOLD, Setting

POSTPROCESSOR = keys.POSTPROCESSOR
_KEEP_ALL = {"_target_": "medtk_monai.suppressors.KeepAll"}
_OF_CASES = (*keys.OF_OBJECTS, "point_radius_mm")


@dataclass(frozen=True)
class Tunable:
    """A bundle and its checkpoints, ready to be tuned.

    Args:
        predictor: whose suppressor keeps all candidates.
        present: the setting of the bundle.
        max_detections: of an image.
        trained: plain values of the training.
        merges: whether there are several views or networks to merge.
    """

    predictor: Predictor
    present: Setting
    max_detections: int
    trained: Mapping[str, Any]
    merges: bool

    def truth(self, cases: Sequence[Case]) -> list[TruthCase]:
        """The objects of cases, read as the training reads them.

        Raises:
            DataError: a label map or a box is not as described.
        """
        return truth_of(cases, **{name: self.trained[name] for name in keys.OF_OBJECTS if name in self.trained})


def load_tunable(
    bundle: str | Path,
    checkpoint: Sequence[str],
    overlay: Sequence[str],
    device: str | None,
    options: ViewOptions,
    lowest: float,
    overrides: Mapping[str, Any],
) -> Tunable:
    """Load a bundle twice: as it is, for its present setting, and with a suppressor that keeps all.

    Args:
        options: views to look at.
        lowest: score threshold of the settings to try; that of the bundle is tried too.
        overrides: further values of the configuration; other arguments as for ``load_bundle``.

    Raises:
        DataError: see ``load_bundle``; or the bundle's postprocessor is not made of the values that settings are laid over.
    """
    parser, notes = parse_bundle(bundle, checkpoint, overlay, device, overrides)
    with building(bundle, (SUPPRESSOR, POSTPROCESSOR), overrides):
        postprocessor, config = parser.get_parsed_content(POSTPROCESSOR), parser.get(SUPPRESSOR)
        present = Setting(postprocessor.suppressor, postprocessor.score_threshold, merge_iou_of(parser), config)
    changed = {
        SUPPRESSOR: _KEEP_ALL,
        THRESHOLD: min(lowest, present.score_threshold),
        keys.MAX_DETECTIONS: postprocessor.top_k,
    }
    predictor = Predictor.from_bundle(bundle, checkpoint, overlay, device, options, **{**overrides, **changed})
    _check_keeps(predictor, bundle, postprocessor.top_k)
    merges = len(checkpoint) > 1 or options.mirrors > 1 or len(options.scales) > 1
    values = {**notes.get("values", {}), **{name: value for name, value in overrides.items() if name in _OF_CASES}}
    return Tunable(predictor, present, postprocessor.max_detections, values, merges)


def _check_keeps(predictor: Predictor, bundle: str | Path, top_k: int) -> None:
    """Refuse bundles whose inferer does not heed the values of ``changed``."""
    if predictor.parts.inferer.postprocessor.max_detections != top_k:
        remedy = f"let its inferer use @{POSTPROCESSOR}, whose suppressor is @{SUPPRESSOR}, as bundles/aneurysm does"
        raise DataError(f"bundle {bundle}: the postprocessor is not that of {POSTPROCESSOR!r}", remedy=remedy)
