"""Figures of each fold, and how they spread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from medtk_monai.metrics.match_table import MatchTable
from medtk_monai.metrics.resampling import plain
from medtk_monai.metrics.weighted import Compute


def fold_figures(table: MatchTable, folds: Sequence[int], figures: Mapping[str, Compute]) -> dict[str, Any]:
    """Each figure over the cases of each fold.

    Args:
        table: matches of all cases.
        folds: number of each case's fold.

    Returns:
        ``folds``, one entry for each with ``fold``, ``cases``, ``lesions`` and the figures, None where one is undefined; ``mean`` and
        ``std`` of each figure, over the folds where it is defined: std, of a sample, with at least two.
    """
    numbers = sorted(set(folds))
    members = np.equal.outer(numbers, np.asarray(folds)).astype(float)
    values = {name: np.asarray(figure(table, members), dtype=float) for name, figure in figures.items()}
    rows = [
        {"fold": fold, "cases": int(own.sum()), "lesions": int(table.lesions[own > 0].sum())}
        | {name: plain(float(value[place])) for name, value in values.items()}
        for place, (fold, own) in enumerate(zip(numbers, members))
    ]
    defined = {name: value[np.isfinite(value)] for name, value in values.items()}
    return {
        "folds": rows,
        "mean": {name: float(value.mean()) if len(value) else None for name, value in defined.items()},
        "std": {name: float(value.std(ddof=1)) if len(value) > 1 else None for name, value in defined.items()},
    }
