"""What a bundle tells about the findings of its networks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from medtk_monai.evaluation.errors.seen_images import DetectorParts, Margin


def read_detector_parts(bundle: str, checkpoints: Sequence[str], overlays: Sequence[str], overrides: Mapping[str, Any]) -> DetectorParts:
    """Preprocessing, windows and assigner of a bundle, with the values that its checkpoint notes.

    Raises:
        DataError: a file is missing or broken, or an override names no value.
    """
    from medtk_monai.bundle.keys import ERRORS
    from medtk_monai.bundle.parts import building, parse_bundle
    from medtk_monai.evaluation.errors.seen_images import DetectorParts

    parser, _ = parse_bundle(bundle, checkpoints, overlays, "cpu", overrides, ERRORS)
    with building(bundle, ERRORS, overrides):
        preprocessing, inferer, criterion, patch = (parser.get_parsed_content(part) for part in ERRORS)
    return DetectorParts(preprocessing, inferer, criterion.assigner, patch)


def noted_margins(predictions: Sequence[Mapping[str, Any]]) -> dict[str, Margin]:
    """The margins of windows, by case id, that predictions were made with, as far as they tell."""
    looks = ((str(case["case_id"]), case.get("look")) for case in predictions)
    return {name: look["margin"] for name, look in looks if isinstance(look, dict) and _is_margin(look.get("margin"))}


def _is_margin(value: Any) -> bool:
    widths = value if isinstance(value, list) else [value]
    return bool(widths) and all(isinstance(width, int) and width >= 0 for width in widths)
