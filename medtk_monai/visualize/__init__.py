"""Figures of an evaluation."""

from medtk_monai.visualize.findings import Finding, TopFindings, cut_finding, cut_missed
from medtk_monai.visualize.froc_plot import plot_froc
from medtk_monai.visualize.overview import plot_overview
from medtk_monai.visualize.preview import plot_preview

__all__ = ["Finding", "TopFindings", "cut_finding", "cut_missed", "plot_froc", "plot_overview", "plot_preview"]
