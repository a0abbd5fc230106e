"""The range of scans that a network was trained on, and whether another scan lies in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from medtk_monai.errors import DataError
from medtk_monai.transforms.scan_facts import PERCENTILES

_SLACK = {"spacing": 1.2, "size": 1.5}
"""Factor by which a scan may lie outside the range."""
_UNITS = {"spacing": "mm", "size": "voxels"}


def fingerprint_of(items: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The ranges of the scans' facts (see ``scan_facts``) over prepared cases: ``{"num_cases": N, "spacing": {"min": [...], "max": [...]}, ...}``.

    Args:
        items: with ``scan_facts``, as LoadCased gives them; others are passed over.
    """
    facts = [item["scan_facts"] for item in items if item.get("scan_facts")]
    ranges = {}
    if facts:
        for key in ("spacing", "size", "intensity"):
            values = np.array([fact[key] for fact in facts])
            ranges[key] = {"min": values.min(axis=0).tolist(), "max": values.max(axis=0).tolist()}
    return {"num_cases": len(facts), **ranges}


def check_ranges(fingerprint: Any, source: str) -> None:
    """Refuse ranges that ``fingerprint_of`` has not told.

    Raises:
        DataError: they are something else.
    """
    try:
        for key in ("spacing", "size", "intensity"):
            if key in fingerprint:
                low, high = (np.array(fingerprint[key][end], dtype=float) for end in ("min", "max"))
                if low.shape != high.shape or low.ndim != 1:
                    raise ValueError(f"{key} has {low.shape} and {high.shape} numbers")
    except (TypeError, ValueError, KeyError) as error:
        raise DataError(f"{source}: the ranges of its training scans are broken: {error}", remedy="make the model again") from error


def unusual(facts: Mapping[str, Any], fingerprint: Mapping[str, Any]) -> list[str]:
    """What about a scan lies outside the range of the training scans, a sentence each.

    Spacing may lie outside by a fifth, size by half, intensity percentiles by as much as the training scans' own differ, or a tenth of
    their contrast.
    """
    found = []
    for key, slack in _SLACK.items():
        if key not in fingerprint or len(facts[key]) != len(fingerprint[key]["min"]):
            continue
        low, high, values = (np.array(part, dtype=float) for part in (fingerprint[key]["min"], fingerprint[key]["max"], facts[key]))
        if (values < low / slack).any() or (values > high * slack).any():
            found.append(f"{key} {_show(values)} {_UNITS[key]}, in training {_show(low)} to {_show(high)}")
    if "intensity" in fingerprint:
        low, high, values = (
            np.array(part) for part in (fingerprint["intensity"]["min"], fingerprint["intensity"]["max"], facts["intensity"])
        )
        reach = np.maximum(high - low, 0.1 * (high[-1] - low[0]))
        wrong = np.flatnonzero((values < low - reach) | (values > high + reach))
        if len(wrong):
            i = wrong[0]
            found.append(f"intensity: percentile {PERCENTILES[i]:g} is {values[i]:.4g}, in training {low[i]:.4g} to {high[i]:.4g}")
    return found


def _show(values: np.ndarray) -> str:
    return " x ".join(f"{value:.3g}" if value % 1 else f"{value:.0f}" for value in values)
