"""What inference uses of a bundle, as data: a configuration without expressions, which runs no code of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from inspect import Parameter, signature
from pydoc import locate
from typing import Any

import numpy as np
import torch
from monai.bundle import ConfigComponent, ConfigParser

from medtk_monai.bundle import keys
from medtk_monai.bundle.overrides import lay_over
from medtk_monai.digests import values_sha256
from medtk_monai.errors import DataError

COMPONENTS = (keys.NETWORK, keys.PREPROCESSING, keys.INFERER)
"""What inference is made of."""
TRAINED_WITH = (*keys.MATCHES, keys.COARSEST_STRIDE)
"""What audits, error analysis and exports take besides."""
VALUES = (
    "spatial_dims",
    "in_channels",
    "num_classes",
    "class_names",
    "precision",
    "label_pairs",
    "merge_iou",
    "label_map_kind",
    "min_volume_mm3",
    "max_volume_mm3",
    "point_radius_mm",
    "folds",
    "fold",
)
"""Further values that a model tells, as far as the bundle has them."""
CHOICES = (keys.SUPPRESSOR, keys.MERGE_IOU, "window_size", "window_batch_size", "margin", "precision")
"""What may be chosen anew for a trained network, besides the thresholds of a postprocessor."""
_OF_POSTPROCESSORS = ("score_threshold", "top_k", "max_detections")
_OF_TRUTH = ("class_names", "label_map_kind", "min_volume_mm3", "max_volume_mm3", "point_radius_mm", "folds", "fold", "precision")
"""What inference makes no use of, or what is of the machine."""
PARTS = (*COMPONENTS, *TRAINED_WITH, *VALUES)
"""What a recipe tells, with all that it refers to."""
_PRETRAINED = "pretrained"
_TARGET, _DISABLED, _MODE = "_target_", "_disabled_", "_mode_"


def make_recipe(config: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a bundle's configuration that inference uses, with all that it refers to, and nothing to evaluate.

    References (``@``) stay, so that values can be changed later; expressions (``$``) become their value, or a reference to the component
    that they give; disabled components go.

    Args:
        config: of a training, with all overlays and overrides.

    Returns:
        A configuration of plain values, components (``_target_``) and references, by the same ids.

    Raises:
        DataError: a part is missing, or an expression makes an object that no file can hold.
    """
    parser = ConfigParser(deepcopy(dict(config)))
    lay_over(parser, {"device": "cpu"})
    missing = [name for name in COMPONENTS if name not in parser]
    if missing:
        raise DataError(f"the configuration says nothing of {missing[0]!r}", remedy=f"a model is made of {', '.join(COMPONENTS)}")
    wanted = [name for name in PARTS if name in parser]
    with torch.random.fork_rng(devices=[]):  # what is built to look at must not change what a training draws
        parser.parse()
        return _Extraction(parser).run(wanted)


def recipe_sha256(recipe: Mapping[str, Any]) -> str:
    """Digest of all that inference uses, components included; values of the truth and of the machine do not count."""
    return values_sha256({name: value for name, value in recipe.items() if name not in _OF_TRUTH})


def differing_ids(first: Any, second: Any, prefix: str = "") -> list[str]:
    """The ids of the values in which two recipes differ, of those that inference uses."""
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        names = [name for name in {**first, **second} if prefix or name not in _OF_TRUTH]
        return [found for name in names for found in differing_ids(first.get(name), second.get(name), f"{prefix}{name}::")]
    if isinstance(first, list) and isinstance(second, list) and len(first) == len(second):
        return [found for i, pair in enumerate(zip(first, second)) for found in differing_ids(*pair, f"{prefix}{i}::")]
    return [] if first == second else [prefix.removesuffix("::")]


def is_choice(name: str) -> bool:
    """Whether a value may be chosen anew for a trained network."""
    parts = name.split("::")
    return parts[0] in CHOICES or name in _OF_TRUTH or name.startswith(keys.INFERER) or parts[-1] in _OF_POSTPROCESSORS


