"""Which scans a user means: files, folders, DICOM series, archives, patterns and datalists."""

from __future__ import annotations

import os
import tempfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from glob import glob
from pathlib import Path
from typing import Any

from medtk_monai.data.datalist import IMAGE_SUFFIXES, case_name, chosen_split, load_datalist
from medtk_monai.errors import DataError
from medtk_monai.formats.case_names import folder_of_case
from medtk_monai.images.dicom_files import dicom_class, is_dicom_image
from medtk_monai.prediction.own_files import is_own_file, is_own_folder, own_names

OTHER_SUFFIXES = (*IMAGE_SUFFIXES, ".nhdr")
"""Of images other than DICOM."""
READABLE_SUFFIXES = (*OTHER_SUFFIXES, ".dcm")
MAX_ARCHIVE_BYTES = 20 * 10**9
"""An archive that unpacks to more is refused."""
_SUSPICIOUS_BYTES, _SUSPICIOUS_TIMES = 5 * 10**8, 100
"""As is one that unpacks to more than both: slices of a scan are no such emptiness."""


@dataclass(frozen=True)
class Scan:
    """One scan to look at.

    Args:
        case_id: as a datalist or the name of the file tells it.
        path: an image file, a folder of one DICOM series, or a zip archive of one.
        has_twin: another scan's id differs from its own in upper and lower case alone.
    """

    case_id: str
    path: str
    has_twin: bool = False

    @property
    def folder(self) -> str:
        """A name for the folder of what is found in it, which no other case has, see ``folder_of_case``."""
        return folder_of_case(self.case_id, own_names(), self.has_twin)


def scans_of(cases: Sequence[Mapping[str, Any]]) -> list[Scan]:
    """The scans of cases as ``load_datalist`` gives them."""
    return _with_twins([Scan(case["case_id"], case["image"]) for case in cases])


def find_scans(inputs: Sequence[str | os.PathLike], split: str | None = None) -> list[Scan]:
    """The scans that some words on a command line stand for, each with a case id of its own.

    Args:
        inputs: image files, DICOM folders, zip archives, folders that hold such (DICOM folders at any depth), patterns, or datalists.
            Files of predictions, and DICOM files that are no images, are passed over.
        split: of datalists; None for "test" where there is one, else the only one.

    Raises:
        DataError: nothing is found, or a datalist is not as described.
    """
    found = [scan for word in inputs for scan in _expand(str(word), split)]
    if inputs and not found:
        what = f"{', '.join(map(str, inputs))}: nothing but files of predictions, or DICOM files that are no images"
        raise DataError(what, remedy="give the scans")
    unique = list({path: replace(scan, path=path) for scan in found for path in [os.path.abspath(scan.path)]}.values())
    return _with_own_names(unique)


def _expand(word: str, split: str | None) -> list[Scan]:
    path = Path(word).expanduser()
    if path.is_file() and path.suffix == ".json" and not is_own_file(path):
        return _from_datalist(path, split)
    matches = [path] if path.exists() else [Path(match) for match in sorted(glob(str(path), recursive=True))]
    if not matches:
        raise DataError(f"no file, folder or pattern {word}", remedy="check the path; put patterns in quotes")
    return [scan for match in matches for scan in (_in_folder(match) if match.is_dir() else _in_file(match))]


def _in_file(path: Path) -> list[Scan]:
    """An image or an archive; nothing for what a pattern may have found beside it: files of predictions, DICOM that is no image."""
    if is_own_file(path):
        return []
    if not _may_be_dicom(path) or is_dicom_image(path):
        return [Scan(case_name(path), str(path))]
    if dicom_class(path) is None:
        raise DataError(f"{path} is not an image that can be read", remedy=f"give {', '.join(READABLE_SUFFIXES)}, a DICOM folder or .zip")
    return []


def _in_folder(folder: Path) -> list[Scan]:
    """All images and archives directly in a folder, and all DICOM series at or below it."""
    files = [path for path in _visible_files(folder) if not _may_be_dicom(path) and not is_own_file(path)]
    series = _dicom_folders(folder)
    if not files and not series and not is_own_folder(folder):
        raise DataError(f"folder {folder} holds no images", remedy=f"give a folder of {', '.join(READABLE_SUFFIXES)} files or DICOM series")
    return [Scan(case_name(path), str(path)) for path in files] + [Scan(path.resolve().name, str(path)) for path in series]


def _visible_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))


