"""A cross-validation as plain text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from medtk_monai.crossval.collect import Collection
from medtk_monai.evaluation.printed import format_evaluation
from medtk_monai.tuning.printed import format_sweep


def format_collection(collection: Collection) -> str:
    """The sweep, the out-of-fold figures of the chosen setting, and those of each fold with the present setting."""
    goal = collection.folds["goal"]
    return "\n".join(
        [
            format_sweep(collection.sweep),
            "",
            "out-of-fold findings with the chosen setting (flattered: it was chosen on them):",
            format_evaluation(collection.chosen.summary),
            "",
            *_table("chosen", goal, collection.folds["chosen"]),
            "",
            *_table("present", goal, collection.folds["present"]),
        ]
    )


def _table(name: str, goal: str, figures: Mapping[str, Any]) -> list[str]:
    """One row for each fold, with their mean and standard deviation."""
    columns = list(dict.fromkeys([goal, "froc_mean", "ap"]))
    head = f"{name:>8}  {'cases':>5}  {'lesions':>7}  " + "  ".join(f"{column:>14}" for column in columns)
    rows = [f"{'fold ' + str(row['fold']):>8}  {row['cases']:>5}  {row['lesions']:>7}  {_values(row, columns)}" for row in figures["folds"]]
    ends = [f"{key:>8}  {'':>5}  {'':>7}  {_values(figures[key], columns)}" for key in ("mean", "std")]
    return [head, *rows, *ends]


def _values(row: Mapping[str, Any], columns: list[str]) -> str:
    return "  ".join(f"{'-' if row[column] is None else format(row[column], '.3f'):>14}" for column in columns)
