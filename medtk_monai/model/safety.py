"""What a model file may name: data and known components, nothing that runs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from monai.transforms import Transform
from torch import nn

from medtk_monai.bundle import keys
from medtk_monai.bundle.recipe import defaults_of
from medtk_monai.errors import DataError

_PARTS = ("anchors", "assigners", "coders", "detectors", "heads", "inferers", "losses", "networks", "samplers", "suppressors", "transforms")
"""Packages of ours whose classes a model is made of."""
_FUNCTIONS = ("medtk_monai.networks.measure_maps",)
"""Functions of ours that models name."""
_TRANSFORMS = ("compose", "croppad", "intensity", "signal", "spatial", "utility")
"""Modules of MONAI's transforms that neither read nor write files."""
_RUNNERS = re.compile(r"(Rand)?(Lambda|TorchVision|TorchIO|CuCIM|SimulateDelay|ImageFilter)(d|D|Dict)?$")
"""MONAI's transforms that run functions or other packages by their name."""
_REACHING = re.compile(r"pretrained|checkpoint|url|path|file|folder|dir$|reader|writer")
"""Arguments by which MONAI's networks and transforms reach out for files."""
_TUNED = (keys.SCORE_THRESHOLD, keys.MAX_DETECTIONS, keys.MERGE_IOU)
_DEEPEST = 50
_REFERENCE = re.compile(r"@\w+(::\w+)*")
_TARGET = "_target_"


def check_recipe(recipe: Any, source: str, trust: bool = False) -> None:
    """Refuse what would run code: expressions, functions, and components of other packages.

    Allowed are networks of torch and MONAI, MONAI's transforms but for those that read, write or run anything, and the parts of this
    package; references from one value to another; and plain values.

    Args:
        recipe: of a model, see ``make_recipe``.
        source: file that it is from.
        trust: components of any package are taken, expressions are not.

    Raises:
        DataError: it holds something else.
    """
    if not isinstance(recipe, dict):
        raise DataError(f"{source} holds no configuration", remedy="make the model again")
    _check(recipe, "", source, trust)


def check_tuned(tuned: Any, source: str, trust: bool = False) -> None:
    """Refuse values of a sweep other than a suppressor, and numbers of the postprocessor.

    Raises:
        DataError: there is something else.
    """
    if not isinstance(tuned, dict):
        raise DataError(f"{source}: what was tuned is no dictionary", remedy="make the model again")
    for name, value in tuned.items():
        if name == keys.SUPPRESSOR:
            check_recipe(value, source, trust)
        elif name not in _TUNED or isinstance(value, bool) or not isinstance(value, int | float):
            raise DataError(f"{source}: {name!r} is none of what a sweep chooses", remedy=_remedy(False))


def _check(value: Any, name: str, source: str, trust: bool) -> None:
    if name.count("::") > _DEEPEST:
        raise DataError(f"{source}: its configuration is nested too deeply", remedy=_remedy(False))
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str) or key.startswith("_") and key != _TARGET or "::" in key or "#" in key:
                raise DataError(f"{source}: {key!r} may not be in a model", remedy=_remedy(False))
        if _TARGET in value:
            _check_component(value, source, trust)
        for key, part in value.items():
            _check(part, f"{name}::{key}", source, trust)
    elif isinstance(value, list):
        for i, part in enumerate(value):
            _check(part, f"{name}::{i}", source, trust)
    elif not (value is None or isinstance(value, str | bool | int | float)):
        raise DataError(f"{source}: {name.strip(':')} is a {type(value).__name__}", remedy=_remedy(False))
    elif isinstance(value, str) and (value.startswith(("$", "%")) or value.startswith("@") and not _REFERENCE.fullmatch(value)):
        raise DataError(f"{source}: {name.strip(':')} is an expression, {value[:60]!r}: a model runs no code", remedy=_remedy(False))


def _check_component(config: Mapping[str, Any], source: str, trust: bool) -> None:
    target = config[_TARGET]
    found = _find(target, source, trust)
    if trust:
        return
    if target not in _FUNCTIONS and not (isinstance(found, type) and _is_known(found)):
        raise DataError(f"{source} names {target!r}, which is no part that models are made of", remedy=_remedy(True))
    if not found.__module__.startswith("medtk_monai."):
        given = {**defaults_of(found), **config}
        reaching = [key for key, part in given.items() if _REACHING.search(key) and part]
        if reaching:
            raise DataError(f"{source}: {target} would reach out for files by {reaching[0]!r}", remedy=_remedy(True))


def _find(target: Any, source: str, trust: bool) -> Any:
    """What a full name stands for; nothing is imported but modules of known packages, unless trusted."""
    module, _, name = target.rpartition(".") if isinstance(target, str) else ("", "", "")
    if not module or not all(part.isidentifier() for part in target.split(".")):
        raise DataError(f"{source} names {target!r}, which is no component", remedy=_remedy(False))
    if not trust and not _is_known_module(module):
        raise DataError(f"{source} names {target!r}, a component of another package than MONAI, torch and this one", remedy=_remedy(True))
    try:
        return getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise DataError(f"{source} names {target!r}, which is not to be found: {error}", remedy="install what it is of") from error


def _is_known_module(module: str) -> bool:
    parts = module.split(".")
    if parts[0] == "medtk_monai":
        return len(parts) > 1 and parts[1] in _PARTS
    return parts[:2] in (["torch", "nn"], ["monai", "networks"], ["monai", "transforms"])


def _is_known(found: type) -> bool:
    parts = found.__module__.split(".")
    if parts[0] == "medtk_monai":
        return parts[1] in _PARTS
    if issubclass(found, nn.Module):
        return parts[:3] == ["torch", "nn", "modules"] or parts[:2] == ["monai", "networks"]
    is_transform = issubclass(found, Transform) and parts[:2] == ["monai", "transforms"] and parts[2] in _TRANSFORMS
    return is_transform and not _RUNNERS.match(found.__name__)


def _remedy(may_trust: bool) -> str:
    return "do not use models of strangers" + (", or give --trust if you know who made it" if may_trust else "")
