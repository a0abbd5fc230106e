"""The files that tell what was found in a scan."""

from __future__ import annotations

import logging
import os
import shutil
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from medtk_monai.atomic import is_alive, make_folder, remove_leftovers
from medtk_monai.errors import DataError, OutputError, find_data_error, import_extra, output_error, root_in_one_line
from medtk_monai.formats.cases import Case
from medtk_monai.formats.class_names import name_of
from medtk_monai.formats.file_format import Format
from medtk_monai.formats.format_table import by_words
from medtk_monai.formats.predictions import MEDTK, PREDICTIONS
from medtk_monai.prediction.inputs import OTHER_SUFFIXES, Scan, readable
from medtk_monai.prediction.output_formats import output_formats
from medtk_monai.prediction.predictor import ScanFindings

logger = logging.getLogger(__name__)
_UNFINISHED = ".unfinished-"


def chosen_formats(names: Sequence[str] | None) -> tuple[str, ...]:
    """The names of formats from their names or aliases, with that of predictions.json; None for all that are written unasked.

    Raises:
        DataError: a name is not known.
    """
    known = output_formats()
    words = by_words(known)
    wanted = [entry.name for entry in known.values() if entry.by_default] if names is None else [MEDTK.name, *names]
    for name in wanted:
        if name not in words:
            raise DataError(f"--formats: {name!r} is not known", remedy=f"choose from {', '.join(known)}")
    return tuple(dict.fromkeys(words[name].name for name in wanted))


def in_todays_words(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings of a run with the names of formats instead of the aliases by which earlier releases called them."""
    words = by_words(output_formats())
    return settings | {key: [words[name].name if name in words else name for name in settings[key]] for key in settings if key == "formats"}


def _cannot_tell(kind: Format, prediction: ScanFindings, scan: Scan) -> bool:
    """Whether a format can tell nothing of a scan: volumes of a flat image, or a DICOM series of what is none."""
    return len(prediction.case["direction"]) not in kind.predicted_dims or (
        "DICOM series" in kind.needs and scan.path.lower().endswith(OTHER_SUFFIXES)
    )


@dataclass(frozen=True)
class CaseFiles:
    """What became of the files of a case.

    Args:
        without: formats that cannot tell of such a scan, and were left out.
        failed: name of a format that could not be written -> why.
        replaced: what a format does not tell as the scan does, in words.
    """

    without: tuple[Format, ...] = ()
    failed: dict[str, str] = field(default_factory=dict)
    replaced: tuple[str, ...] = ()

    @property
    def warnings(self) -> list[str]:
        """Of all that is not as it was asked for."""
        return [*(f"no {name}: {reason}" for name, reason in self.failed.items()), *self.replaced]


def require_packages(formats: Sequence[str]) -> None:
    """Refuse formats, by their names, whose packages are not installed.

    Raises:
        DataError: one is missing.
    """
    for kind in (output_formats()[name] for name in formats):
        if kind.package is not None:
            import_extra(*kind.package)


def write_case(out: Path, prediction: ScanFindings, scan: Scan, formats: Sequence[str], class_names: Sequence[str]) -> CaseFiles:
    """Write ``out / scan.folder``, a folder that appears when all its files are whole, or not at all.

    A format that cannot be written, whatever is odd about the scan, is left out, and predictions.json tells so under "warnings"; the others
    are written. Only predictions.json itself, or a disk that cannot be written, stops the case.

    Args:
        formats: names from ``chosen_formats``.
        class_names: of labels from 0; further ones are named by their numbers.
    """
    known = output_formats()
    wanted = [known[name] for name in formats if not _cannot_tell(known[name], prediction, scan)]
    files = CaseFiles(tuple(known[name] for name in formats if known[name] not in wanted))
    names = all_class_names(class_names, [prediction.case])
    with _appearing(out, scan.folder) as folder:
        for kind in sorted(wanted, key=lambda kind: kind.name == MEDTK.name):  # last, as it tells of the others
            files = _with_file(files, folder / kind.file_name, kind, prediction, scan, names)
    return files


def _with_file(files: CaseFiles, path: Path, kind: Format, prediction: ScanFindings, scan: Scan, names: Sequence[str]) -> CaseFiles:
    """What became of the files, with one more."""
    if kind.name == MEDTK.name:
        warnings = {"warnings": files.warnings} if files.warnings else {}
        kind.write(path, [prediction.case | warnings], names)
        return files
    try:
        return replace(
            files, replaced=(*files.replaced, *(f"{kind.file_name}: {what}" for what in _write(path, kind, prediction, scan, names)))
        )
    except (OSError, OutputError):
        raise
    except Exception as error:
        if find_data_error(error) is None:
            logger.error("case %r: %s", scan.case_id, kind.file_name, exc_info=error)
        for name in kind.file_names():
            (path.parent / name).unlink(missing_ok=True)
        return replace(files, failed=files.failed | {kind.file_name: root_in_one_line(error)})


def all_class_names(class_names: Sequence[str], cases: Sequence[Case]) -> list[str]:
    """Class names, and numbers for the further labels of cases."""
    num_classes = max((label for case in cases for label in case["labels"]), default=0) + 1
    return [*class_names, *(name_of(label, None) for label in range(len(class_names), num_classes))]


def _write(path: Path, kind: Format, prediction: ScanFindings, scan: Scan, names: Sequence[str]) -> Sequence[str]:
    if kind.write_scan is None:
        kind.write(path, [prediction.case], names)
        return ()
    with _series(scan, kind) as series:
        return kind.write_scan(path, prediction, series, names)


@contextmanager
def _series(scan: Scan, kind: Format) -> Iterator[Sequence[str | Path]]:
    """The files of a scan's DICOM series, for a format that needs them."""
    if "DICOM series" not in kind.needs:
        yield []
        return
    from medtk_monai.images.dicom_series import series_files

    with readable(scan) as path:
        yield series_files(path)


@contextmanager
def _appearing(out: Path, name: str) -> Iterator[Path]:
    """A folder to fill, which gets its name when the block ends well and vanishes otherwise."""
    temporary = make_folder(out / f"{_UNFINISHED}{socket.gethostname()}-{os.getpid()}-{uuid4().hex[:6]}")
    try:
        yield temporary
        try:
            temporary.rename(out / name)
        except OSError as error:
            if not (out / name / PREDICTIONS).is_file():  # else another process was faster
                raise output_error(error, out / name) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def remove_unfinished(out: Path) -> None:
    """Remove what processes of this machine that have died left behind."""
    remove_leftovers(out)
    for folder in out.glob(f"{_UNFINISHED}*-*-*"):
        host, process, _ = folder.name.removeprefix(_UNFINISHED).rsplit("-", 2)
        if host == socket.gethostname() and process.isdecimal() and not is_alive(int(process)):
            shutil.rmtree(folder, ignore_errors=True)
