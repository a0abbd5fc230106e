"""The network of a model as files for other programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import nn

from medtk_monai.bundle import keys
from medtk_monai.bundle.checkpoint import load_weights
from medtk_monai.bundle.parts import building
from medtk_monai.bundle.recipe import PARTS, make_recipe
from medtk_monai.bundle.running import plain_values
from medtk_monai.digests import file_sha256
from medtk_monai.errors import DataError
from medtk_monai.export import FORMATS, ExportDescription, InputSpec, dense_stage, export_network
from medtk_monai.model.source import ModelSource


def export_model(
    source: ModelSource,
    out: str | Path,
    formats: Sequence[str] = FORMATS,
    fixed_size: int | Sequence[int] | None = None,
    first_stage: bool = False,
) -> ExportDescription:
    """Write the network of a model as ONNX and as a ``torch.export`` program, see ``export_network``.

    Args:
        source: the model; of one network.
        out: folder.
        formats: of "onnx" and "pt2".
        fixed_size: voxels of the only windows that the files shall take; one value or one per axis.
        first_stage: of a two-stage network, export the first stage.

    Raises:
        DataError: a wrong model, several networks, a network that cannot be exported, or a package is missing.
    """
    source = replace(source, device="cpu")
    parser, training = source.parse((*keys.EXPORT, *PARTS))
    with building(source.name, keys.EXPORT, source.overrides):
        network, channels, dims, stride = (parser.get_parsed_content(name) for name in keys.EXPORT)
    network = _with_weights(source, network)
    given = InputSpec.of_any_size(channels, _per_axis(keys.COARSEST_STRIDE, stride, dims))
    if fixed_size is not None:
        given = InputSpec.of_one_size(channels, given.stride, _per_axis("fixed_size", fixed_size, dims))
    notes = _origin(source) | {
        "overrides": {name: str(value) for name, value in source.overrides.items()},
        "training": _training(source, parser.get(), training),
    }
    return export_network(dense_stage(network) if first_stage else network, str(out), given, formats, notes)


def _with_weights(source: ModelSource, network: nn.Module) -> nn.Module:
    if len(source.checkpoint) + len(source.model) > 1:
        raise DataError("an export is of one network, and several are given", remedy="export one after the other")
    if source.bundle is None:
        found = source.load().networks
        if len(found) > 1:
            raise DataError("an export is of one network, and the model has several", remedy="export the models that it was made of")
        return found[0]
    load_weights(source.checkpoint[0], network)
    return network


def _training(source: ModelSource, config: Mapping[str, Any], noted: Mapping[str, Any]) -> dict[str, Any]:
    """What the training has noted for those who use its network, with the values that the export was given."""
    model = dict(noted.get("model") or {"name": Path(source.name).stem})
    recipe = dict(config) if source.bundle is None else make_recipe(config)
    values = noted.get("values", {}) | plain_values(source.overrides)
    return dict(noted) | {"values": values, "model": model | {"recipe": recipe}}


def _origin(source: ModelSource) -> dict[str, Any]:
    """What the export notes of the files that it comes from."""
    if source.model:
        return {"model": source.models()[0].name}
    path = Path(source.checkpoint[0])
    return {
        "bundle": Path(str(source.bundle)).name,
        "overlays": [Path(name).name for name in source.overlay],
        "checkpoint": {"name": path.name, "sha256": file_sha256(path)},
    }


def _per_axis(name: str, value: Any, dims: int) -> tuple[int, ...]:
    """Whole numbers, one for each axis; one alone counts for all."""
    values = list(value) if isinstance(value, list | tuple) else [value] * dims
    if len(values) != dims or not all(isinstance(part, int) and part > 0 for part in values):
        shown = ",".join(map(str, value)) if isinstance(value, list | tuple) else value
        example = ",".join(["64"] * dims)
        raise DataError(f"--{name} {shown} is no number of voxels", remedy=f"give a whole number, or one for each axis, as 64 or {example}")
    return tuple(values)
