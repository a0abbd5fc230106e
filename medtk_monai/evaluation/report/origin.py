"""The parts of the report that tell where the figures come from: training, data, files and rules."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from medtk_monai.evaluation.matching import MatchedCase
from medtk_monai.evaluation.report.charts import AMBER, BLUE, GRAY, Chart, plain_axis, shares_axis
from medtk_monai.evaluation.report.html import columns, facts, figure, number, pair, paragraph, section, table
from medtk_monai.evaluation.report.paths import FileNames
from medtk_monai.evaluation.report.run import Curve, Run
from medtk_monai.metrics.breakdown import Lesions
from medtk_monai.metrics.figures import Trait, figures_of
from medtk_monai.metrics.summary import Summary
from medtk_monai.wording import counted


def curves_section(run: Run, names: FileNames) -> str:
    """Losses and validation figures of the training."""
    parts = [figure(_curves("Losses by epoch", "loss, mean of the epoch", run.losses), "Training losses.")] if run.losses else []
    main = {name: curve for name, curve in run.validations.items() if "/" not in name}
    if main:
        parts.append(figure(_curves("Validation figures by epoch", "validation figure", main), "Validation figures."))
    values = {name: curve for name, curve in (*run.losses.items(), *run.validations.items()) if len(curve[1])}
    rows = [[name, number(y[0]), number(y[-1]), number(y.min()), number(y.max())] for name, (_, y) in values.items()]
    listed = table("The curves in numbers", ["Curve", "First", "Last", "Lowest", "Highest"], rows) if rows else ""
    trouble = paragraph(names.within(run.trouble)) if run.trouble else ""
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


def capsule_section(sources: Mapping[str, str], run: Run | None, names: FileNames) -> str:
    """What is needed to repeat the evaluation, and the training."""
    parts = [facts("The evaluation", list(sources.items()))]
    if run is not None:
        parts.append(facts("The training", _told(run, names)))
        config = run.capsule.get("config")
        values = config.items() if isinstance(config, Mapping) else ()
        plain = [(name, names.within(json.dumps(value))) for name, value in values if _is_plain(name, value)]
        parts += [columns("Its settings, as far as they are plain values", plain)] if plain else []
    return section("Run capsule", *parts)


def _told(run: Run, names: FileNames) -> list[tuple[str, str]]:
    capsule, folder = run.capsule, names.path(run.folder)
    rows = [
        ("Folder", "that of this report" if folder == "." else folder),
        ("Started", capsule.get("started")),
        ("Command", _command(capsule.get("command"), names)),
    ]
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


def _command(words: Any, names: FileNames) -> str:
    return names.command(list(map(str, words))) if isinstance(words, list) else names.within(str(words))


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


def methods_section(summary: Summary) -> str:
    """How the figures were computed."""
    rules, bootstrap = summary.rules, summary.bootstrap
    draws = f"{bootstrap.draws} draws over {summary.num_patients} patients with all their cases, seed {bootstrap.seed}; 2.5th to 97.5th percentile"
    further = {"false_positive": "count as false positives", "set_aside": "count neither way"}[rules.pairing.duplicates]
    rates = ", ".join(f"{rate:g}" for rate in rules.fp_per_case)
    known = figures_of(rules)
    rows = [
        ("Rules", rules.name),
        ("A finding hits a lesion", f"{rules.hit_name}, boxes in mm along the axes of the scan"),
        ("Pairing", f"{_MODES[rules.pairing.mode]}; further findings of a lesion {further}"),
        ("Ignored objects", rules.excuse_text),
        ("FROC", f"sensitivity at {rates} false positives per case, {_READINGS[rules.interpolation]}; the mean is over these points"),
        *((known[key].label, known[key].how) for key in summary.figures if Trait.CURVE not in known[key].traits),
        ("Intervals", f"95% percentile bootstrap: {draws}" if bootstrap.draws else "none were asked for"),
        (
            "Where both ends are the same",
            "shares have the score interval of Wilson, which takes lesions and cases for independent; other figures have none",
        ),
    ]
    return section("How the figures were computed", facts("Rules", rows))