class _Extraction:
    """The way from a parsed configuration to its recipe."""

    def __init__(self, parser: ConfigParser):
        self.parser = parser
        self.waiting: list[str] = []

    def run(self, wanted: Sequence[str]) -> dict[str, Any]:
        """The recipe of some ids and all that they refer to."""
        found: dict[str, Any] = {}
        self.waiting = list(wanted)
        while self.waiting:
            name = self._whole(self.waiting.pop(0))
            if not any(name == known or name.startswith(f"{known}::") for known in found):
                found[name] = self._convert(self.parser[name], name)
        outer = {name: value for name, value in found.items() if not any(name.startswith(f"{other}::") for other in found)}
        order = {name: place for place, name in enumerate(self.parser.get())}
        recipe: dict[str, Any] = {}
        for name in sorted(outer, key=lambda name: (order[name.split("::")[0]], name)):
            _put(recipe, name.split("::"), outer[name])
        return recipe

    def _whole(self, name: str) -> str:
        """The list that a part is in, if it is in one; itself otherwise."""
        steps = name.split("::")
        place = next((i for i, step in enumerate(steps) if step.isdigit()), len(steps))
        return "::".join(steps[:place])

    def _convert(self, value: Any, name: str) -> Any:
        if isinstance(value, Mapping):
            return self._convert_mapping(value, name)
        if isinstance(value, list):
            parts = [(f"{name}::{i}", part) for i, part in enumerate(value)]
            return [self._convert(part, at) for at, part in parts if not self._is_disabled(part, at)]
        if isinstance(value, str) and value.startswith("$"):
            return self._evaluate(name, value)
        if isinstance(value, str) and value.startswith("@"):
            self.waiting.append(value[1:].replace("#", "::"))
        return value

    def _convert_mapping(self, value: Mapping[str, Any], name: str) -> dict[str, Any]:
        if value.get(_MODE, "default") != "default":
            raise DataError(f"{name} is a function, with {_MODE}", remedy="a model holds components alone: use a class instead")
        kept = {key: part for key, part in value.items() if key not in (_DISABLED, "_desc_", "_requires_")}
        parts = {key: (f"{name}::{key}", part) for key, part in kept.items()}
        made = {key: self._convert(part, at) for key, (at, part) in parts.items() if not self._is_disabled(part, at)}
        if _TARGET in made:
            made[_TARGET] = _full_name(value)
            made |= {key: False for key in (*made, *defaults_of(locate(made[_TARGET]))) if key == _PRETRAINED}  # it has weights of its own
        return made

    def _is_disabled(self, part: Any, name: str) -> bool:
        if not isinstance(part, Mapping) or _DISABLED not in part:
            return False
        return bool(self.parser.get_parsed_content(f"{name}::{_DISABLED}"))

    def _evaluate(self, name: str, text: str) -> Any:
        value = self.parser.get_parsed_content(name)
        if _is_plain(value):
            return _as_plain(value)
        made = self.parser.ref_resolver.resolved_content.items()
        for other, found in made:
            if found is value and other != name and isinstance(self.parser.get(other), Mapping):
                self.waiting.append(other)
                return f"@{other}"
        what = f"{name} is made by the expression {text!r}, which gives a {type(value).__name__}"
        raise DataError(what, remedy="a model holds no expressions: write it as a component with _target_, or as plain values")


def defaults_of(component: Any) -> dict[str, Any]:
    """The arguments that a component has unless they are given."""
    try:
        parameters = signature(component).parameters.values()
    except (TypeError, ValueError):
        return {}
    return {parameter.name: parameter.default for parameter in parameters if parameter.default is not Parameter.empty}


def _full_name(config: Mapping[str, Any]) -> str:
    """The name of a component with its module, which MONAI's short names lack."""
    return str(ConfigComponent(config=dict(config)).resolve_module_name())


def _put(recipe: dict[str, Any], steps: Sequence[str], value: Any) -> None:
    for step in steps[:-1]:
        recipe = recipe.setdefault(step, {})
    recipe[steps[-1]] = value


def _is_plain(value: Any) -> bool:
    if isinstance(value, Mapping):
        return all(isinstance(key, str) and _is_plain(part) for key, part in value.items())
    if isinstance(value, list | tuple | np.ndarray):
        return all(map(_is_plain, value))
    if isinstance(value, str):
        return not value.startswith(("$", "@", "%"))
    return value is None or isinstance(value, bool | int | float | np.integer | np.floating)


def _as_plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _as_plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [_as_plain(part) for part in value]
    return value.item() if isinstance(value, np.generic) else value
