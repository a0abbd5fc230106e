"""``medtk export``: a trained network as files for other programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def export(
    checkpoint: str,
    out: str,
    bundle: str = "bundles/aneurysm",
    formats: str | Sequence[str] = ("onnx", "pt2"),
    overlay: str | Sequence[str] = (),
    fixed_size: int | Sequence[int] | None = None,
    dense_stage: bool = False,
    **overrides: Any,
) -> None:
    """Write the network of a bundle as ONNX and as a torch.export program, compared with the network on random images.

    They take batches of any number and images of any size from twice the coarsest stride in its multiples, and give the raw maps of each
    level; medtk_monai.export.ExportedNetwork puts the ONNX file into the network's place.

    Args:
        checkpoint: of a training, as runs/aneurysm/best.pt; the averaged weights, if it has them.
        out: folder for network.onnx, network.pt2 and export.json, which tells what they take and give.
        bundle: folder of the bundle, or its train.json.
        formats: of onnx,pt2.
        overlay: files that lay over train.json in training, such as bundles/aneurysm/heads/combined.json.
        fixed_size: voxels of the only windows that the files shall take; one value or one per axis.
        dense_stage: of a two-stage network, export the first stage.
        overrides: values of the bundle's configuration, as --head anchor; those that the training was started with need not be given.

    Raises:
        DataError: a wrong bundle or checkpoint, a network that cannot be exported, or a package is missing.
    """
    from pathlib import Path

    from medtk_monai.bundle import plain_values
    from medtk_monai.bundle.checkpoint import load_weights
    from medtk_monai.bundle.keys import COARSEST_STRIDE, EXPORT
    from medtk_monai.bundle.parts import building, parse_bundle
    from medtk_monai.cli.words import words
    from medtk_monai.digests import file_sha256
    from medtk_monai.export import InputSpec, export_network, parity_table
    from medtk_monai.export import dense_stage as first_stage

    path, overlays = Path(str(checkpoint)), words(overlay)
    parser, training = parse_bundle(str(bundle), path, overlays, "cpu", overrides)
    with building(bundle, EXPORT, overrides):
        network, channels, dims, stride = (parser.get_parsed_content(name) for name in EXPORT)
    load_weights(path, network)
    given = InputSpec.of_any_size(channels, _per_axis(COARSEST_STRIDE, stride, dims))
    if fixed_size is not None:
        given = InputSpec.of_one_size(channels, given.stride, _per_axis("fixed_size", fixed_size, dims))
    notes = {
        "bundle": Path(str(bundle)).name,
        "overlays": [Path(name).name for name in overlays],
        "checkpoint": {"name": path.name, "sha256": file_sha256(path)},
        "overrides": {name: str(value) for name, value in overrides.items()},
        "training": dict(training) | {"values": training.get("values", {}) | plain_values(overrides)},
    }
    description = export_network(first_stage(network) if dense_stage else network, str(out), given, words(formats), notes)
    print(parity_table(description.parity))
    print(f"wrote {', '.join(file['name'] for file in description.files.values())} and export.json to {out}; images {description.input}")


def _per_axis(name: str, value: Any, dims: int) -> tuple[int, ...]:
    """Whole numbers, one for each axis; one alone counts for all."""
    from medtk_monai.errors import DataError

    values = list(value) if isinstance(value, list | tuple) else [value] * dims
    if len(values) != dims or not all(isinstance(part, int) and part > 0 for part in values):
        shown = ",".join(map(str, value)) if isinstance(value, list | tuple) else value
        example = ",".join(["64"] * dims)
        raise DataError(f"--{name} {shown} is no number of voxels", remedy=f"give a whole number, or one for each axis, as 64 or {example}")
    return tuple(values)
