"""match_table.json: the matches of an evaluation, case by case, from which every figure can be computed again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from medtk_monai.atomic import write_text_atomically
from medtk_monai.errors import DataError, existing_file
from medtk_monai.json_files import read_json
from medtk_monai.metrics.match_table import MatchTable
from medtk_monai.metrics.resampling import plain

MATCH_TABLE = "match_table.json"
FORMAT = "medtk_monai matches"
VERSION = 1
_AGAIN = "evaluate again by medtk evaluate --out"
Entry = Mapping[str, Any]
"""A case: ``case_id``, ``patient_id``, ``lesions`` of each class, ``case_score``, and of each found lesion and false positive ``scores``,
``is_tp`` and ``labels``."""


def entries_of(table: MatchTable, names: Sequence[tuple[str, str]]) -> list[Entry]:
    """The cases of a table, as ``table_of_entries`` takes them.

    Args:
        names: case id and patient of each case.
    """
    ends = np.searchsorted(table.cases, np.arange(len(names) + 1))  # rows stand in the order of the cases
    parts = {name: getattr(table, name).tolist() for name in ("scores", "is_tp", "labels")}
    return [
        {"case_id": case_id, "patient_id": patient, "lesions": lesions, "case_score": plain(score)}
        | {name: values[first:last] for name, values in parts.items()}
        for (case_id, patient), lesions, score, first, last in zip(names, table.lesions.tolist(), table.case_scores, ends[:-1], ends[1:])
    ]


def write_matches(path: Path, entries: Sequence[Entry]) -> None:
    """Write the cases of a table, one a line; the file appears whole or not at all."""
    lines = ",\n".join(json.dumps(entry, allow_nan=False) for entry in entries)
    write_text_atomically(path, f'{{"format": "{FORMAT}", "version": {VERSION}, "cases": [\n{lines}\n]}}\n')


def read_matches(path: Path) -> list[Entry]:
    """The cases of a match_table.json, see ``table_of_entries``.

    Raises:
        DataError: there is no such file, or it is damaged.
    """
    existing_file(path, "evaluate again by medtk evaluate --out, which writes it beside metrics.json")
    document = read_json(path, _AGAIN, dict)
    try:
        if (document["format"], document["version"]) != (FORMAT, VERSION):
            raise ValueError(f"it is {document['format']}, version {document['version']}")
        table_of_entries(document["cases"])
        return [dict(case) for case in document["cases"]]
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise DataError(f"{path} cannot be read: {error!r}", remedy=_AGAIN) from error


def table_of_entries(cases: Sequence[Entry], num_classes: int = 0) -> MatchTable:
    """The table of some cases, in their order.

    Args:
        num_classes: at least; more where the cases have lesions of more.
    """
    width = max([num_classes, *(len(case["lesions"]) for case in cases)])
    lesions = [[*case["lesions"], *[0] * (width - len(case["lesions"]))] for case in cases]
    counts = [len(case["scores"]) for case in cases]

    def joined(name: str, kind: type) -> np.ndarray:
        return np.array([value for case in cases for value in case[name]], dtype=kind)

    return MatchTable(
        joined("scores", float),
        joined("is_tp", bool),
        joined("labels", int),
        np.repeat(np.arange(len(cases)), counts),
        np.array(lesions, dtype=np.int64).reshape(len(cases), width),
        np.array([-np.inf if case["case_score"] is None else case["case_score"] for case in cases], dtype=float),
        np.unique([case["patient_id"] for case in cases], return_inverse=True)[1],
    )
