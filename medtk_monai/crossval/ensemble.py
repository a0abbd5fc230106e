"""The networks of all folds together: how to use them, and what they find in the test split."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from medtk_monai.atomic import write_text_atomically
from medtk_monai.bundle.keys import MERGE_IOU
from medtk_monai.crossval.folds import CrossValidation
from medtk_monai.errors import DataError
from medtk_monai.evaluation import Evaluation, evaluate_files
from medtk_monai.evaluation.evaluate import Wanted, read_operating_points
from medtk_monai.formats import read_predictions
from medtk_monai.formats.predictions import MEDTK
from medtk_monai.json_files import read_json
from medtk_monai.metrics import Goal
from medtk_monai.model import ModelSource, make_model, write_tuning
from medtk_monai.model.files import IN_RUN
from medtk_monai.prediction import Predictor, scans_of
from medtk_monai.prediction.outputs import PREDICTIONS
from medtk_monai.prediction.run import predict_scans
from medtk_monai.tuning.bundle import Tunable
from medtk_monai.tuning.settings import read_tuned
from medtk_monai.tuning.sweep import SWEEP, TUNED
from medtk_monai.tuning.validation import TEST

ENSEMBLE = "ensemble.json"
_NOTE = (
    "single networks have nothing to merge: merge_iou is that of the bundle, not chosen; merging changes scores, so that a threshold of "
    "the out-of-fold findings is that of the ensemble by approximation alone"
)


@dataclass(frozen=True)
class Ensemble:
    """The networks of the finished folds.

    Args:
        validation: whose folds.
        folds: that take part.
        checkpoint: which file of each fold.
    """

    validation: CrossValidation
    folds: Sequence[int]
    checkpoint: str

    @property
    def checkpoints(self) -> list[str]:
        """Of all networks."""
        return [str(self.validation.checkpoint(fold, self.checkpoint)) for fold in self.folds]

    @property
    def command(self) -> str:
        """What predicts new scans."""
        return shlex.join(["medtk", "predict", "SCANS", str(self.validation.folder)])

    def write(self) -> None:
        """Write the model of all networks, with the setting and the threshold of the out-of-fold findings, and ensemble.json.

        Raises:
            DataError: the networks look at images in different ways, or cannot be read.
        """
        plan = self.validation
        folder = plan.folder / IN_RUN
        make_model(plan.source(self.folds, self.checkpoint), folder, os.path.basename(os.path.abspath(plan.folder)), overwrite=True)
        points = read_json(plan.folder / SWEEP)["operating_points"]
        write_tuning(folder, read_tuned(plan.folder / TUNED), points)
        content = {
            "checkpoints": self.checkpoints,
            "missing_folds": [fold for fold in range(plan.num_folds) if fold not in self.folds],
            "model": str(folder),
            "tuned": str(plan.folder / TUNED),
            MERGE_IOU: read_tuned(plan.folder / TUNED)[MERGE_IOU],
            "note": _NOTE,
            "predict": self.command,
        }
        write_text_atomically(plan.folder / ENSEMBLE, json.dumps(content, indent=2) + "\n")

    def predictor(self) -> Predictor:
        """All networks, with the setting that was chosen on the out-of-fold candidates.

        Raises:
            DataError: see ``ModelSource.load``.
        """
        return Predictor(self.source.load())

    @property
    def source(self) -> ModelSource:
        """The model of all networks."""
        return ModelSource([str(self.validation.folder / IN_RUN)], device=self.validation.device, trust=True)


def evaluate_test(ensemble: Ensemble, tunable: Tunable, goal: Goal, num_draws: int = 1000) -> Evaluation:
    """Predict the test split with all networks, and evaluate it, also with the threshold of the out-of-fold findings; writes test/.

    Args:
        tunable: of any fold, whose training tells how objects are read.

    Raises:
        DataError: there is no test split, a scan fails, or test/ holds predictions of other networks or settings.
    """
    plan, out = ensemble.validation, ensemble.validation.folder / TEST
    cases = plan.test_cases()
    scans = scans_of(cases)
    failed = predict_scans(ensemble.predictor, scans, out, [MEDTK.name], ensemble.source.identity()).failed
    if failed:
        raise DataError(next(iter(failed.values())), remedy=f"{len(failed)} of {len(scans)} scans of the test split failed; run it again")
    points = read_operating_points(plan.folder / SWEEP, "out of fold")
    wanted = Wanted([goal.fp_per_case], thresholds={name: point.threshold for name, point in points.items()})
    found, truths = read_predictions(out / PREDICTIONS), tunable.truth(cases)
    result = evaluate_files(found, truths, goal.rules, wanted, str(out / PREDICTIONS), num_draws=num_draws)
    result.write(out)
    return result
