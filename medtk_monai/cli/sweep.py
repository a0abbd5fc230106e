"""``medtk sweep``: how candidates become detections, chosen on a validation."""

from __future__ import annotations

from typing import Any

from medtk_monai.cli.options.data import Datalist
from medtk_monai.cli.options.declare import flat
from medtk_monai.cli.options.evaluation import Drawing
from medtk_monai.cli.options.kinds import File, Target
from medtk_monai.cli.options.model import Detector, Views
from medtk_monai.cli.options.tuning import MergedChoice


@flat
def sweep(
    datalist: File,
    out: Target,
    *,
    split: str = "validation",
    choice: MergedChoice,
    detector: Detector,
    views: Views,
    data: Datalist,
    counting: Drawing,
    **overrides: Any,
) -> str:
    """Choose suppression and score threshold on the validation split, by a figure; the test split is refused.

    The network looks at each scan once; its candidates then go through every combination of the values below and the model's present
    ones. The chosen setting and its operating points become part of the model, which medtk predict and evaluate follow. OUT gets sweep.json,
    sweep.csv and tuned.json, for medtk predict --tuned, or to lay over train.json and evaluate.json.

    Args:
        datalist: with the validation split.
        out: folder for the files.
        split: to choose on.
        overrides: values of the configuration, as --window_size 160.

    Raises:
        DataError: a wrong model or argument, or a split that settings must not be chosen on.
    """
    detector.require(overrides)
    counting.check_draws()
    from tqdm import tqdm

    from medtk_monai.metrics import Bootstrap
    from medtk_monai.tuning import Validation, keep_in_model, tune
    from medtk_monai.tuning.printed import format_sweep

    goal, draws = counting.goal(choice.figure), Bootstrap(counting.bootstraps, counting.seed)
    validation = Validation(datalist, split, data.dataset_dir)

    def watch(scans: Any) -> Any:
        return tqdm(scans, desc="looking", unit="scan", disable=None)

    source = detector.source(overrides)
    result = tune(source, validation, goal, choice.tried(), views.options(), draws, watch)
    result.write(out)
    kept = keep_in_model(source, result, views.options())
    told = f"\nmodel {kept} follows the chosen setting from now on" if kept else ""
    return f"{format_sweep(result)}\nfiles in {out}{told}"
