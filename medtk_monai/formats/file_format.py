"""What is known of a file format: the record that converting, predicting, guessing a file's format and passing over own files read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from medtk_monai.errors import DataError
from medtk_monai.formats.cases import Case
from medtk_monai.formats.grids import Grid

Names = Sequence[str] | None
FindGrid = Callable[[str], Grid | None]
"""Case id -> the grid of its scan, if it is known."""
Need = Literal["images", "class names", "DICOM series"]


def _unreadable(path: Path, find_grid: FindGrid, names: Names) -> list[Case]:
    raise DataError(f"{path}: files of this format are written, but not read", remedy="give a file of another format")


def _of_scans_only(path: Path, cases: Sequence[Case], names: Names) -> None:
    raise DataError(f"{path}: such a file is made of a scan that is predicted", remedy="choose another format")


@dataclass(frozen=True)
class Format:
    """A file format.

    Args:
        name: by which users and documents call it.
        suffixes: of its files, the first of those that are written.
        read: (path, find_grid, class_names) -> cases.
        write: (path, cases, class_names).
        write_scan: instead of it where cases do not tell enough: (path, ``ScanFindings``, files of the scan's DICOM series, class_names) -> what could
            not be told as the scan tells it, in words.
        aliases: other words for the name.
        sign: whether the content is of this format, for suffixes that several have: the document of a .json file, else the first line.
        one_case: a file holds one case.
        dims: of the findings that it can hold.
        only_volumes: predictions write it of volumes only, although it can hold flat images.
        needs: what it takes to be written; class names may be missing, numbers take their place then.
        package: that writes it, and the extra of this package which installs that; None for none.
        loses: what it cannot hold, in the words of ``find_losses`` where it measures that.
        file_name: of predictions in the folder of a case and, if it holds all cases, beside these folders; "" if they do not write it.
        by_default: predictions write it unasked.
        side_file: path -> that of the file that belongs to it.
        stored_grid: what a file tells of a case's grid, from the case that was read with the grid at hand.
    """

    name: str
    suffixes: tuple[str, ...]
    read: Callable[[Path, FindGrid, Names], list[Case]] = _unreadable
    write: Callable[[Path, Sequence[Case], Names], None] = _of_scans_only
    write_scan: Callable[[Path, Any, Sequence[str | Path], Names], Sequence[str]] | None = None
    aliases: tuple[str, ...] = ()
    sign: Callable[[Any], bool] | None = None
    one_case: bool = True
    dims: tuple[int, ...] = (2, 3)
    only_volumes: bool = False
    needs: tuple[Need, ...] = ()
    package: tuple[str, str] | None = None
    loses: tuple[str, ...] = ()
    file_name: str = ""
    by_default: bool = False
    side_file: Callable[[Path], Path] | None = None
    stored_grid: Callable[[Case], Grid | None] = lambda case: case.get("grid")

    @property
    def predicted_dims(self) -> tuple[int, ...]:
        """Of the scans that predictions write it of."""
        return (3,) if self.only_volumes else self.dims

    def suffix_of(self, path: Path) -> str:
        """The longest of its suffixes that a file's name has; "" if it has none."""
        return max((suffix for suffix in self.suffixes if path.name.endswith(suffix)), key=len, default="")

    def case_name(self, path: Path) -> str:
        """The case id in the name of a file of one case: "a/CASE_boxes.json" -> "CASE"."""
        suffix = self.suffix_of(path)
        return path.name.removesuffix(suffix) if suffix else path.stem

    def file_names(self) -> tuple[str, ...]:
        """Of predictions."""
        path = Path(self.file_name)
        return () if not self.file_name else (path.name,) if self.side_file is None else (path.name, self.side_file(path).name)
