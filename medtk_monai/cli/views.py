"""Views of a scan as they are typed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from medtk_monai.prediction import ViewOptions


def read_views(tta: int | bool, tta_scales: float | Sequence[float], budget: float | None = None) -> ViewOptions:
    """The views that ``--tta``, ``--tta_scales`` and ``--budget`` ask for.

    Raises:
        DataError: one is no number, or out of range.
    """
    from medtk_monai.cli.words import words
    from medtk_monai.errors import DataError
    from medtk_monai.prediction import ViewOptions

    try:
        mirrors, scales = 8 if tta is True else int(tta), tuple(map(float, words(tta_scales)))
        return ViewOptions(mirrors, scales, None if budget is None else float(budget))
    except (TypeError, ValueError) as error:
        raise DataError(str(error), remedy="give whole numbers from 1 to --tta, numbers to --tta_scales, seconds to --budget") from error
