"""The files that tell what was found in a scan."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from medtk_monai.errors import DataError
from medtk_monai.formats import write_label_map, write_luna_csv, write_points, write_predictions, write_slicer_markups
from medtk_monai.prediction.inputs import OTHER_SUFFIXES, Scan, readable
from medtk_monai.prediction.predictor import ScanFindings
from medtk_monai.visualize import plot_overview

PREDICTIONS = "predictions.json"
_UNFINISHED = ".unfinished-"

Writer = Callable[[Path, ScanFindings, Scan, Sequence[str]], None]


def _write_json(folder: Path, prediction: ScanFindings, scan: Scan, names: Sequence[str]) -> None:
    write_predictions(folder / PREDICTIONS, [prediction.case])


def _write_csv(folder: Path, prediction: ScanFindings, scan: Scan, names: Sequence[str]) -> None:
    write_luna_csv(folder / "predictions.csv", [prediction.case])


def _write_slicer(folder: Path, prediction: ScanFindings, scan: Scan, names: Sequence[str]) -> None:
    write_slicer_markups(folder / "findings.mrk.json", prediction.case, names)


def _write_label(folder: Path, prediction: ScanFindings, scan: Scan, names: Sequence[str]) -> None:
    write_label_map(folder / "findings.nii.gz", prediction.case)


def _write_points(folder: Path, prediction: ScanFindings, scan: Scan, names: Sequence[str]) -> None:
    write_points(folder / "points.json", prediction.case, names)


def _write_preview(folder: Path, prediction: ScanFindings, scan: Scan, names: Sequence[str]) -> None:
    plot_overview(prediction.image, prediction.detections, prediction.affine, scan.case_id, folder / "preview.png")


def _write_sr(folder: Path, prediction: ScanFindings, scan: Scan, names: Sequence[str]) -> None:
    from medtk_monai.formats.dicom_sr import write_dicom_sr
    from medtk_monai.transforms.dicom_series import series_files

    with readable(scan) as path:
        files = series_files(path) if Path(path).is_dir() else [path]
        write_dicom_sr(folder / "findings.dcm", prediction.case, files, names)


FORMATS: dict[str, Writer] = {
    "json": _write_json,
    "csv": _write_csv,
    "slicer": _write_slicer,
    "label": _write_label,
    "points": _write_points,
    "preview": _write_preview,
    "sr": _write_sr,
}
"""What can be written for each scan; predictions.json is written always."""
OF_VOLUMES = ("csv", "slicer", "points", "sr")
"""Formats of points in space."""


def comes_from_dicom(scan: Scan) -> bool:
    """Whether a scan is a DICOM series."""
    return not scan.path.lower().endswith(OTHER_SUFFIXES)


def chosen_formats(names: Sequence[str] | None) -> tuple[str, ...]:
    """Checked names of formats; None for all but sr, which needs DICOM.

    Raises:
        DataError: a name is not known.
    """
    chosen = [name for name in FORMATS if name != "sr"] if names is None else list(dict.fromkeys(["json", *names]))
    for name in chosen:
        if name not in FORMATS:
            raise DataError(f"--format {name!r} is not known", remedy=f"choose from {', '.join(FORMATS)}")
    return tuple(chosen)


def left_out(formats: Sequence[str], scan: Scan, prediction: ScanFindings) -> list[str]:
    """The formats that cannot tell of a scan: points in space of a flat image, and a DICOM SR of what is no DICOM series."""
    flat = len(prediction.case["direction"]) == 2
    return [name for name in formats if (flat and name in OF_VOLUMES) or (name == "sr" and not comes_from_dicom(scan))]


def write_case(out: Path, prediction: ScanFindings, scan: Scan, formats: Sequence[str], class_names: Sequence[str]) -> None:
    """Write ``out / scan.folder``, a folder that appears when all its files are whole, or not at all.

    Args:
        class_names: of labels from 0; further ones are named by their numbers.
    """
    without, labels = left_out(formats, scan, prediction), prediction.case["labels"]
    names = [*class_names, *(f"class {label}" for label in range(len(class_names), max(labels, default=0) + 1))]
    with _appearing(out, scan.folder) as folder:
        for name in formats:
            if name not in without:
                FORMATS[name](folder, prediction, scan, names)


@contextmanager
def _appearing(out: Path, name: str) -> Iterator[Path]:
    """A folder to fill, which gets its name when the block ends well and vanishes otherwise."""
    temporary = out / f"{_UNFINISHED}{socket.gethostname()}-{os.getpid()}-{uuid4().hex[:6]}"
    temporary.mkdir(parents=True)
    try:
        yield temporary
        try:
            temporary.rename(out / name)
        except OSError:
            if not (out / name / PREDICTIONS).is_file():  # else another process was faster
                raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def remove_unfinished(out: Path) -> None:
    """Remove what processes of this machine that have died left behind."""
    for folder in out.glob(f"{_UNFINISHED}*-*-*"):
        host, process, _ = folder.name.removeprefix(_UNFINISHED).rsplit("-", 2)
        if host == socket.gethostname() and process.isdecimal() and not _is_alive(int(process)):
            shutil.rmtree(folder, ignore_errors=True)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
