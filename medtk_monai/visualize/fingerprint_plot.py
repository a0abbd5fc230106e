"""A data set's fingerprint as a figure."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from medtk_monai.visualize.pictures import save_figure

_COLORS = ("#1f5fa8", "#ff9f1c", "#2ca25f", "#c77dff", "#d1495b", "#6c757d")
_AXES = ("x", "y", "z")
_BINS = 20


def plot_fingerprint(fingerprint: dict[str, Any], path: str | os.PathLike | None = None, title: str = "") -> Figure:
    """Draw histograms of a data set's grids, intensities and objects, one color for each split.

    Args:
        fingerprint: see ``fingerprint_data``.
        path: where to save the figure, in the format of its suffix; None to save nothing.
        title: of the whole figure.
    """
    figure = Figure(figsize=(14, 7.6), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(2, 4).ravel()
    splits = list(fingerprint["splits"])
    cases = {split: [case for case in fingerprint["cases"] if case["split"] == split] for split in splits}
    _draw_axes(axes[0], fingerprint["cases"], "spacing", "spacing, mm")
    _draw_axes(axes[1], fingerprint["cases"], "size", "size, voxels")
    _draw_intensities(axes[2], fingerprint)
    _draw_counts(axes[3], {split: [case["objects"] for case in cases[split]] for split in splits})
    values = fingerprint["values"]
    of_split = {split: [i for i, own in enumerate(values["split"]) if own == split] for split in splits}
    longest = [max(size) for size in values["size_mm"]]
    _draw_histogram(axes[4], {split: [longest[i] for i in rows] for split, rows in of_split.items()}, "longest side of objects, mm")
    thinnest = [min(size) for size in values["size_vox"]]
    _draw_histogram(axes[5], {split: [thinnest[i] for i in rows] for split, rows in of_split.items()}, "shortest side of objects, voxels")
    name = "volume of objects, mm³" if fingerprint["spatial_dims"] == 3 else "area of objects, mm²"
    volumes = {split: [values["volume_mm3"][i] for i in rows] for split, rows in of_split.items()}
    _draw_histogram(axes[6], volumes, name)
    _draw_classes(axes[7], {split: Counter(values["label"][i] for i in rows) for split, rows in of_split.items()})
    for part in axes:
        part.spines[["top", "right"]].set_visible(False)
        part.set_axisbelow(True)
        part.grid(axis="y", color="0.92")
    handles = [Patch(color=color) for color in _colors(splits)]
    names = [f"{split} ({len(cases[split])} case{'' if len(cases[split]) == 1 else 's'})" for split in splits]
    figure.legend(handles, names, loc="outside lower center", ncols=max(len(splits), 1), frameon=False)
    if title:
        figure.suptitle(title)
    if path is not None:
        save_figure(figure, path)
    return figure


def _draw_axes(axes: Axes, cases: Sequence[dict[str, Any]], key: str, label: str) -> None:
    """One box with whiskers for each axis of the world, over all cases."""
    rows = np.array([case[key] for case in cases], dtype=float)
    parts = axes.boxplot(rows, whis=(5, 95), widths=0.5, patch_artist=True, flierprops={"marker": ".", "markersize": 4})
    for box in parts["boxes"]:
        box.set_facecolor("#c9d9ec")
    for line in parts["medians"]:
        line.set_color("black")
    axes.set_xticks(range(1, rows.shape[1] + 1), _AXES[: rows.shape[1]])
    axes.set_ylim(0, float(rows.max()) * 1.1)
    axes.set_title(f"{label} (all cases)", fontsize=10)


def _draw_intensities(axes: Axes, fingerprint: dict[str, Any]) -> None:
    """Medians of the cases inside and outside of objects."""
    told = [case["intensities"] for case in fingerprint["cases"] if "intensities" in case]
    names = {"outside_objects": ("outside objects", "0.6"), "inside_objects": ("inside objects", "#d1495b")}
    medians = {name: [rows[name][3] for rows in told if name in rows] for name in names}
    together = [value for values in medians.values() for value in values]
    wide = bool(together) and _is_wide(together)
    if wide:
        axes.set_xscale("log")
    edges = _edges(together, wide)
    for name, (label, color) in names.items():
        axes.hist(medians[name], bins=edges, color=color, alpha=0.65, label=label)
    if together:
        axes.legend(frameon=False, fontsize=8)
    unit = fingerprint["intensity"]["unit"]
    axes.set_title(f"median intensity of a case{f' ({unit})' if unit else ''}", fontsize=10)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))


def _draw_counts(axes: Axes, counts: dict[str, list[int]]) -> None:
    """Cases by their number of objects."""
    highest = max((count for values in counts.values() for count in values), default=0)
    edges = np.arange(highest + 2) - 0.5 if highest <= _BINS else np.linspace(-0.5, highest + 0.5, _BINS + 1)
    axes.hist(list(counts.values()), bins=list(edges), stacked=True, color=_colors(counts), rwidth=0.85)
    axes.set_title("cases by number of objects", fontsize=10)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))


def _draw_histogram(axes: Axes, values: dict[str, list[float]], label: str) -> None:
    """Objects by a value that spans orders of magnitude, or less."""
    together = [value for part in values.values() for value in part if value > 0]
    if not together:
        axes.text(0.5, 0.5, "no objects", transform=axes.transAxes, ha="center", color="0.4")
    wide = bool(together) and _is_wide(together)
    axes.hist(list(values.values()), bins=_edges(together, wide), stacked=True, color=_colors(values))
    if wide:
        axes.set_xscale("log")
    axes.set_title(label, fontsize=10)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))


def _draw_classes(axes: Axes, counts: dict[str, Counter[int]]) -> None:
    """Objects by class."""
    labels = sorted({label for found in counts.values() for label in found})
    bottom = np.zeros(len(labels))
    for number, found in enumerate(counts.values()):
        heights = np.array([found[label] for label in labels], dtype=float)
        axes.bar(range(len(labels)), heights, bottom=bottom, color=_COLORS[number % len(_COLORS)], width=0.6)
        bottom += heights
    axes.set_xticks(range(len(labels)), ["unknown" if label < 0 else str(label) for label in labels])
    axes.set_xlim(-1, max(len(labels), 1))
    axes.set_title("objects by class", fontsize=10)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))


def _is_wide(values: Sequence[float]) -> bool:
    return min(values) > 0 and max(values) > 20 * min(values)


def _edges(values: Sequence[float], logarithmic: bool) -> list[float]:
    """Borders of bins; those of whole numbers lie halfway between them."""
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    if logarithmic:
        return np.geomspace(low, high, _BINS + 1).tolist()
    if high <= low or all(float(value).is_integer() for value in values):
        width = max(np.ceil((high - low + 1) / _BINS), 1.0)
        return np.arange(low - 0.5, high + width, width).tolist()
    return np.linspace(low, high, _BINS + 1).tolist()


def _colors(splits: Any) -> list[str]:
    return [_COLORS[number % len(_COLORS)] for number in range(len(splits))]
