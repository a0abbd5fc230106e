"""Two detectors on the same patients."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from medtk_monai.digests import values_sha256
from medtk_monai.errors import DataError, existing_file
from medtk_monai.evaluation.evaluate import table_of
from medtk_monai.evaluation.match_file import MATCH_TABLE, Entry, read_matches, table_of_entries
from medtk_monai.evaluation.matching import join_cases, match_all
from medtk_monai.evaluation.result import METRICS
from medtk_monai.evaluation.truth import TruthCase
from medtk_monai.formats.cases import Case
from medtk_monai.json_files import read_json
from medtk_monai.metrics.figures import figures_of
from medtk_monai.metrics.match_table import MatchTable
from medtk_monai.metrics.resampling import compare, plain
from medtk_monai.metrics.rules import Rules, difference

_AGAIN = "evaluate both again by medtk evaluate --out, on one truth and with one --hit"
_THIRD = f"give folders that medtk evaluate --out wrote, or the {METRICS} in them; or predictions, and the datalist as a third argument"


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
    """Compare the findings of two detectors, see ``compare_tables``.

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
    return compare_tables(one, other, rules, num_draws, seed)


def compare_evaluations(first: str | os.PathLike, second: str | os.PathLike, num_draws: int = 1000, seed: int = 0) -> dict[str, Any]:
    """Compare two evaluations from what they wrote alone, see ``compare_tables``.

    Args:
        first, second: folders that ``Evaluation.write`` wrote, or the metrics.json in them.

    Raises:
        DataError: they count by different rules, or are of different cases, patients or objects; a file is missing, or of a release that
            did not tell of these.
    """
    told = [_read_metrics(path) for path in (first, second)]
    one, other = told
    names = [metrics["rules"].get("name") for metrics in told]
    if differing := difference(one["rules"], other["rules"]):
        raise DataError(f"{first} counts by {names[0]}, {second} by {names[1]}: {differing}", remedy=_AGAIN)
    for key, what in _TRUTH.items():
        if one["truth"].get(key) != other["truth"].get(key):
            values = f"{one['truth'].get(key)} and {other['truth'].get(key)}"
            raise DataError(f"{first} and {second} differ in their {what}: {values}", remedy=_AGAIN)
    entries = [_matches(path, metrics) for path, metrics in zip((first, second), told)]
    by_id = {case["case_id"]: case for case in entries[1]}
    classes = max(len(case["lesions"]) for cases in entries for case in cases)
    tables = [table_of_entries(cases, classes) for cases in (entries[0], [by_id[case["case_id"]] for case in entries[0]])]
    return compare_tables(tables[0], tables[1], Rules.read(one["rules"]), num_draws, seed)


_TRUTH = {
    "num_cases": "number of cases",
    "cases_sha256": "cases or patients (digests)",
    "num_objects": "number of objects",
    "objects_sha256": "objects (digests)",
}


def _matches(path: str | os.PathLike, metrics: Mapping[str, Any]) -> list[Entry]:
    """The matches beside a metrics.json, if they are those that it tells of."""
    file = _file(path).with_name(MATCH_TABLE)
    if values_sha256(entries := read_matches(file)) != metrics.get("matches_sha256"):
        raise DataError(f"{file} and the {METRICS} beside it do not belong together", remedy=_AGAIN)
    return entries


def compare_tables(first: MatchTable, second: MatchTable, rules: Rules, num_draws: int = 1000, seed: int = 0) -> dict[str, Any]:
    """Compare two detectors on the same cases: a paired bootstrap and a permutation test over patients, for each of ``figures_of``.

    Returns:
        Of each figure ``first``, ``second``, ``difference`` (second minus first), ``difference_interval`` and two-sided ``p_value``; None
        stands for what is undefined. The p-values are not corrected for their number.

    Raises:
        ValueError: the tables are of different cases.
    """
    result: dict[str, Any] = {
        "hit": rules.hit_name,
        "rules": rules.to_dict(),
        "num_cases": first.num_cases,
        "bootstrap": {"draws": num_draws, "seed": seed},
        "figures": {},
    }
    for name, figure in figures_of(rules).items():
        found = compare(first, second, figure.by(rules), num_draws, seed)
        told = {"first": plain(found.first), "second": plain(found.second)} | found.difference.to_dict("difference")
        result["figures"][name] = told | {"p_value": plain(found.p_value)}
    return result


def _file(path: str | os.PathLike) -> Path:
    return Path(path) / METRICS if Path(path).is_dir() else Path(path)


def _read_metrics(path: str | os.PathLike) -> dict[str, Any]:
    """The content of a metrics.json that tells its rules and its truth."""
    file = _file(path)
    existing_file(file, _THIRD)
    metrics = read_json(file, _THIRD, dict)
    if "froc" not in metrics:
        raise DataError(f"{file} is no {METRICS}", remedy=_THIRD)
    if not isinstance(metrics.get("rules"), dict) or not isinstance(metrics.get("truth"), dict):
        raise DataError(f"{file} does not tell its rules and its truth: an earlier release wrote it", remedy=_AGAIN)
    return metrics
