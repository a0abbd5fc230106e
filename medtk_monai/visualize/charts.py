"""Charts of a table of matches, beside the FROC curve: precision against recall, scores, sizes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from medtk_monai.metrics import MatchTable
from medtk_monai.metrics.breakdown import Share, hits_by_score, precision_recall, score_histogram

_BLUE, _AMBER = "#1f5fa8", "#b45309"


def plot_precision_recall(table: MatchTable, ap: float | None) -> Figure:
    """Draw precision against recall, all classes together.

    Args:
        ap: average precision, in the title; None where it is undefined.
    """
    figure, (axes,) = _figure(1)
    recall, precision = precision_recall(table)
    if np.isfinite(recall).any():
        axes.step(np.r_[0, recall], np.r_[precision[0], precision], where="pre", color=_BLUE, linewidth=1.8)
    else:
        _note(axes, "no findings" if table.lesions.sum() else "no lesions: recall is undefined")
    _shares(axes, "recall (sensitivity)", "precision (PPV)")
    axes.set_title(f"Precision and recall, AP {'undefined' if ap is None else f'{ap:.3f}'}")
    return figure


def plot_scores(table: MatchTable, threshold: float) -> Figure:
    """Draw how scores of true and false positives spread, and what share of each score is true.

    Args:
        threshold: of the operating point; infinite for none.
    """
    figure, (left, right) = _figure(2)
    low, high = (min(table.scores.min(initial=0.0), 0.0), max(table.scores.max(initial=1.0), 1.0))
    edges, *heights = score_histogram(table, low, high)
    width = (edges[1] - edges[0]) / 2
    names = (f"true positives (n = {table.is_tp.sum()})", f"false positives (n = {(~table.is_tp).sum()})")
    for index, (height, name, color) in enumerate(zip(heights, names, (_BLUE, _AMBER))):
        left.bar(edges[:-1] + index * width, height, 0.9 * width, align="edge", color=color, label=name)
    if np.isfinite(threshold):
        left.axvline(threshold, color="0.25", linestyle=(0, (5, 4)), linewidth=1, label=f"1 FP per case: {threshold:.3g}")
    left.set(xlim=(low, high), ylim=(0, max(1.08 * max(map(max, heights)), 1)), xlabel="score", ylabel="% of the group", title="Scores")
    left.legend(fontsize=8, frameon=False)
    shares = hits_by_score(table, np.zeros((0, table.num_cases)))
    right.plot([0, 1], [0, 1], color="0.6", linestyle=(0, (5, 4)), linewidth=1)
    right.plot([share.mean for share in shares], [share.share.value for share in shares], "o-", color=_BLUE, linewidth=1, clip_on=False)
    for share in shares:
        right.annotate(str(share.whole), (share.mean, share.share.value), (6, 4), textcoords="offset points", fontsize=7, color="0.35")
    _shares(right, "mean score (with the number of findings)", "share of true positives")
    right.set_title("Calibration")
    return figure


def plot_sizes(shares: Sequence[Share], name: str) -> Figure:
    """Draw the share of lesions of each size that is found.

    Args:
        shares: of ``sensitivity_by_size``.
        name: of the operating point.
    """
    figure, (axes,) = _figure(1)
    places = np.arange(len(shares))
    axes.bar(places, [share.share.value for share in shares], 0.6, color=_BLUE)
    for place, share in zip(places, shares):
        axes.annotate(
            f"{share.part} of {share.whole}", (place, share.share.value), (0, 3), textcoords="offset points", ha="center", fontsize=8
        )
    if not shares:
        _note(axes, "no lesions")
    axes.set_xticks(places, [share.name for share in shares])
    axes.set(xlim=(-0.6, max(len(shares), 1) - 0.4), ylim=(0, 1.08), xlabel="longest side of the lesion's box, mm", ylabel="sensitivity")
    axes.set_title(f"Lesions found by size, at {name}")
    return figure


def figure_pixels(figure: Figure) -> np.ndarray:
    """(H, W, 3) uint8; parts of the figure stay where they are, whatever layout it asks for: computing it takes as long as drawing."""
    figure.set_layout_engine("none")
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def _figure(columns: int) -> tuple[Figure, list[Any]]:
    figure = Figure(figsize=(5.2 * columns, 4.2), dpi=100)
    figure.subplots_adjust(
        left=0.13 / columns, right=1 - 0.04 / columns, bottom=0.13, top=0.92, wspace=0.22
    )  # a layout engine costs as much as drawing
    parts = list(figure.subplots(1, columns, squeeze=False)[0])
    for axes in parts:
        axes.grid(color="0.9")
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    return figure, parts


def _shares(axes: Any, across: str, up: str) -> None:
    ticks = np.linspace(0, 1, 6)
    axes.set(xlim=(0, 1.01), ylim=(0, 1.02), xticks=ticks, yticks=ticks, xlabel=across, ylabel=up)


def _note(axes: Any, words: str) -> None:
    axes.text(0.5, 0.5, words, transform=axes.transAxes, ha="center", color="0.4")
