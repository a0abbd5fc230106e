"""The single figures of an evaluation, each declared here and nowhere else.

Whatever tells of figures reads them from ``figures_of``: metrics.json, the tables of the terminal, the report, TensorBoard, comparisons,
the goals of sweeps and the key metric of a training.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Flag, auto

import numpy as np

from medtk_monai.metrics.match_table import MatchTable
from medtk_monai.metrics.rules import Rules
from medtk_monai.metrics.weighted import (
    Compute,
    average_precisions,
    average_precisions_step,
    case_aurocs,
    froc_sensitivities,
    picai_scores,
)


class Trait(Flag):
    """What sets a figure apart."""

    NONE = 0
    CURVE = auto()
    """It is read off the FROC curve, so that the table of the curve tells it."""
    SHARE = auto()
    """It is a share of the lesions, which has an interval even where all draws agree."""
    MAIN = auto()
    """A training tells it after each validation, beside the key metric; the others are in TensorBoard below ``validation/``."""
    BY_CLASS = auto()
    """It is told of each class, too."""
    RANKED = auto()
    """It is told only where the rules rank by it."""


@dataclass(frozen=True)
class Figure:
    """One number that tells how good a detector is: the higher, the better.

    Args:
        key: in files, and as it is typed.
        label: in reports.
        short: in tables of the terminal.
        how: it is computed, in words.
        undefined: when it is.
        compute: of matches, weights (B, N) and rules, (B,); NaN where it is undefined.
        traits: what sets it apart.
        digits: after the point.
    """

    key: str
    label: str
    short: str
    how: str
    undefined: str
    compute: Callable[[MatchTable, np.ndarray, Rules], np.ndarray]
    traits: Trait = Trait.NONE
    digits: int = 3

    def by(self, rules: Rules) -> Compute:
        """The figure of matches and weights, by some rules."""
        return lambda table, weights: self.compute(table, weights, rules)

    def value(self, table: MatchTable, rules: Rules) -> float:
        """Of all cases; NaN where it is undefined."""
        return float(self.compute(table, np.ones((1, table.num_cases)), rules)[0])


FIGURES = (
    Figure(
        "sensitivity_at_1", "Sensitivity at 1 FP per case", "sensitivity at 1 FP per case",
        "read off the FROC curve", "no lesions",
        lambda table, weights, rules: froc_sensitivities(table, weights, [1.0], rules.interpolation)[:, 0],
        Trait.CURVE | Trait.SHARE | Trait.MAIN,
    ),
    Figure(
        "froc_mean", "Mean FROC sensitivity", "mean FROC sensitivity",
        "mean over the points at which the FROC curve is read off", "no lesions",
        lambda table, weights, rules: froc_sensitivities(table, weights, rules.fp_per_case, rules.interpolation).mean(axis=1),
        Trait.CURVE | Trait.MAIN,
    ),
    Figure(
        "ap", "Average precision", "AP",
        "mean of the best precision at 101 recalls or higher ones, as COCO, over classes with lesions", "no lesions",
        lambda table, weights, rules: average_precisions(table, weights),
        Trait.MAIN | Trait.BY_CLASS,
    ),
    Figure(
        "case_auroc", "Case AUROC", "case AUROC",
        "area under the ROC curve of cases with against cases without lesions, by the best score of each case",
        "needs cases with and without lesions",
        lambda table, weights, rules: case_aurocs(table, weights),
    ),
    Figure(
        "picai_score", "PI-CAI score", "PI-CAI score",
        "mean of the case AUROC and of AP that is not interpolated", "needs lesions, and cases without",
        lambda table, weights, rules: picai_scores(table, weights),
        Trait.RANKED,
    ),
    Figure(
        "picai_ap", "AP, not interpolated", "AP without interpolation",
        "sum over distinct scores of precision times the recall that is gained there, over classes with lesions", "no lesions",
        lambda table, weights, rules: average_precisions_step(table, weights),
        Trait.RANKED,
    ),
)  # fmt: skip


def figures_of(rules: Rules) -> dict[str, Figure]:
    """The figures that are told of an evaluation by some rules, by key."""
    return {figure.key: figure for figure in FIGURES if Trait.RANKED not in figure.traits or figure.key in rules.ranking}
