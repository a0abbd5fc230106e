"""Tables of cases in CSV and TSV files."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from medtk_monai.errors import DataError
from medtk_monai.formats.values import parse_number

TABLES = ("manifest.csv", "participants.tsv")
"""Names of tables that are read without being named."""
_PATIENT = ("patient_id", "patient", "participant_id", "subject", "subject_id")
_RESERVED = (
    *("image", "case_id", "patient_id", "boxes", "box", "labels", "label", "label_map", "space", "direction", "ignored"),
    *("points", "radii", "segmentation", "target", "mask", "world_boxes", "affine"),
)
"""Names that mean something else in a datalist."""


def read_table(path: Path, needed: Sequence[str] = ()) -> list[dict[str, str]]:
    """The rows of a CSV file, or a TSV file by its suffix, without blanks around names and values.

    Raises:
        DataError: it cannot be read, lacks one of the columns that are needed, or a row has more or fewer values than the first.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, delimiter="\t" if path.suffix.lower() == ".tsv" else ",", strict=True)
            names, rows = [name.strip() for name in reader.fieldnames or ()], list(reader)
    except (OSError, csv.Error, UnicodeDecodeError) as error:
        raise DataError(f"{path} is not a table that can be read: {error}", remedy="write it again, in UTF-8") from error
    missing = [name for name in needed if name not in names]
    if missing or not names:
        raise DataError(f"{path} lacks the columns {', '.join(missing)}" if names else f"{path} is empty", remedy="download it again")
    for number, row in enumerate(rows, 2):
        if None in row or None in row.values():
            raise DataError(f"{path}, row {number}: values do not fit the columns", remedy="correct the row")
    return [{name.strip(): value.strip() for name, value in row.items()} for row in rows]


def table_columns(row: Mapping[str, str], but: tuple[str, ...] = ()) -> dict[str, Any]:
    """The values of a row as numbers or text; without empty ones, and names that mean something else in a datalist."""
    kept = {key: value.strip() for key, value in row.items() if key and key not in (*_RESERVED, *but) and not key.startswith("image_")}
    return {key: typed(value) for key, value in kept.items() if value not in ("", "n/a", "N/A", "NaN", "nan")}


def typed(text: str) -> int | float | str:
    """A number where the text is one as it would be printed: "007" stays text."""
    number = parse_number(text)
    if number is None:
        return text
    if text.lstrip("-").isdecimal():
        return int(text) if str(int(text)) == text else text
    return number


def rows_of_cases(path: Path, cases: list[str]) -> dict[str, dict[str, str]]:
    """Case id -> its row: of the first column that holds the id of every case.

    Raises:
        DataError: there is no such column, or it repeats a case.
    """
    rows = read_table(path)
    for name in rows[0] if rows else ():
        by_id = {row[name]: row for row in rows}
        if set(cases) <= set(by_id):
            if len(by_id) < len(rows) and sum(row[name] in cases for row in rows) > len(cases):
                raise DataError(f"{path} has several rows of a case in column {name!r}", remedy="keep one row for each")
            return {case: by_id[case] for case in cases}
    raise DataError(
        f"{path} has no column with the ids of all cases, such as {cases[0]}", remedy="name another --table, or none by --table ''"
    )


def patient_in(row: Mapping[str, str]) -> str:
    """The patient that a row tells, "" if none."""
    return next((row[name].strip() for name in _PATIENT if row.get(name, "").strip()), "")
