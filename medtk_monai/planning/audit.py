"""Whether the priors of a configuration match the objects of its data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from monai.bundle import ConfigParser

from medtk_monai.bundle.overrides import read_config
from medtk_monai.detectors.coverage import match_objects, summarize
from medtk_monai.model import ModelSource

CRITERION, CASES, PATCH_SIZE = "dense_criterion", "train::dataset", "patch_size"
"""What an audit takes from a configuration."""
_ENOUGH_SHARE = 0.9


def audit_files(config_files: Sequence[str], overrides: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """How many priors learn the training objects of each size: each is assigned in a patch around it.

    Args:
        config_files: of a bundle, which lie over one another.
        overrides: further values of the configuration.

    Returns:
        See ``medtk_monai.detectors.coverage.summarize``.

    Raises:
        DataError: there is no such file, an override names no value of the configuration, or the data is wrong.
    """
    values = dict(overrides or {})
    parser = read_config(list(config_files), values, "give the path of the bundle's train.json")
    return _audit(parser, values)


def audit_model(source: ModelSource) -> dict[str, Any]:
    """As ``audit_files``, of the configuration that a model was trained with.

    Raises:
        DataError: a wrong model, or the data is wrong.
    """
    parser, _ = source.parse((CRITERION, CASES, PATCH_SIZE))
    return _audit(parser, source.overrides)


def is_enough(report: Mapping[str, Any]) -> bool:
    """Whether every object is learnt by a prior, and nine of ten objects of each size by at least three."""
    return not report["unmatched"] and all(part["enough"] >= _ENOUGH_SHARE for part in report["bins"])


def _audit(parser: ConfigParser, values: Mapping[str, Any]) -> dict[str, Any]:
    parser.update({"cache_dir": None} | dict(values))  # a report leaves no prepared cases behind
    criterion = parser.get_parsed_content(CRITERION)
    cases = ((str(item["case_id"]), item["target"]) for item in parser.get_parsed_content(CASES))
    matches = match_objects(criterion.generator, criterion.assigner, cases, parser.get_parsed_content(PATCH_SIZE))
    return summarize(matches, criterion.generator.strides)
