"""What predictions write: the formats of findings that have a file name for it, and those that take more than findings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from medtk_monai.formats import FORMATS
from medtk_monai.formats.dicom_sr import SR
from medtk_monai.formats.file_format import Format, Names

if TYPE_CHECKING:
    from medtk_monai.prediction.predictor import ScanFindings


def _draw(path: Path, found: ScanFindings, series: Sequence[str | Path], names: Names) -> Sequence[str]:
    from medtk_monai.visualize import plot_overview

    plot_overview(found.image, found.detections, found.affine, found.case["case_id"], path)
    return ()


PREVIEW = Format("preview", (".png",), write_scan=_draw, file_name="preview.png", by_default=True)


def output_formats() -> dict[str, Format]:
    """All that can be written for a scan, by name; the first, predictions.json, is written always."""
    return {entry.name: entry for entry in (*FORMATS.values(), PREVIEW, SR) if entry.file_name}
