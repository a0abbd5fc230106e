"""The parts of the report that tell figures: tiles, tables and charts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from medtk_monai.evaluation.report.charts import AMBER, BLUE, GRAY, Axis, Chart, plain_axis, rates_axis, shares_axis
from medtk_monai.evaluation.report.html import ends, figure, number, pair, paragraph, section, table, tiles
from medtk_monai.metrics import Figure, Interval, MatchTable, OperatingPoint, Summary, figures_of
from medtk_monai.metrics.breakdown import Lesions, Share, hits_by_score, precision_recall, score_histogram, sensitivity_by_size
from medtk_monai.metrics.weighted import froc_sensitivities

_PIXELS = 500
"""Steps along an axis that a chart can show."""


def summary_tiles(summary: Summary) -> str:
    """The single figures on top."""
    known = figures_of(summary.rules)
    return tiles(
        [
            ("Cases", str(summary.num_cases), f"{summary.num_diseased} with lesions"),
            ("Lesions", str(summary.num_lesions), f"{summary.num_detections} findings counted"),
            *(_tile(known[key], value) for key, value in summary.figures.items()),
        ]
    )


def _tile(one: Figure, value: Interval) -> tuple[str, str, str]:
    """A figure with its interval, or with the reason why it is undefined."""
    told, shown = ends(value, one.digits), number(value.value, one.digits)
    return one.label, shown, one.undefined if shown == "–" else "no interval" if told == "–" else f"95% CI {told}"


def froc_section(summary: Summary) -> str:
    """FROC with its band, precision against recall, and the points of the FROC as a table."""
    froc, diseased = summary.froc, summary.froc_diseased
    rows = [
        [f"{rate:g}", number(value.value), ends(value), number(other.value)]
        for rate, value, other in zip(froc.fp_per_case, froc.sensitivity, diseased.sensitivity)
    ]
    rows.append(["mean", number(froc.mean.value), ends(froc.mean), number(diseased.mean.value)])
    per_iou = "; ".join(f"{number(value)} at IoU {iou:g}" for iou, value in summary.ap_per_iou.items())
    return section(
        "Detection of lesions",
        pair(
            figure(_froc_chart(summary), "FROC curve: sensitivity against false positives per case, logarithmic axis."),
            figure(_precision_chart(summary.table), f"Precision against recall, all classes together. Average precision {per_iou}."),
        ),
        table(
            "Sensitivity at numbers of false positives per case; the last column counts false positives in cases with lesions only",
            ["FP per case", "Sensitivity", "95% interval", "Cases with lesions"],
            rows,
        ),
        paragraph(_ONE_PATIENT, "soft") if summary.num_patients == 1 else "",
    )


_ONE_PATIENT = (
    "All cases are of one patient. Intervals of shares are those of its lesions and cases, taken for independent; "
    "they say nothing about other patients, and the other figures have none."
)


def _froc_chart(summary: Summary) -> str:
    rules = summary.rules
    chart = Chart("FROC curve: sensitivity against false positives per case", rates_axis(rules.fp_per_case), shares_axis("sensitivity"))
    rates, low, high = summary.band()
    if np.isfinite(low).any():
        chart.band(rates, low, high, BLUE, "95% interval")
    fine = np.geomspace(chart.across.low, chart.across.high, 240)
    line = froc_sensitivities(summary.table, np.ones((1, summary.num_cases)), fine.tolist(), rules.interpolation)[0]
    chart.line(fine, line, BLUE, "sensitivity")
    read_off = zip(summary.froc.fp_per_case, summary.froc.sensitivity)
    known = [(rate, value.value) for rate, value in read_off if np.isfinite(value.value) and rate > 0]
    chart.dots([rate for rate, _ in known], [value for _, value in known], BLUE)
    if not known:
        chart.note("no lesions: sensitivity is undefined")
    return chart.svg()


def _precision_chart(found: MatchTable) -> str:
    chart = Chart("Precision against recall", shares_axis("recall (sensitivity)"), shares_axis("precision (PPV)"))
    recall, precision = thinned(*precision_recall(found))
    if np.isfinite(recall).any():
        chart.line(recall, precision, BLUE)
    else:
        chart.note("no lesions: recall is undefined")
    return chart.svg()


def thinned(recall: np.ndarray, precision: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of each run of points that a pixel cannot tell apart the first: thousands of findings would make the file large."""
    places = np.round(np.stack([recall, precision]) * _PIXELS)
    kept = np.append(True, (np.diff(places, axis=1) != 0).any(axis=0))[: len(recall)]
    return recall[kept], precision[kept]


def operating_section(points: Mapping[str, OperatingPoint], validated: Mapping[str, OperatingPoint]) -> str:
    """The operating points: those of a validation each beside what it gave there, then the others side by side."""
    own = {name: point for name, point in points.items() if name not in validated}
    parts = []
    for name, there in validated.items():
        caption = f"Threshold of {name}: what it gave at the validation, and what it gives here. 95% intervals in brackets"
        parts.append(table(caption, ["", "At validation", "Here"], _point_rows([there, points[name]])))
    if own:
        caption = "Findings with at least the score of the threshold are reported; 95% intervals in brackets"
        parts.append(table(caption, ["", *own], _point_rows(list(own.values()))))
        note = "Thresholds given as a number of false positives or a sensitivity are chosen on these very cases, which flatters them."
        parts.append(paragraph(note, "soft"))
    return section("Operating points", *parts)


