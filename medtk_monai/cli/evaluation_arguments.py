"""What the commands that evaluate findings have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from medtk_monai.metrics import Goal, OperatingPoint, Rules, Wanted

Numbers = float | Sequence[float]


def read_rules(hit: str, bootstraps: int, least: int = 0) -> Rules:
    """The rules that ``--hit`` names.

    Raises:
        DataError: it names none, or there are fewer than ``least`` bootstraps.
    """
    from medtk_monai.errors import DataError
    from medtk_monai.metrics.rules import parse_rules

    if bootstraps < least:
        raise DataError(f"--bootstraps is {bootstraps}", remedy=f"it cannot be negative: give {least} or more")
    try:
        return parse_rules(hit)
    except ValueError as error:
        raise DataError(str(error), remedy="choose another --hit") from error


def read_goal(figure: str, hit: str, bootstraps: int) -> Goal:
    """The figure that ``--figure`` names, by the rules of ``--hit``.

    Raises:
        DataError: one of them is unknown, or there are no bootstraps.
    """
    from medtk_monai.errors import DataError
    from medtk_monai.metrics import parse_goal

    try:
        return parse_goal(figure, read_rules(hit, bootstraps, least=1))
    except ValueError as error:
        raise DataError(str(error), remedy="choose another --figure") from error


def read_wanted(
    fp_per_case: Numbers, sensitivity: Numbers, threshold: Numbers, thresholds_from: str | None, source: str | None = None
) -> tuple[Wanted, dict[str, OperatingPoint]]:
    """The operating points to tell of, and those of the validation whose thresholds are among them, as they were there.

    Args:
        source: name of that validation; that of the folder of its file unless given.

    Raises:
        DataError: a number is none, or out of range, or there are no operating points in the file.
    """
    from medtk_monai.cli.words import words
    from medtk_monai.errors import DataError
    from medtk_monai.evaluation.evaluate import Wanted, read_operating_points
    from medtk_monai.metrics.thresholds import typed_threshold

    try:
        rates, shares, scores = ([float(word) for word in words(value)] for value in (fp_per_case, sensitivity, threshold))
    except ValueError as error:
        raise DataError(str(error), remedy="give numbers to --fp_per_case, --sensitivity and --threshold") from error
    if min(rates, default=0) < 0 or not all(0 < share <= 1 for share in shares):
        raise DataError("false positives per case cannot be negative, and sensitivities lie in (0, 1]", remedy="correct them")
    validated = read_operating_points(thresholds_from, source) if thresholds_from else {}
    thresholds = {f"score {value:g}": typed_threshold(value) for value in scores}
    thresholds |= {name: point.threshold for name, point in validated.items()}
    return Wanted(rates, shares, thresholds), validated
