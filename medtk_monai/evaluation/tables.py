"""Results as plain text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def format_evaluation(metrics: dict[str, Any]) -> str:
    """The metrics of ``evaluate_files`` as tables for a terminal."""
    froc, diseased = metrics["froc"], metrics["froc_diseased"]
    rows = [["FP per case", "sensitivity", "95% interval", "cases with lesions"]]
    for index, rate in enumerate(froc["fp_per_case"]):
        ends = froc.get("sensitivity_interval")
        rows.append([f"{rate:g}", _fixed(froc["sensitivity"][index]), _ends(ends and ends[index]), _fixed(diseased["sensitivity"][index])])
    rows.append(["mean", _fixed(froc["mean"]), _ends(froc.get("mean_interval")), _fixed(diseased["mean"])])
    lines = [_table(rows), ""]
    per_iou = ", ".join(f"{_fixed(ap)} at IoU {iou}" for iou, ap in metrics["ap_per_iou"].items())
    lines.append(f"AP {_with(metrics, 'ap')}; {per_iou}")
    if len(metrics["per_class"]) > 1:
        lines += [f"class {part['label']}: AP {_with(part, 'ap')}, {part['num_lesions']} lesions" for part in metrics["per_class"]]
    lines.append(f"case AUROC {_with(metrics, 'case_auroc')}")
    counts = f"{metrics['num_lesions']} lesions in {metrics['num_diseased']} of {metrics['num_cases']} cases"
    lines += [f"{counts} of {metrics['num_patients']} patients, hit: {metrics['hit']}, {metrics['interpolation']} interpolation", ""]
    return "\n".join([*lines, *(_card(name, point) for name, point in metrics["operating_points"].items())])


def _card(name: str, point: dict[str, Any]) -> str:
    if point["threshold"] is None:
        return f"{name}: out of reach of any threshold"
    f_score = f"F{point['beta']:g} {_with(point, 'f_score')}"
    healthy = f"{_fixed(point['fp_per_healthy_case'])} in healthy, {_fixed(point['fp_per_diseased_case'])} in diseased cases"
    return "\n".join(
        [
            f"{name}: score from {point['threshold']:.4g}",
            f"  lesions  TP {point['tp']}, FP {point['fp']}, FN {point['fn']}",
            f"  sensitivity {_with(point, 'sensitivity')}, PPV {_with(point, 'ppv')}, {f_score}",
            f"  FP per case {_with(point, 'fp_per_case')}: {healthy}",
            f"  cases  TP {point['case_tp']}, FP {point['case_fp']}, FN {point['case_fn']}, TN {point['case_tn']}",
            f"  sensitivity {_with(point, 'case_sensitivity')}, specificity {_with(point, 'case_specificity')}",
        ]
    )


def format_comparison(result: dict[str, Any]) -> str:
    """The result of ``compare_files`` as a table for a terminal."""
    rows = [["figure", "first", "second", "difference", "95% interval", "p"]]
    for name, value in result["figures"].items():
        difference = "-" if value["difference"] is None else f"{value['difference']:+.3f}"
        p_value = "-" if value["p_value"] is None else f"{value['p_value']:.3g}"
        rows.append([name, _fixed(value["first"]), _fixed(value["second"]), difference, _ends(value["difference_interval"]), p_value])
    return _table(rows) + f"\n{result['num_cases']} cases, hit: {result['hit']}; p-values are not corrected for their number"


def _with(values: dict[str, Any], key: str) -> str:
    ends = values.get(f"{key}_interval")
    return _fixed(values[key]) + (f" ({_ends(ends)})" if ends else "")


def _ends(ends: Sequence[float | None] | None) -> str:
    return "-" if not ends or ends[0] is None else f"{ends[0]:.3f} to {ends[1]:.3f}"


def _fixed(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _table(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    first, *rest = [[row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:]))] for row in rows]
    return "\n".join("  ".join(row).rstrip() for row in [first, ["-" * width for width in widths], *rest])
