"""Figures of an evaluation."""

from medtk_monai.visualize.findings import Finding, TopFindings, cut_finding, cut_missed
from medtk_monai.visualize.froc_plot import plot_froc
from medtk_monai.visualize.mosaic import Tile, make_tile, plot_mosaic
from medtk_monai.visualize.overview import plot_overview
from medtk_monai.visualize.preview import plot_preview

__all__ = [
    "Finding",
    "Tile",
    "TopFindings",
    "cut_finding",
    "cut_missed",
    "make_tile",
    "plot_froc",
    "plot_mosaic",
    "plot_overview",
    "plot_preview",
]
