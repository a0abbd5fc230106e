"""From scans to files of findings, with a model as a user names it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medtk_monai.formats.predictions import MEDTK, OPERATING_POINTS
from medtk_monai.json_files import write_json
from medtk_monai.model import ModelSource
from medtk_monai.prediction.inputs import Scan
from medtk_monai.prediction.looks import ViewOptions
from medtk_monai.prediction.predictor import Predictor
from medtk_monai.prediction.run import Progress, predict_scans


@dataclass(frozen=True)
class Kept:
    """Which findings are written, and how.

    Args:
        formats: checked names of formats, see ``chosen_formats``.
        min_score: findings that score less are left out.
        max_findings: no more findings of a scan than these, the best; None for all.
        class_names: of class 0, 1, ...; those of the model if empty.
    """

    formats: Sequence[str] = (MEDTK.name,)
    min_score: float = 0.0
    max_findings: int | None = None
    class_names: Sequence[str] = ()


def predict_files(
    source: ModelSource, scans: Sequence[Scan], out: str | Path, kept: Kept | None = None, views: ViewOptions | None = None
) -> Progress:
    """Predict scans into a folder, as ``predict_scans`` does; what an earlier run with the same settings has done is not done again.

    Args:
        source: the model.
        scans: see ``find_scans``.
        kept: which findings are written.
        views: how to look at a scan.

    Raises:
        DataError: a wrong model, or ``out`` cannot be written or is of other settings.
    """
    kept, views = kept or Kept(), views or ViewOptions()

    def make() -> Predictor:
        return Predictor(source.load(), views, kept.min_score, kept.max_findings)

    progress = predict_scans(make, scans, out, kept.formats, _settings(source, kept, views), list(kept.class_names))
    _leave_operating_points(source, views, Path(out))
    return progress


def _leave_operating_points(source: ModelSource, views: ViewOptions, out: Path) -> None:
    """Beside the findings of a model whose settings were chosen by a sweep, the thresholds that go with them, for their evaluation."""
    if source.bundle is None and not source.overrides and views == ViewOptions():
        models = source.models()
        if len(models) == 1 and models[0].operating_points:
            write_json(out / OPERATING_POINTS, {"model": models[0].name, "operating_points": dict(models[0].operating_points)})


def _settings(source: ModelSource, kept: Kept, views: ViewOptions) -> dict[str, Any]:
    """Whatever changes the result, plain values."""
    return {
        "detector": source.identity(),
        "score_threshold": kept.min_score,
        "top_k": kept.max_findings,
        "views": [views.mirrors, views.scales, views.budget],
        "formats": kept.formats,
        "class_names": list(kept.class_names),
    }
