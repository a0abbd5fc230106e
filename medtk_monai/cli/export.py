"""``medtk export``: a trained network as files for other programs."""

from __future__ import annotations

from typing import Annotated, Any

from medtk_monai.cli.options.declare import flat
from medtk_monai.cli.options.kinds import Named, OneOf, Target, Words, words
from medtk_monai.cli.options.model import Detector


@flat
def export(
    *,
    out: Target,
    formats: Annotated[Words, OneOf(("onnx", "pt2"))] = ("onnx", "pt2"),
    fixed_size: Annotated[Any, Named("N,...")] = None,
    dense_stage: bool = False,
    detector: Detector,
    **overrides: Any,
) -> str:
    """Write the network of a model as ONNX and as a torch.export program, compared with the network on random images.

    They take batches of any number and images of any size from twice the coarsest stride in its multiples, and give the raw maps of each
    level; medtk_monai.export.ExportedNetwork puts the ONNX file into the network's place. Averaged weights are taken, if there are any.

    Args:
        out: folder for network.onnx, network.pt2 and export.json, which tells what they take and give.
        formats: files to write, of onnx,pt2.
        fixed_size: voxels of the only windows that the files shall take; one value or one per axis.
        dense_stage: of a two-stage network, export the first stage.
        overrides: values of the configuration, as --head anchor; those that the training was started with need not be given.

    Raises:
        DataError: a wrong model, a network that cannot be exported, or a package is missing.
    """
    detector.require(overrides)
    from medtk_monai.export import parity_table
    from medtk_monai.model.exporting import export_model

    found = export_model(detector.source(overrides), out, words(formats), fixed_size, dense_stage)
    files = ", ".join(file["name"] for file in found.files.values())
    return f"{parity_table(found.parity)}\nwrote {files} and export.json to {out}; images {found.input}"
