"""The figure that settings and checkpoints are chosen by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from medtk_monai.metrics.excuse import COVER
from medtk_monai.metrics.figures import figures_of
from medtk_monai.metrics.hits import IoUHit
from medtk_monai.metrics.match_table import MatchTable
from medtk_monai.metrics.matching import ONE_TO_ONE
from medtk_monai.metrics.rules import Rules
from medtk_monai.metrics.weighted import Compute, average_precisions, froc_sensitivities


@dataclass(frozen=True)
class Goal:
    """What is to be as high as possible.

    Args:
        name: as it was typed.
        rules: how findings are matched.
        figure: of the table of matches.
        fp_per_case: at which the detector is to be used.
    """

    name: str
    rules: Rules
    figure: Compute
    fp_per_case: float = 1.0

    def value(self, table: MatchTable) -> float:
        """Of all cases; NaN where it is undefined."""
        return float(self.figure(table, np.ones((1, table.num_cases)))[0])


def parse_goal(text: str, rules: Rules) -> Goal:
    """The goal that a word names, with the rules of matching: the key of a figure, or one at a number, as sensitivity@2 or ap@0.5.

    Raises:
        ValueError: the word is not known, or its number out of range.
    """
    name, at, number = str(text).partition("@")
    if not at and name in (known := figures_of(rules)):
        return Goal(text, rules, known[name].by(rules))
    if name in _AT and _is_number(number):
        return _AT[name](text, float(number), rules)
    choices = f"sensitivity@1 (false positive per case), ap@0.5 (IoU), {', '.join(figures_of(rules))}"
    raise ValueError(f"{text!r} is no figure: choose from {choices}")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _sensitivity_at(text: str, rate: float, rules: Rules) -> Goal:
    if not 0 < rate < np.inf:
        raise ValueError(f"{text!r}: false positives per case must be positive")

    def figure(table: MatchTable, weights: np.ndarray) -> np.ndarray:
        return froc_sensitivities(table, weights, [rate], rules.interpolation)[:, 0]

    return Goal(text, rules, figure, rate)


def _ap_at(text: str, iou: float, rules: Rules) -> Goal:
    own = replace(rules, hit=IoUHit(iou), pairing=ONE_TO_ONE, excuse=COVER, name=f"{rules.name}, {text}")
    return Goal(text, own, average_precisions)


_AT: dict[str, Callable[[str, float, Rules], Goal]] = {"sensitivity": _sensitivity_at, "ap": _ap_at}
