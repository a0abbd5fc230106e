"""Results as plain text and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from math import isfinite, isnan
from typing import Any

from medtk_monai.formats.values import parse_number
from medtk_monai.metrics import Interval, OperatingPoint, Summary, Trait, figures_of
from medtk_monai.wording import counted, shown

_PLACES = {
    "by_border_mm": "border of the scan, mm",
    "by_intensity": "mean intensity",
    "by_seam_mm": "seam of windows, mm",
    "by_num_positives": "positive priors",
    "by_level": "assigned level",
}
"""Strata by what the rows tell, and how they are called."""
_FORMULAS = tuple("=+-@\t\r\n")
"""How texts begin that a spreadsheet takes for a formula, or may."""


def format_evaluation(summary: Summary) -> str:
    """All figures of an evaluation as tables for a terminal."""
    known = figures_of(summary.rules)
    froc, diseased = summary.froc, summary.froc_diseased
    rows = [["FP per case", "sensitivity", "95% interval", "cases with lesions"]]
    for rate, value, other in zip(froc.fp_per_case, froc.sensitivity, diseased.sensitivity):
        rows.append([f"{rate:g}", _fixed(value.value), _ends([value.low, value.high]), _fixed(other.value)])
    rows.append(["mean", _fixed(froc.mean.value), _ends([froc.mean.low, froc.mean.high]), _fixed(diseased.mean.value)])
    lines = [_table(rows), ""]
    for key, value in summary.figures.items():
        if Trait.CURVE not in known[key].traits:
            per_iou = f"; {_per_iou(summary.ap_per_iou)}" if Trait.BY_CLASS in known[key].traits else ""
            lines.append(f"{known[key].short} {_told(value, known[key].digits)}{per_iou}")
    for part in summary.per_class if len(summary.per_class) > 1 else ():
        told = ", ".join(f"{known[key].short} {_told(value, known[key].digits)}" for key, value in part.figures.items())
        lines.append(f"class {part.label}: {told}; {_per_iou(part.ap_per_iou)}; {counted(part.num_lesions, 'lesion')}")
    counts = f"{counted(summary.num_lesions, 'lesion')} in {summary.num_diseased} of {counted(summary.num_cases, 'case')}"
    rules = summary.rules
    how = f"rules: {rules.name}, hit: {rules.hit_name}, {rules.interpolation} interpolation"
    lines += [f"{counts} of {counted(summary.num_patients, 'patient')}, {how}", ""]
    return "\n".join([*lines, *(_card(name, point) for name, point in summary.operating_points.items())])


def _per_iou(values: Mapping[float, float]) -> str:
    return ", ".join(f"{_fixed(ap)} at IoU {iou:g}" for iou, ap in values.items())


def _card(name: str, point: OperatingPoint) -> str:
    if not isfinite(point.threshold):
        return f"{name}: out of reach of any threshold"
    healthy = f"{_fixed(point.fp_per_healthy_case.value)} in healthy, {_fixed(point.fp_per_diseased_case.value)} in diseased cases"
    return "\n".join(
        [
            f"{name}: score from {point.threshold:.4g}",
            f"  lesions  TP {point.tp}, FP {point.fp}, FN {point.fn}",
            f"  sensitivity {_told(point.sensitivity)}, PPV {_told(point.ppv)}, F{point.beta:g} {_told(point.f_score)}",
            f"  FP per case {_told(point.fp_per_case)}: {healthy}",
            f"  cases  TP {point.case_tp}, FP {point.case_fp}, FN {point.case_fn}, TN {point.case_tn}",
            f"  sensitivity {_told(point.case_sensitivity)}, specificity {_told(point.case_specificity)}",
        ]
    )


def format_comparison(result: dict[str, Any]) -> str:
    """The result of ``compare_files`` as a table for a terminal."""
    rows = [["figure", "first", "second", "difference", "95% interval", "p"]]
    for name, value in result["figures"].items():
        difference = "-" if value["difference"] is None else f"{value['difference']:+.3f}"
        p_value = "-" if value["p_value"] is None else f"{value['p_value']:.3g}"
        rows.append([name, _fixed(value["first"]), _fixed(value["second"]), difference, _ends(value["difference_interval"]), p_value])
    return (
        _table(rows)
        + f"\n{result['num_cases']} cases, rules: {result['rules']['name']}, hit: {result['hit']}; p-values are not corrected for their number"
    )


def format_analysis(summary: dict[str, Any]) -> str:
    """The summary of ``analyze_errors`` as tables for a terminal."""
    figures = summary["figures"]
    counts = f"{summary['num_lesions']} lesions in {summary['num_cases']} cases of {summary['num_patients']} patients"
    parts = [
        f"{counts}, hit: {summary['hit']}\n{_card('operating point', OperatingPoint.read(summary['operating_point']))}",
        f"what mending a kind would add to a FROC mean of {_fixed(figures['froc_mean'])} and an AP of {_fixed(figures['ap'])}",
        _errors(summary["errors"]),
        _strata("longest side, mm", summary["by_size_mm"]),
        *(_strata(name, rows) for name, rows in summary["by_column"].items()),
        *(_strata(title, summary[key]) for key, title in _PLACES.items() if key in summary),
        *([_confusion(summary["class_confusion"])] if summary["class_confusion"] else []),
        _calibration(summary["calibration"]),
    ]
    return "\n\n".join(parts)


def _errors(errors: Sequence[dict[str, Any]]) -> str:
    rows = [["error", "false positives", "missed lesions", "FROC mean", "AP"]]
    for row in errors:
        counts = [
            "-" if row["kind"] in ("below threshold", "never seen") else str(row["false_positives"]),
            "-" if row["kind"] in ("duplicate", "background") else str(row["missed"]),
        ]
        rows.append([row["kind"], *counts, _signed(row["froc_mean_gain"]), _signed(row["ap_gain"])])
    return _table(rows)


def _strata(name: str, strata: Sequence[dict[str, Any]]) -> str:
    by_case, alarms, shares = (any(key in row for row in strata) for key in ("cases", "fp_per_case", "image_share"))
    levels = range(len(strata[0].get("found_by_level", ())) if strata else 0)
    rows = [[name, *(["cases"] if by_case else []), "lesions", "found", "sensitivity", "95% interval"]]
    rows[0] += (
        [f"by level {level}" for level in levels]
        + (["FP per case", "95% interval"] if alarms else [])
        + (["share of image"] if shares else [])
    )
    for row in strata:
        cells = [str(row["lesions"]), str(row["found"]), _fixed(row["sensitivity"]), _ends(row.get("sensitivity_interval"))]
        cells += [str(row["found_by_level"][level]) for level in levels]
        cells += [_fixed(row["fp_per_case"]), _ends(row.get("fp_per_case_interval"))] if alarms else []
        cells += [_fixed(row["image_share"])] if shares else []
        rows.append([row["stratum"], *([str(row["cases"])] if by_case else []), *cells])
    return _table(rows)


def _confusion(classes: Sequence[dict[str, Any]]) -> str:
    rows = [["class", "lesions", *(f"found as {row['label']}" for row in classes), "missed"]]
    rows += [[str(value) for value in (row["label"], row["lesions"], *row["found_as"], row["missed"])] for row in classes]
    return _table(rows)


def _calibration(calibration: dict[str, Any]) -> str:
    if calibration["ece"] is None:
        return "scores are no probabilities, or there are none: no calibration"
    rows = [["score", "detections", "mean score", "true positives"]]
    for row in calibration["bins"]:
        if row["detections"]:
            ends = f"{row['low']:.1f} - {row['high']:.1f}"
            rows.append([ends, str(row["detections"]), _fixed(row["mean_score"]), _fixed(row["true_share"])])
    return f"{_table(rows)}\nexpected calibration error {_fixed(calibration['ece'])}"


def _signed(value: float | None) -> str:
    return "-" if value is None else f"{value:+.3f}"


def _told(value: Interval, digits: int = 3) -> str:
    """A figure with its interval, if it has one."""
    ends = _ends([value.low, value.high], digits)
    return _fixed(value.value, digits) + ("" if ends == "-" else f" ({ends})")


def _ends(ends: Sequence[float | None] | None, digits: int = 3) -> str:
    return "-" if not ends or ends[0] is None or isnan(ends[0]) else f"{ends[0]:.{digits}f} to {ends[1]:.{digits}f}"


def _fixed(value: float | None, digits: int = 3) -> str:
    return "-" if value is None or isnan(value) else f"{value:.{digits}f}"


def csv_text(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A head and rows as CSV for people; None is left empty. A spreadsheet runs no text of it: what it would run gets an apostrophe first."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([_harmless(value) for value in row] for row in [head, *rows])
    return text.getvalue()


def _harmless(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return shown(f"'{value}" if value[:1] in _FORMULAS and parse_number(value) is None else value)


def _table(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    first, *rest = [[row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:]))] for row in rows]
    return "\n".join("  ".join(row).rstrip() for row in [first, ["-" * width for width in widths], *rest])
