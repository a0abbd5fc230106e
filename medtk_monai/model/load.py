"""From a model to the parts that find objects in scans."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

import torch
from monai.bundle import ConfigParser
from torch import nn

from medtk_monai.bundle import keys
from medtk_monai.bundle.overrides import check_names
from medtk_monai.bundle.parts import BundleParts, ExportedModule, building, merge_iou_of
from medtk_monai.bundle.recipe import COMPONENTS, SETTLED, recipe_sha256
from medtk_monai.bundle.weights import give_weights
from medtk_monai.engines.devices import check_device
from medtk_monai.engines.precision import resolve_precision
from medtk_monai.engines.steps import memory_order
from medtk_monai.errors import DataError
from medtk_monai.model.model import Model


def build_parts(models: Sequence[Model], device: str | None = None, overrides: Mapping[str, Any] | None = None) -> BundleParts:
    """Networks with their weights, inferer and preprocessing of one model, or of several that look at images alike.

    Args:
        device: cpu, cuda or cuda:1; None for the GPU if there is one.
        overrides: values of the recipe to change, by their ids; they lie over what a sweep has chosen.

    Raises:
        DataError: models that differ in more than weights, weights of another network, or an override that cannot be.
    """
    first = models[0]
    for other in models[1:]:
        if recipe_sha256(other.recipe) != recipe_sha256(first.recipe):
            what = f"{first.source} and {other.source} look at images, or find objects, in different ways"
            raise DataError(what, remedy="an ensemble is made of models that differ in their weights alone")
    where = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    check_device(where)
    parser = recipe_parser(first, overrides)
    with building(first.source, COMPONENTS, overrides or {}):
        network = parser.get_parsed_content(COMPONENTS[0])
        preprocessing, inferer = (parser.get_parsed_content(name) for name in COMPONENTS[1:])
        precision = resolve_precision(parser.get("precision", "auto"), where)
        label_pairs, merge_iou = parser.get_parsed_content(keys.LABEL_PAIRS, default=[]), merge_iou_of(parser)
    networks = _networks(models, network, where)
    names = tuple(map(str, parser.get(keys.CLASS_NAMES) or ()))
    return BundleParts(networks, inferer, preprocessing, where, precision, label_pairs, first.fingerprint, names, merge_iou)


def recipe_parser(model: Model, overrides: Mapping[str, Any] | None = None) -> ConfigParser:
    """MONAI's parser of a recipe, with what a sweep has chosen and further values.

    Raises:
        DataError: an override names no value, or one that is settled by the training.
    """
    changed = dict(overrides or {})
    parser = ConfigParser(deepcopy(dict(model.recipe)))
    check_names(changed, [name for name in model.recipe if name != SETTLED])
    settled = [name for name in changed if name.split("::")[0] in model.recipe.get(SETTLED, ())]
    if settled:
        raise DataError(f"--{settled[0]} is settled: {model.source} was trained with its value", remedy="train another model with it")
    with building(model.source, COMPONENTS, changed):
        parser.update({**model.tuned, **changed})
    return parser


def _networks(models: Sequence[Model], network: nn.Module, device: torch.device) -> list[nn.Module]:
    made: list[nn.Module] = []
    order = memory_order(int(models[0].recipe["spatial_dims"]), device)  # in which convolutions sum in another order, too
    for model in models:
        for part in model.networks:
            if part.exported is not None:
                made.append(ExportedModule(part.exported))
                continue
            assert part.read is not None
            copy = deepcopy(network)
            give_weights(copy, part.read(), model.source)
            made.append(copy.eval().to(device, memory_format=order))  # type: ignore[call-overload]
    return made
