"""What the commands that evaluate findings have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from medtk_monai.metrics import Rules

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


def read_points(fp_per_case: Numbers, sensitivity: Numbers) -> tuple[list[float], list[float]]:
    """Numbers of false positives per case, and sensitivities.

    Raises:
        DataError: one is no number, or out of range.
    """
    from medtk_monai.cli.words import words
    from medtk_monai.errors import DataError

    try:
        rates, shares = ([float(word) for word in words(value)] for value in (fp_per_case, sensitivity))
    except ValueError as error:
        raise DataError(str(error), remedy="give numbers to --fp_per_case and --sensitivity") from error
    if min(rates, default=0) < 0 or not all(0 < share <= 1 for share in shares):
        raise DataError("false positives per case cannot be negative, and sensitivities lie in (0, 1]", remedy="correct them")
    return rates, shares
