"""``medtk model``: one model of models or checkpoints."""

from __future__ import annotations

from typing import Annotated, Any

from medtk_monai.cli.options.declare import flat
from medtk_monai.cli.options.kinds import Existing, Target, words
from medtk_monai.cli.options.model import Detector


@flat
def model(
    *sources: Annotated[str, Existing("file or folder", "give models, folders of trainings, or checkpoints")],
    out: Target,
    name: str | None = None,
    detector: Detector,
    **overrides: Any,
) -> str:
    """Write one model: a file to send (OUT.zip), an ensemble of several, or a model of a checkpoint of earlier versions with its --bundle.

    Args:
        sources: models, folders of trainings, zipped models, or checkpoints; several make an ensemble.
        out: new folder, or new file that ends in .zip.
        name: of the model; that of the first source unless given.
        overrides: values of the bundle's configuration, for checkpoints of earlier versions.

    Raises:
        DataError: a source cannot be read, they look at images in different ways, or OUT exists.
    """
    if not sources:
        detector.require(overrides)
    from dataclasses import replace

    from medtk_monai.model.make import make_model

    given = replace(detector, checkpoint=[*words(detector.checkpoint), *sources]) if detector.bundle else detector
    made = make_model(given.source(overrides, () if detector.bundle else sources), out, name)
    return f"model {made.name} of {len(made.networks)} network{'s' if len(made.networks) > 1 else ''} in {out}"