def _point_rows(points: Sequence[OperatingPoint]) -> list[list[Any]]:
    counts = {"Cases": "num_cases", "True positives": "tp", "False positives": "fp", "Missed lesions": "fn"}
    cases = {"Cases with lesions, with findings": "case_tp", "Cases with lesions, no finding": "case_fn"}
    cases |= {"Cases without lesions, with findings": "case_fp", "Cases without lesions, no finding": "case_tn"}
    shares = {"Sensitivity of lesions": "sensitivity", "Positive predictive value": "ppv", f"F{points[0].beta:g} score": "f_score"}
    shares |= {
        "FP per case": "fp_per_case",
        "FP per case without lesions": "fp_per_healthy_case",
        "FP per case with lesions": "fp_per_diseased_case",
    }
    whole = {"Sensitivity of cases": "case_sensitivity", "Specificity of cases": "case_specificity"}

    def cells(name: str) -> list[str]:
        return [_told(getattr(point, name)) for point in points]

    thresholds = [f"{point.threshold:.4g}" if np.isfinite(point.threshold) else "out of reach" for point in points]
    rows = counts | shares | cases | whole
    return [["Threshold of the score", *thresholds], *([name, *cells(key)] for name, key in rows.items())]


def _told(value: Interval | int | None) -> str:
    """A count, or a share with its interval, if it has one."""
    if not isinstance(value, Interval):
        return "–" if value is None else str(value)
    span = ends(value)
    return number(value.value) + ("" if span == "–" else f" ({span})")


def sizes_section(found: MatchTable, lesions: Lesions, name: str, threshold: float, weights: np.ndarray) -> str:
    """Sensitivity of each size."""
    shares = sensitivity_by_size(found, lesions, threshold, weights)
    if not shares:
        return section("Lesions by size", paragraph("There are no lesions."))
    names = [share.name for share in shares]
    axis = Axis("longest side of the lesion's box, mm", 0, len(shares), [index + 0.5 for index in range(len(shares))], names)
    chart = Chart(f"Sensitivity by lesion size at {name}", axis, shares_axis("sensitivity"))
    chart.dots(axis.ticks, [share.share.value for share in shares], BLUE, [(share.share.low, share.share.high) for share in shares])
    rows = [[label, f"{share.part} of {share.whole}", number(share.share.value), ends(share.share)] for label, share in zip(names, shares)]
    head = ["Size, mm", "Found", "Sensitivity", "95% interval"]
    caption = f"Lesions of each size, the longest side of the box, that are found at {name}"
    picture = figure(chart.svg(), f"Sensitivity by size at {name}, with 95% intervals.")
    return section("Lesions by size", pair(picture, table(caption, head, rows)))


def scores_section(found: MatchTable, threshold: float, weights: np.ndarray) -> str:
    """Scores of true and false positives, and what share of a score is true."""
    charts = [figure(_histogram(found, threshold), "Scores of findings: each group's own share per bin. Dashed line: operating point.")]
    if len(found.scores) and found.scores.min() >= 0 and found.scores.max() <= 1:
        shares = hits_by_score(found, weights)
        caption = "Calibration: share of findings that are true positives, by score, with 95% intervals. On the dashed line the score is a probability."
        charts.append(figure(_calibration(shares), caption))
    else:
        charts.append(paragraph("No calibration: there are no findings, or scores lie outside 0 to 1."))
    return section("Scores", pair(*charts))


def _histogram(found: MatchTable, threshold: float) -> str:
    low, high = (float(found.scores.min()), float(found.scores.max())) if len(found.scores) else (0.0, 1.0)
    across = shares_axis("score") if low >= 0 and high <= 1 else plain_axis("score", low, high)
    edges, *heights = score_histogram(found, across.low, across.high)
    groups = [(int(found.is_tp.sum()), BLUE, "true positives"), (int((~found.is_tp).sum()), AMBER, "false positives")]
    chart = Chart(
        "Histogram of the scores of true and false positives",
        across,
        plain_axis("% of the group", 0, max(float(max(map(np.max, heights))) * 1.05, 1)),
    )
    width = (edges[1] - edges[0]) / 2
    for index, (count, color, name) in enumerate(groups):
        left = edges[:-1] + index * width
        chart.bars(left + 0.06 * width, left + 0.94 * width, heights[index], color, f"{name} (n = {count})")
    if np.isfinite(threshold):
        chart.line([threshold, threshold], [0, chart.up.high], "#3b4a57", dash="5 4")
    return chart.svg()


def _calibration(shares: Sequence[Share]) -> str:
    chart = Chart("Calibration: share of true positives by score", shares_axis("mean score"), shares_axis("share of true positives"))
    chart.line([0, 1], [0, 1], GRAY, dash="5 4")
    chart.dots(
        [share.mean for share in shares],
        [share.share.value for share in shares],
        BLUE,
        [(share.share.low, share.share.high) for share in shares],
    )
    return chart.svg()