def _dicom_folders(root: Path) -> list[Path]:
    """The folders at or below ``root`` that hold DICOM images, but for hidden ones."""
    found = []
    for name, below, _ in os.walk(root):
        below[:] = [folder for folder in below if not folder.startswith(".")]
        found += [Path(name)] if _holds_dicom(Path(name)) else []
    return sorted(found)


def _holds_dicom(folder: Path) -> bool:
    """Whether any file is a DICOM image; none after the first is opened."""
    return any(_may_be_dicom(path) and is_dicom_image(path) for path in _visible_files(folder) if path.name != "DICOMDIR")


def _may_be_dicom(path: Path) -> bool:
    """Whether a file can be DICOM by its name: it is no archive and of no other format that can be read."""
    return not path.name.lower().endswith((*OTHER_SUFFIXES, ".zip"))


def _from_datalist(path: Path, split: str | None) -> list[Scan]:
    # What is known to be in the scans is not used, nor is the radius of points.
    cases = load_datalist(path, chosen_split(path, split), point_radius_mm=1.0)
    return scans_of(cases)


def _with_own_names(scans: Sequence[Scan]) -> list[Scan]:
    """Scans whose folders have different names, as far as their suffixes and the folders above tell them apart."""
    scans = _with_suffixes(scans)
    for depth in range(1, 8):
        taken = Counter(scan.folder for scan in scans)
        if max(taken.values(), default=1) == 1:
            break
        scans = [_named_deeper(scan, depth) if taken[scan.folder] > 1 else scan for scan in scans]
    else:
        name = max(taken, key=lambda name: taken[name])
        raise DataError(f"{taken[name]} scans have this name", name, "rename them, or predict them into different folders")
    return _with_twins(scans)


def _with_twins(scans: Sequence[Scan]) -> list[Scan]:
    """Scans that know whether another one's id differs in upper and lower case alone: many file systems take these for equal."""
    taken = Counter(scan.case_id.casefold() for scan in scans)
    return [replace(scan, has_twin=taken[scan.case_id.casefold()] > 1) for scan in scans]


def _with_suffixes(scans: Sequence[Scan]) -> list[Scan]:
    """Files of one folder that differ in their suffixes alone bear these too: scan_nii_gz and scan_mha."""
    taken = Counter((Path(scan.path).parent, scan.folder) for scan in scans)
    twins = [taken[Path(scan.path).parent, scan.folder] > 1 for scan in scans]
    suffixes = [Path(scan.path).name.removeprefix(case_name(scan.path)).replace(".", "_") for scan in scans]
    return [replace(scan, case_id=scan.case_id + suffix) if twin else scan for scan, twin, suffix in zip(scans, twins, suffixes)]


def _named_deeper(scan: Scan, depth: int) -> Scan:
    """A scan that bears the name of its ``depth``-th parent folder too, if it has so many."""
    parents = Path(scan.path).absolute().parents
    folder = parents[depth - 1].name if depth <= len(parents) else ""
    return replace(scan, case_id=f"{folder}_{scan.case_id}" if folder else scan.case_id)


@contextmanager
def readable(scan: Scan) -> Iterator[str]:
    """A path that MONAI can read: that of the scan, or of the DICOM folder in its archive, unpacked for the time being.

    Raises:
        DataError: the archive is broken, too large, or holds no series or several.
    """
    if not scan.path.lower().endswith(".zip"):
        yield scan.path
        return
    with tempfile.TemporaryDirectory(prefix="medtk-") as folder:
        _unpack(scan, Path(folder))
        series = _dicom_folders(Path(folder))
        if len(series) != 1:
            what = f"archive {scan.path} holds {len(series)} folders of DICOM files"
            raise DataError(what, scan.case_id, "put each series into an archive of its own")
        yield str(series[0])


def _unpack(scan: Scan, folder: Path) -> None:
    try:
        with zipfile.ZipFile(scan.path) as archive:
            size = sum(member.file_size for member in archive.infolist())
            packed = sum(member.compress_size for member in archive.infolist())
            if size > MAX_ARCHIVE_BYTES or (size > _SUSPICIOUS_BYTES and size > _SUSPICIOUS_TIMES * packed):
                what = f"archive {scan.path} of {packed / 1e6:.0f} MB would unpack to {size / 1e9:.1f} GB"
                raise DataError(what, scan.case_id, "unpack it yourself, if it is what it should be")
            archive.extractall(folder)  # leaves out what would lead outside
    except (zipfile.BadZipFile, zlib.error, OSError, RuntimeError) as error:
        raise DataError(f"cannot unpack {scan.path}: {error}", scan.case_id, "copy the archive again") from error
