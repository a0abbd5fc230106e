"""The parts of the report: figures, tables and charts."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from medtk_monai.evaluation.breakdown import Lesions, Share, hits_by_score, precision_recall, sensitivity_by_size
from medtk_monai.evaluation.evaluate import Evaluation
from medtk_monai.evaluation.matching import MatchedCase
from medtk_monai.evaluation.report_charts import AMBER, BLUE, GRAY, Axis, Chart, plain_axis, rates_axis, shares_axis
from medtk_monai.evaluation.report_html import columns, counted, ends, facts, figure, number, pair, paragraph, section, table, tiles
from medtk_monai.evaluation.report_run import Curve, Run
from medtk_monai.metrics.match_table import MatchTable
from medtk_monai.metrics.resampling import intervals
from medtk_monai.metrics.rules import Rules
from medtk_monai.metrics.summary import figures
from medtk_monai.metrics.weighted import froc_sensitivities

_NUM_BINS = 20


def summary_tiles(result: Evaluation, rules: Rules, weights: np.ndarray) -> str:
    """The single figures on top."""
    metrics = result.metrics
    at_one = intervals(result.table, figures(rules)["sensitivity_at_1"], weights)[0]
    return tiles(
        [
            ("Cases", str(metrics["num_cases"]), f"{metrics['num_diseased']} with lesions"),
            ("Lesions", str(metrics["num_lesions"]), f"{metrics['num_detections']} findings counted"),
            ("Sensitivity at 1 FP per case", number(at_one.value), _interval([at_one.low, at_one.high])),
            ("Mean FROC sensitivity", number(metrics["froc"]["mean"]), _interval(metrics["froc"].get("mean_interval"))),
            ("Average precision", number(metrics["ap"]), _interval(metrics.get("ap_interval"))),
            ("Case AUROC", number(metrics["case_auroc"]), _interval(metrics.get("case_auroc_interval"))),
        ]
    )


def _interval(interval: Sequence[float | None] | None) -> str:
    told = ends(interval)
    return "no interval" if told == "–" else f"95% CI {told}"


def froc_section(result: Evaluation, rules: Rules) -> str:
    """FROC with its band, precision against recall, and the points of the FROC as a table."""
    froc, diseased = result.metrics["froc"], result.metrics["froc_diseased"]
    spans = froc.get("sensitivity_interval") or [None] * len(froc["sensitivity"])
    rows = [
        [f"{rate:g}", number(value), ends(span), number(other)]
        for rate, value, span, other in zip(froc["fp_per_case"], froc["sensitivity"], spans, diseased["sensitivity"])
    ]
    rows.append(["mean", number(froc["mean"]), ends(froc.get("mean_interval")), number(diseased["mean"])])
    per_iou = "; ".join(f"{number(value)} at IoU {iou}" for iou, value in result.metrics["ap_per_iou"].items())
    return section(
        "Detection of lesions",
        pair(
            figure(_froc_chart(result, rules), "FROC curve: sensitivity against false positives per case, logarithmic axis."),
            figure(_precision_chart(result.table), f"Precision against recall, all classes together. Average precision {per_iou}."),
        ),
        table(
            "Sensitivity at numbers of false positives per case; the last column counts false positives in cases with lesions only",
            ["FP per case", "Sensitivity", "95% interval", "Cases with lesions"],
            rows,
        ),
    )


def _froc_chart(result: Evaluation, rules: Rules) -> str:
    chart = Chart("FROC curve: sensitivity against false positives per case", rates_axis(rules.fp_per_case), shares_axis("sensitivity"))
    rates, band = result.band
    low, high = (np.array([getattr(value, end) for value in band]) for end in ("low", "high"))
    if np.isfinite(low).any():
        chart.band(rates, low, high, BLUE, "95% interval")
    fine = np.geomspace(chart.across.low, chart.across.high, 240)
    chart.line(
        fine,
        froc_sensitivities(result.table, np.ones((1, result.table.num_cases)), fine.tolist(), rules.interpolation)[0],
        BLUE,
        "sensitivity",
    )
    froc = result.metrics["froc"]
    known = [(rate, value) for rate, value in zip(froc["fp_per_case"], froc["sensitivity"]) if value is not None and rate > 0]
    chart.dots([rate for rate, _ in known], [value for _, value in known], BLUE)
    if not known:
        chart.note("no lesions: sensitivity is undefined")
    return chart.svg()


def _precision_chart(found: MatchTable) -> str:
    chart = Chart("Precision against recall", shares_axis("recall (sensitivity)"), shares_axis("precision (PPV)"))
    recall, precision = precision_recall(found)
    if np.isfinite(recall).any():
        chart.line(recall, precision, BLUE)
    else:
        chart.note("no lesions: recall is undefined")
    return chart.svg()


def operating_section(metrics: Mapping[str, Any]) -> str:
    """The operating points, side by side."""
    points = metrics["operating_points"]
    counts = {"True positives": "tp", "False positives": "fp", "Missed lesions": "fn"}
    cases = {"Cases with lesions, reported": "case_tp", "Cases with lesions, silent": "case_fn"}
    cases |= {"Cases without lesions, reported": "case_fp", "Cases without lesions, silent": "case_tn"}
    beta = next(iter(points.values()))["beta"] if points else 1
    shares = {"Sensitivity of lesions": "sensitivity", "Positive predictive value": "ppv", f"F{beta:g} score": "f_score"}
    shares |= {
        "FP per case": "fp_per_case",
        "FP per case without lesions": "fp_per_healthy_case",
        "FP per case with lesions": "fp_per_diseased_case",
    }
    whole = {"Sensitivity of cases": "case_sensitivity", "Specificity of cases": "case_specificity"}
    rows = [["Score from", *("out of reach" if point["threshold"] is None else f"{point['threshold']:.4g}" for point in points.values())]]
    rows += [[name, *(point[key] for point in points.values())] for name, key in counts.items()]
    rows += [[name, *(_with(point, key) for point in points.values())] for name, key in shares.items()]
    rows += [[name, *(point[key] for point in points.values())] for name, key in cases.items()]
    rows += [[name, *(_with(point, key) for point in points.values())] for name, key in whole.items()]
    caption = "What it means to report findings from a score on; in brackets 95% intervals. The threshold is chosen on these very cases unless its name says otherwise"
    return section("Operating points", table(caption, ["", *points], rows))


def _with(values: Mapping[str, Any], key: str) -> str:
    span = ends(values.get(f"{key}_interval"))
    return number(values[key]) + ("" if span == "–" else f" ({span})")


def sizes_section(found: MatchTable, lesions: Lesions, name: str, threshold: float, weights: np.ndarray) -> str:
    """Sensitivity of each size."""
    shares = sensitivity_by_size(found, lesions, threshold, weights)
    if not shares:
        return section("Lesions by size", paragraph("There are no lesions."))
    names = [_range(share) for share in shares]
    axis = Axis("longest side of the lesion's box, mm", 0, len(shares), [index + 0.5 for index in range(len(shares))], names)
    chart = Chart(f"Sensitivity by lesion size at {name}", axis, shares_axis("sensitivity"))
    chart.dots(axis.ticks, [share.share.value for share in shares], BLUE, [(share.share.low, share.share.high) for share in shares])
    rows = [
        [label, share.whole, share.part, number(share.share.value), ends([share.share.low, share.share.high])]
        for label, share in zip(names, shares)
    ]
    head = ["Size, mm", "Lesions", "Found", "Sensitivity", "95% interval"]
    caption = f"Lesions of each size, the longest side of the box, that are found at {name}"
    note = "Intervals of few lesions are too narrow where all, or none, are found: the bootstrap cannot draw what it has not seen."
    picture = figure(chart.svg(), f"Sensitivity by size at {name}, with 95% intervals.")
    return section("Lesions by size", pair(picture, table(caption, head, rows)), paragraph(note, "soft"))


def _range(share: Share) -> str:
    if share.low == 0:
        return f"< {share.high:g}"
    return f"≥ {share.low:g}" if share.high == np.inf else f"{share.low:g}–{share.high:g}"


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
    edges = np.linspace(across.low, across.high, _NUM_BINS + 1)
    groups = [(found.scores[found.is_tp], BLUE, "true positives"), (found.scores[~found.is_tp], AMBER, "false positives")]
    heights = [np.histogram(values, edges)[0] * (100 / max(len(values), 1)) for values, _, _ in groups]
    chart = Chart(
        "Histogram of the scores of true and false positives",
        across,
        plain_axis("% of the group", 0, max(float(max(map(np.max, heights))) * 1.05, 1)),
    )
    width = (edges[1] - edges[0]) / 2
    for index, (values, color, name) in enumerate(groups):
        left = edges[:-1] + index * width
        chart.bars(left + 0.06 * width, left + 0.94 * width, heights[index], color, f"{name} (n = {len(values)})")
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


def curves_section(run: Run) -> str:
    """Losses and validation figures of the training."""
    parts = [figure(_curves("Losses by epoch", "loss, mean of the epoch", run.losses), "Training losses.")] if run.losses else []
    if run.validations:
        parts.append(figure(_curves("Validation figures by epoch", "validation figure", run.validations), "Validation figures."))
    values = {name: curve for name, curve in (*run.losses.items(), *run.validations.items()) if len(curve[1])}
    rows = [
        [name, number(y[0]), number(y[-1]), f"{number(y.min())} to {number(y.max())}", f"{x[0]:g} to {x[-1]:g}"]
        for name, (x, y) in values.items()
    ]
    listed = table("The curves in numbers", ["Curve", "First", "Last", "Range", "Epochs"], rows) if rows else ""
    trouble = paragraph(run.trouble) if run.trouble else ""
    return section("Training", trouble, pair(*parts) if parts else "", listed, _times(run.capsule.get("epochs") or []))


def _curves(title: str, label: str, curves: Mapping[str, Curve]) -> str:
    last = max(float(x[-1]) for x, _ in curves.values())
    top = max((float(np.nanmax(y)) for _, y in curves.values() if np.isfinite(y).any()), default=1.0)
    up = shares_axis(label) if label.startswith("validation") and top <= 1 else plain_axis(label, 0, top * 1.05)
    across = plain_axis("epoch", 0, last)
    chart = Chart(title, across, up)
    colors = (BLUE, AMBER, "#2f7d5b", "#7a4fa3", GRAY, "#a3354a")
    for color, (name, (x, y)) in zip(colors, curves.items()):
        chart.line(x, y, color, name)
        if len(x) < 3:
            chart.dots(x, y, color)
    return chart.svg()


def _times(epochs: Sequence[Mapping[str, float]]) -> str:
    if not epochs:
        return ""
    names = [name for name in epochs[0] if name not in ("epoch", "steps")]
    rows = [
        [name.replace("_", " "), *(f"{value:.1f}" for value in (sum(e.get(name, 0) for e in epochs), epochs[-1].get(name, 0)))]
        for name in names
    ]
    return table(f"Time of {len(epochs)} epochs, seconds", ["Part", "All epochs", "Last epoch"], rows)


def fingerprint_section(cases: Sequence[MatchedCase], lesions: Lesions) -> str:
    """Ranges of the scans and of the lesions."""
    grids = [case.truth.grid for case in cases if case.truth.grid is not None]
    rows: list[list[str]] = []
    if grids:
        dims = min(len(grid["size"]) for grid in grids)
        sizes = np.array([list(grid["size"])[:dims] for grid in grids], dtype=float)
        spacing = np.array([np.linalg.norm(np.array(grid["affine"])[:dims, :dims], axis=0) for grid in grids])
        rows += [[f"Size, axis {axis + 1}, voxels", *_spread(sizes[:, axis], 0)] for axis in range(dims)]
        rows += [[f"Spacing, axis {axis + 1}, mm", *_spread(spacing[:, axis], 3)] for axis in range(dims)]
    counts = np.bincount(lesions.cases, minlength=len(cases))
    rows.append(["Lesions per case", *_spread(counts, 0)])
    if len(lesions.sizes):
        rows.append(["Longest side of lesions, mm", *_spread(lesions.sizes, 2)])
    missing = len(cases) - len(grids)
    note = paragraph(f"The headers of {missing} images cannot be read; sizes and spacings are those of the others.") if missing else ""
    return section(
        "Data",
        table(f"{counted(len(cases), 'scan')}, {counted(len(lesions.sizes), 'lesion')}", ["", "Least", "Median", "Most"], rows),
        note,
    )


def _spread(values: np.ndarray, digits: int) -> list[str]:
    return [number(float(value), digits) for value in (np.min(values), np.median(values), np.max(values))]


def capsule_section(sources: Mapping[str, str], run: Run | None) -> str:
    """What is needed to repeat the evaluation, and the training."""
    parts = [facts("The evaluation", list(sources.items()))]
    if run is not None:
        parts.append(facts("The training", _told(run)))
        config = run.capsule.get("config")
        values = config.items() if isinstance(config, Mapping) else ()
        plain = [(name, json.dumps(value)) for name, value in values if _is_plain(name, value)]
        parts += [columns("Its settings, as far as they are plain values", plain)] if plain else []
    return section("Run capsule", *parts)


def _told(run: Run) -> list[tuple[str, str]]:
    capsule = run.capsule
    rows = [("Folder", run.folder), ("Started", capsule.get("started")), ("Command", _command(capsule.get("command")))]
    rows += [("Configuration, SHA-256", run.config_digest), ("Seed", capsule.get("seed")), ("Device", capsule.get("device"))]
    rows += [("Processes", capsule.get("processes")), ("Epochs", len(capsule.get("epochs") or []))]
    git = capsule.get("git") or {}
    rows.append(("Git commit", f"{git['commit']}{', with changes' if git.get('changed') else ''}" if git.get("commit") else None))
    rows += [
        (f"Data, {name}", f"{part.get('num_cases')} cases, SHA-256 of the entries {part.get('sha256')}")
        for name, part in (capsule.get("data") or {}).items()
    ]
    versions = ", ".join(f"{name} {version}" for name, version in (capsule.get("versions") or {}).items() if version)
    return [(name, "–" if value is None else str(value)) for name, value in [*rows, ("Versions", versions)]]


def _command(words: Any) -> str:
    return shlex.join(map(str, words)) if isinstance(words, list) else str(words)


def _is_plain(name: str, value: Any) -> bool:
    """Numbers and words, no expressions and no references."""
    return not name.startswith("_") and isinstance(value, (str, int, float)) and not str(value).startswith(("$", "@", "%"))


_MODES = {
    "one_to_one": "in descending score, each finding takes the free lesion that it hits best",
    "optimal": "as many lesions as possible are found",
    "each_object": "a lesion is found by the best-scored finding that hits it",
}
_READINGS = {
    "step": "that of the best threshold with at most so many false positives; nothing is interpolated",
    "linear": "interpolated linearly between operating points",
}


def methods_section(metrics: Mapping[str, Any], rules: Rules) -> str:
    """How the figures were computed."""
    bootstrap = metrics["bootstrap"]
    draws = f"{bootstrap['draws']} draws over {metrics['num_patients']} patients with all their cases, seed {bootstrap['seed']}; 2.5th to 97.5th percentile"
    further = {"false_positive": "count as false positives", "set_aside": "count neither way"}[rules.pairing.duplicates]
    rates = ", ".join(f"{rate:g}" for rate in rules.fp_per_case)
    rows = [
        ("A finding hits a lesion", f"{metrics['hit']}, boxes in mm along the axes of the scan"),
        ("Pairing", f"{_MODES[rules.pairing.mode]}; further findings of a lesion {further}"),
        ("Ignored objects", "findings that hit them count neither way"),
        ("FROC", f"sensitivity at {rates} false positives per case, {_READINGS[rules.interpolation]}; the mean is over these points"),
        ("Average precision", "mean of the best precision at 101 recalls or higher ones, as COCO, over classes with lesions"),
        ("Case AUROC", "area under the ROC curve of cases with against cases without lesions, by the best score of each case"),
        ("Intervals", f"95% percentile bootstrap: {draws}" if bootstrap["draws"] else "none were asked for"),
    ]
    return section("How the figures were computed", facts("Rules", rows))
