"""What a model tells about the findings of its networks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from medtk_monai.bundle import keys
from medtk_monai.bundle.parts import building
from medtk_monai.evaluation.errors.seen_images import DetectorParts, Margin
from medtk_monai.model import ModelSource


def read_detector_parts(source: ModelSource) -> DetectorParts:
    """Preprocessing, windows and assigner of a model, with the values of its training.

    Raises:
        DataError: a file is missing or broken, or an override names no value.
    """
    parser, _ = replace(source, device="cpu").parse(keys.ERRORS)
    with building(source.name, keys.ERRORS, source.overrides):
        return DetectorParts(*(parser.get_parsed_content(part) for part in keys.ERRORS))


def noted_margins(predictions: Sequence[Mapping[str, Any]]) -> dict[str, Margin]:
    """The margins of windows, by case id, that predictions were made with, as far as they tell."""
    looks = ((str(case["case_id"]), case.get("look")) for case in predictions)
    return {name: look["margin"] for name, look in looks if isinstance(look, dict) and _is_margin(look.get("margin"))}


def _is_margin(value: Any) -> bool:
    widths = value if isinstance(value, list) else [value]
    return bool(widths) and all(isinstance(width, int) and width >= 0 for width in widths)
