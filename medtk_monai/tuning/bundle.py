"""A model whose candidates can be seen, and the setting that it has at present."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from medtk_monai.bundle import keys
from medtk_monai.bundle.parts import building, merge_iou_of
from medtk_monai.data.selection import Case
from medtk_monai.errors import DataError
from medtk_monai.evaluation import TruthCase
from medtk_monai.evaluation.truth import truth_of
from medtk_monai.model import ModelSource
from medtk_monai.prediction import Predictor, ViewOptions
from medtk_monai.tuning.settings import SUPPRESSOR, THRESHOLD, Setting

POSTPROCESSOR = keys.POSTPROCESSOR
_KEEP_ALL = {"_target_": "medtk_monai.suppressors.KeepAll"}
_OF_CASES = (*keys.OF_OBJECTS, "point_radius_mm")


@dataclass(frozen=True)
class Tunable:
    """A model, ready to be tuned.

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


def load_tunable(source: ModelSource, options: ViewOptions, lowest: float) -> Tunable:
    """Load a model twice: as it is, for its present setting, and with a suppressor that keeps all.

    Args:
        source: the model, or the bundle and its checkpoints.
        options: views to look at.
        lowest: score threshold of the settings to try; that of the model is tried too.

    Raises:
        DataError: see ``ModelSource.load``; or the postprocessor is not made of the values that settings are laid over.
    """
    parser, notes = source.parse()
    name = source.name
    with building(name, (SUPPRESSOR, POSTPROCESSOR), source.overrides):
        postprocessor, config = parser.get_parsed_content(POSTPROCESSOR), parser.get(SUPPRESSOR)
        present = Setting(postprocessor.suppressor, postprocessor.score_threshold, merge_iou_of(parser), config)
    changed = {
        SUPPRESSOR: _KEEP_ALL,
        THRESHOLD: min(lowest, present.score_threshold),
        keys.MAX_DETECTIONS: postprocessor.top_k,
    }
    predictor = Predictor(source.load(**changed), options)
    _check_keeps(predictor, name, postprocessor.top_k)
    merges = len(predictor.parts.networks) > 1 or options.mirrors > 1 or len(options.scales) > 1
    values = {**notes.get("values", {}), **{name: value for name, value in source.overrides.items() if name in _OF_CASES}}
    return Tunable(predictor, present, postprocessor.max_detections, values, merges)


def _check_keeps(predictor: Predictor, bundle: str, top_k: int) -> None:
    """Refuse bundles whose inferer does not heed the values of ``changed``."""
    if predictor.parts.inferer.postprocessor.max_detections != top_k:
        remedy = f"let its inferer use @{POSTPROCESSOR}, whose suppressor is @{SUPPRESSOR}, as bundles/aneurysm does"
        raise DataError(f"bundle {bundle}: the postprocessor is not that of {POSTPROCESSOR!r}", remedy=remedy)
