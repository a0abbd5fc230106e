"""The FROC curve as a figure."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

from medtk_monai.metrics import Summary, sensitivity_at
from medtk_monai.visualize.pictures import save_figure

_COLOR = "#1f5fa8"
_MARGIN = 1.15


def plot_froc(summary: Summary, path: str | os.PathLike | None = None) -> Figure:
    """Draw sensitivity against false positives per case, with the points the mean is taken over, and the interval as a band.

    Args:
        summary: of an evaluation.
        path: where to save the figure, in the format of its suffix; None to save nothing.
    """
    curve, points = summary.curve, np.array(summary.froc.fp_per_case)
    values = np.array([value.value for value in summary.froc.sensitivity])
    figure = Figure(figsize=(6.4, 4.8), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    lowest, highest = points.min() / _MARGIN, points.max() * _MARGIN
    inside = (curve.fp_per_case > lowest) & (curve.fp_per_case < highest)
    fp = np.r_[lowest, curve.fp_per_case[inside], highest]
    axes.step(fp, sensitivity_at(curve, fp), where="post", color=_COLOR, linewidth=1.8)
    if summary.bootstrap.draws:
        axes.fill_between(*summary.band(), color=_COLOR, alpha=0.15, linewidth=0)
    axes.plot(points, values, "o", color=_COLOR, markersize=6, clip_on=False, zorder=3)
    for x, y in zip(points, values):
        if np.isfinite(y):
            offset = (0, -15) if y > 0.9 else (0, 8)
            axes.annotate(f"{y:.2f}", (x, y), offset, textcoords="offset points", ha="center", fontsize=8, color=_COLOR)
    if np.isnan(values).all():
        axes.text(0.5, 0.5, "no lesions: sensitivity is undefined", transform=axes.transAxes, ha="center", color="0.4")
    _dress(axes, points, (lowest, highest))
    mean = summary.froc.mean.value
    axes.set_title(f"FROC, mean sensitivity {f'{mean:.3f}' if np.isfinite(mean) else 'undefined'}", pad=22)
    counts = f"{summary.num_lesions} lesions in {summary.num_cases} cases, hit: {summary.rules.hit_name}"
    axes.text(0.5, 1.02, counts, transform=axes.transAxes, ha="center", va="bottom", fontsize=9, color="0.35")
    if path is not None:
        save_figure(figure, path)
    return figure


def _dress(axes: Any, points: np.ndarray, limits: tuple[float, float]) -> None:
    axes.set_xscale("log", base=2)
    axes.set_xlim(*limits)
    axes.set_ylim(0, 1.02)
    axes.xaxis.set_major_locator(FixedLocator(list(points)))
    axes.xaxis.set_major_formatter(FixedFormatter([_fraction(x) for x in points]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_yticks(np.linspace(0, 1, 11))
    axes.grid(color="0.9")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_xlabel("false positives per case")
    axes.set_ylabel("sensitivity")


def _fraction(value: float) -> str:
    return f"1/{1 / value:g}" if value < 1 and (1 / value).is_integer() else f"{value:g}"
