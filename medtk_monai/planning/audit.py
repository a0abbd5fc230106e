"""Whether the priors of a configuration match the objects of its data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from monai.bundle import ConfigParser

from medtk_monai.anchors import PriorGenerator
from medtk_monai.assigners import Assigner
from medtk_monai.bundle import keys
from medtk_monai.bundle.overrides import lay_over, read_config
from medtk_monai.bundle.parts import building
from medtk_monai.data import locate_datalist, select_cases
from medtk_monai.data.selection import TRAINING
from medtk_monai.detectors.coverage import match_objects, summarize, untaught_share
from medtk_monai.errors import DataError
from medtk_monai.model import ModelSource
from medtk_monai.structures import Target

_ENOUGH_SHARE = 0.9


def audit_files(config_files: Sequence[str], overrides: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """How many priors learn the training objects of each size: each is assigned in a patch around it.

    Args:
        config_files: of a bundle, which lie over one another.
        overrides: further values of the configuration.

    Returns:
        See ``medtk_monai.detectors.coverage.summarize``; and ``untaught``: by case id the share of its image that teaches nothing,
        since ignored objects cover it, of cases that have such.

    Raises:
        DataError: there is no such file, an override names no value of the configuration, or the data is wrong.
    """
    values = dict(overrides or {})
    parser = read_config(list(config_files), values, "give the path of the bundle's train.json")
    return _audit(parser, values)


def audit_model(source: ModelSource) -> dict[str, Any]:
    """As ``audit_files``, of the priors that a model was trained with, on the training cases of a datalist.

    Args:
        source: whose overrides tell the "datalist", or the "dataset_dir" that it is in.

    Raises:
        DataError: a wrong model, no datalist, or the data is wrong.
    """
    where = {name: source.overrides[name] for name in keys.OF_DATA if name in source.overrides}
    if not where:
        raise DataError("no datalist is given", remedy="a model does not hold its data: name it by --datalist or --dataset_dir")
    values = {name: value for name, value in source.overrides.items() if name not in where}
    parser, _ = replace(source, overrides=values).parse(keys.MATCHES)
    with building(source.name, keys.MATCHES, values):
        generator, assigner, patch_size = (parser.get_parsed_content(name) for name in keys.MATCHES)
        prepare = parser.get_parsed_content(keys.PREPROCESSING)
    radius = parser.get("point_radius_mm")
    data = locate_datalist(where.get("dataset_dir"), where.get("datalist"), output_dir="")
    cases = select_cases(data, TRAINING, dataset_dir=where.get("dataset_dir"), point_radius_mm=radius)
    return _report(generator, assigner, ((str(case["case_id"]), prepare(case)["target"]) for case in cases), patch_size)


def is_enough(report: Mapping[str, Any]) -> bool:
    """Whether every object is learnt by a prior, and nine of ten objects of each size by at least three."""
    return not report["unmatched"] and all(part["enough"] >= _ENOUGH_SHARE for part in report["bins"])


def _audit(parser: ConfigParser, values: Mapping[str, Any]) -> dict[str, Any]:
    lay_over(parser, {"cache_dir": None} | dict(values))  # a report leaves no prepared cases behind
    generator, assigner, patch_size = (parser.get_parsed_content(name) for name in keys.MATCHES)
    cases = ((str(item["case_id"]), item["target"]) for item in parser.get_parsed_content(keys.TRAINING_SET))
    return _report(generator, assigner, cases, patch_size)


def _report(
    generator: PriorGenerator, assigner: Assigner, cases: Iterable[tuple[str, Target]], patch_size: int | Sequence[int]
) -> dict[str, Any]:
    shares: dict[str, float] = {}

    def seen() -> Iterator[tuple[str, Target]]:
        for case, target in cases:
            shares[case] = untaught_share(target)
            yield case, target

    report = summarize(match_objects(generator, assigner, seen(), patch_size), generator.strides)
    return report | {"untaught": {case: share for case, share in shares.items() if share}}
