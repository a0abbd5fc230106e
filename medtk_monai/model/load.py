"""From a model to the parts that find objects in scans."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

import torch
from monai.bundle import ConfigParser
from monai.transforms import Compose
from torch import nn

from medtk_monai.bundle import keys
from medtk_monai.bundle.overrides import check_names
from medtk_monai.bundle.parts import BundleParts, ExportedModule, building, merge_iou_of
from medtk_monai.bundle.recipe import COMPONENTS, is_choice
from medtk_monai.bundle.weights import give_weights
from medtk_monai.engines.devices import check_device
from medtk_monai.engines.precision import resolve_precision
from medtk_monai.engines.steps import memory_order
from medtk_monai.errors import DataError
from medtk_monai.inferers import WindowedInferer
from medtk_monai.model.model import Model, as_one

_MOST_NAMES = 16 << 20
"""Bytes of a file of weights besides the weights."""


def build_parts(models: Sequence[Model], device: str | None = None, overrides: Mapping[str, Any] | None = None) -> BundleParts:
    """Networks with their weights, inferer and preprocessing of one model, or of several that look at images alike.

    Args:
        device: cpu, cuda or cuda:1; None for the GPU if there is one.
        overrides: values of the recipe to change, by their ids; they lie over what a sweep has chosen.

    Raises:
        DataError: models that differ in more than weights, weights of another network, or an override that cannot be.
    """
    first = as_one(models)
    check_device(device or "cpu")
    where = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    parser = recipe_parser(first, overrides)
    with building(first.source, COMPONENTS, overrides or {}):
        network = parser.get_parsed_content(COMPONENTS[0])
        preprocessing, inferer = (parser.get_parsed_content(name) for name in COMPONENTS[1:])
        precision = resolve_precision(parser.get("precision", "auto"), where)
        _check_kinds(first, network, preprocessing, inferer)
        label_pairs, merge_iou = parser.get_parsed_content(keys.LABEL_PAIRS, default=[]), merge_iou_of(parser)
    networks = _networks(models, network, where)
    names = tuple(map(str, parser.get(keys.CLASS_NAMES) or ()))
    return BundleParts(networks, inferer, preprocessing, where, precision, label_pairs, first.fingerprint, names, merge_iou)


def _check_kinds(model: Model, network: Any, preprocessing: Any, inferer: Any) -> None:
    """Refuse parts that are none, and windows that cannot be laid."""
    for part, kind in ((network, nn.Module), (preprocessing, Compose), (inferer, WindowedInferer)):
        if not isinstance(part, kind):
            what = f"{model.source} has a {type(part).__name__} where a {kind.__name__} is wanted"
            raise DataError(what, remedy="make the model again")
    if not isinstance(inferer.batch_size, int) or inferer.batch_size < 1:
        raise DataError(f"--window_batch_size is {inferer.batch_size}", remedy="give a whole number from 1")
    inferer.plan([64] * int(model.recipe["spatial_dims"]))


def recipe_parser(model: Model, overrides: Mapping[str, Any] | None = None) -> ConfigParser:
    """MONAI's parser of a recipe, with what a sweep has chosen and further values.

    Raises:
        DataError: an override names no value, or one that is settled by the training.
    """
    changed = dict(overrides or {})
    parser = ConfigParser(deepcopy(dict(model.recipe)))
    check_names(changed, list(model.recipe))
    settled = [name for name in changed if not is_choice(name.replace("#", "::"))]
    if settled:
        raise DataError(f"--{settled[0]} is settled: {model.source} was trained with its value", remedy="train another model with it")
    with building(model.source, COMPONENTS, {}):
        parser.update(dict(model.tuned))
    with building(model.source, COMPONENTS, changed):
        parser.update(changed)
    return parser


def _networks(models: Sequence[Model], network: nn.Module, device: torch.device) -> list[nn.Module]:
    made: list[nn.Module] = []
    most = 2 * sum(value.numel() * value.element_size() for value in network.state_dict().values()) + _MOST_NAMES
    order = memory_order(int(models[0].recipe["spatial_dims"]), device)  # in which convolutions sum in another order, too
    for model in models:
        for part in model.networks:
            if part.exported is not None:
                made.append(ExportedModule(part.exported))
                continue
            assert part.read is not None
            copy = deepcopy(network)
            give_weights(copy, part.read(most), model.source)
            made.append(copy.eval().to(device, memory_format=order))  # type: ignore[call-overload]
    return made
