"""Two detectors on the same patients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from medtk_monai.evaluation.evaluate import table_of
from medtk_monai.evaluation.matching import join_cases, match_all
from medtk_monai.evaluation.truth import TruthCase
from medtk_monai.formats.cases import Case
from medtk_monai.metrics.match_table import MatchTable
from medtk_monai.metrics.resampling import compare
from medtk_monai.metrics.rules import Rules
from medtk_monai.metrics.summary import figures, plain


def compare_files(
    first: Sequence[Case],
    second: Sequence[Case],
    truths: Sequence[TruthCase],
    rules: Rules | None = None,
    sources: tuple[str, str] = ("the first predictions", "the second predictions"),
    allow_missing: bool = False,
    num_draws: int = 1000,
    seed: int = 0,
) -> dict[str, Any]:
    """Compare the findings of two detectors: a paired bootstrap and a permutation test over patients, for each of ``figures``.

    Returns:
        Of each figure ``first``, ``second``, ``difference`` (second minus first), ``difference_interval`` and two-sided ``p_value``; None
        stands for what is undefined. The p-values are not corrected for their number.

    Raises:
        DataError: predictions and truth do not fit together.
    """
    rules = rules or Rules()

    def table(cases: Sequence[Case], source: str) -> MatchTable:
        joined = join_cases(cases, truths, source, allow_missing)
        return table_of(joined, match_all(joined, rules), num_classes)

    labels = [label for cases in (first, second) for case in cases for label in case["labels"]]
    labels += [label for truth in truths for label in truth.labels.tolist()]
    num_classes = max(labels, default=0) + 1
    one, other = (table(cases, source) for cases, source in zip((first, second), sources))
    result: dict[str, Any] = {
        "hit": rules.hit_name,
        "num_cases": one.num_cases,
        "bootstrap": {"draws": num_draws, "seed": seed},
        "figures": {},
    }
    for name, figure in figures(rules).items():
        found = compare(one, other, figure, num_draws, seed)
        result["figures"][name] = {
            "first": plain(found.first),
            "second": plain(found.second),
            "difference": plain(found.difference.value),
            "difference_interval": [plain(found.difference.low), plain(found.difference.high)],
            "p_value": plain(found.p_value),
        }
    return result
