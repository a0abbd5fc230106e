"""preview.png: the best detections of an evaluation at a glance."""

from __future__ import annotations

import os
from collections.abc import Sequence
from math import floor
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from medtk_monai.visualize.findings import Finding, Kind, Mark, Panel
from medtk_monai.visualize.pictures import save_figure

_STYLES: dict[Kind, dict[str, Any]] = {
    Kind.TRUTH: {"edgecolor": "#3ddc5b", "linestyle": "-"},
    Kind.IGNORED_TRUTH: {"edgecolor": "#b0b0b0", "linestyle": (0, (4, 3))},
    Kind.TRUE_POSITIVE: {"edgecolor": "#ff9f1c", "linestyle": "-"},
    Kind.FALSE_POSITIVE: {"edgecolor": "#ff3b30", "linestyle": "-"},
    Kind.SET_ASIDE: {"edgecolor": "#c77dff", "linestyle": (0, (1, 1.5))},
}
_OUTSIDE = "#2b3340"
_PANEL_INCHES = 2.5
_MAX_PANELS_PER_ROW = 3
_WINDOW = (1.0, 99.5)


def plot_preview(findings: Sequence[Finding], path: str | os.PathLike | None = None, missed: Sequence[Finding] = ()) -> Figure:
    """Draw a row of slices for each finding; without findings the missed objects, or a line that says there is nothing.

    Args:
        findings: best first, all of one dimension.
        path: where to save the figure, in the format of its suffix; None to save nothing.
        missed: drawn only when there are no findings.
    """
    shown = list(findings) or list(missed)
    panels = max((len(finding.panels) for finding in shown), default=1)
    columns = min(len(shown), _MAX_PANELS_PER_ROW // panels) or 1
    rows = -(-len(shown) // columns)
    figure = Figure(figsize=(max(columns * panels * _PANEL_INCHES, 4.5), rows * (_PANEL_INCHES + 0.1) + 0.9), dpi=110)
    FigureCanvasAgg(figure)
    figure.set_layout_engine("constrained", h_pad=0.03, w_pad=0.03)
    figure.suptitle(_headline(findings, missed), fontsize=11, **({} if shown else {"y": 0.5, "va": "center"}))
    if shown:
        parts = figure.subfigures(rows, columns, squeeze=False).ravel()
        for finding, part in zip(shown, parts):
            _draw_finding(finding, part)
        figure.legend(handles=_legend(shown), loc="outside lower center", ncols=3, fontsize=8, frameon=False)
    if path is not None:
        save_figure(figure, path)
    return figure


def _headline(findings: Sequence[Finding], missed: Sequence[Finding]) -> str:
    if findings:
        return "Best-scored detection" if len(findings) == 1 else f"The {len(findings)} best-scored detections"
    return "No detections. Missed objects:" if missed else "No detections and no missed objects"


def _draw_finding(finding: Finding, part: Any) -> None:
    what = "missed" if finding.score is None else f"{finding.kind.value}, score {finding.score:.3f}"
    where = ", ".join(f"{floor(value)}" for value in finding.center)
    flat = len(finding.panels) == 1
    title = f"{finding.case_id}\n{what}" if flat else f"{finding.case_id}: {what}, voxel ({where})"
    part.suptitle(title, fontsize=8 if flat else 9, parse_math=False)
    window = _window(finding.panels)
    grid = part.subplots(1, len(finding.panels), squeeze=False)[0]
    for axes, panel in zip(grid, finding.panels):
        _draw_panel(panel, axes, window, flat)


def _window(panels: Sequence[Panel]) -> tuple[float, float]:
    """Gray levels shown as black and white: robust against a few extreme voxels, the same for all panels of a finding."""
    values = np.concatenate([panel.pixels.ravel() for panel in panels])
    values = values[np.isfinite(values)]
    if not values.size:
        return 0.0, 1.0
    low, high = np.percentile(values, _WINDOW)
    return (float(low), float(high)) if high > low else (float(low) - 0.5, float(low) + 0.5)


def _draw_panel(panel: Panel, axes: Any, window: tuple[float, float], flat: bool) -> None:
    """One slice to scale. Volumes grow upwards as in the world; flat images downwards as on a screen, their unit is often unknown."""
    axes.set_facecolor(_OUTSIDE)
    if panel.pixels.size:
        axes.imshow(panel.pixels, cmap="gray", vmin=window[0], vmax=window[1], extent=panel.extent, origin="lower", interpolation="nearest")
    half, unit = panel.half_size, "" if flat else " (mm)"
    axes.set_xlim(-half, half)
    axes.set_ylim((half, -half) if flat else (-half, half))
    axes.set_aspect("equal")
    for mark in sorted(panel.marks, key=lambda mark: mark.in_focus):
        _draw_mark(mark, axes, flat)
    axes.tick_params(labelsize=6, length=2, pad=1)
    axes.set_xlabel(f"{panel.axes[0]}{unit}", fontsize=7, labelpad=1)
    axes.set_ylabel(f"{panel.axes[1]}{unit}", fontsize=7, labelpad=0)


def _draw_mark(mark: Mark, axes: Any, flat: bool) -> None:
    """The rectangle and its score: that of the finding itself above on the left, others below on the right."""
    width, height = mark.upper[0] - mark.lower[0], mark.upper[1] - mark.lower[1]
    style = _STYLES[mark.kind]
    axes.add_patch(Rectangle(mark.lower, width, height, fill=False, linewidth=1.8 if mark.in_focus else 1.1, **style))
    if mark.score is None:
        return
    top, bottom = (mark.lower[1], mark.upper[1]) if flat else (mark.upper[1], mark.lower[1])
    place, offset, align = ((mark.lower[0], top), (0, 3), "left") if mark.in_focus else ((mark.upper[0], bottom), (0, -9), "right")
    axes.annotate(
        f"{mark.score:.2f}",
        place,
        offset,
        textcoords="offset points",
        ha=align,
        fontsize=7,
        color=style["edgecolor"],
        bbox={"facecolor": "black", "alpha": 0.6, "linewidth": 0, "pad": 0.8},
        clip_on=True,
    )


def _legend(rows: Sequence[Finding]) -> list[Line2D]:
    """Handles of the kinds that were drawn, annotated objects first."""
    drawn = {mark.kind for finding in rows for panel in finding.panels for mark in panel.marks}
    return [
        Line2D([], [], color=_STYLES[kind]["edgecolor"], linestyle=_STYLES[kind]["linestyle"], label=kind.value)
        for kind in Kind
        if kind in drawn
    ]
