"""Which scans a folder of predictions tells of: known by their content, not by their paths alone."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from medtk_monai.data.content import Content
from medtk_monai.errors import DataError
from medtk_monai.formats import read_predictions
from medtk_monai.formats.predictions import PREDICTIONS
from medtk_monai.prediction.inputs import Scan

CONTENT = "content"
"""Key of an entry of predictions.json: what the scan was when it was looked at."""


@dataclass(frozen=True)
class KnownScan:
    """A scan that an earlier run has done.

    Args:
        case_id: under which it was done.
        file: of what was found in it.
        content: what it was; None where an earlier release has not noted it.
    """

    case_id: str
    file: Path
    content: Content | None


def case_files(out: Path) -> list[Path]:
    """The predictions of finished scans; folders that are being written begin with a dot."""
    return sorted(path for path in out.glob(f"*/{PREDICTIONS}") if not path.parent.name.startswith("."))


def scans_done(out: Path) -> dict[str, KnownScan]:
    """Path -> what is known of the scan, whatever it would be called among those of this run."""
    return {
        os.path.abspath(case["image"]): KnownScan(case["case_id"], path, Content.read(case.get(CONTENT)))
        for path in case_files(out)
        for case in read_predictions(path)
    }


def check_unchanged(scans: Sequence[Scan], done: dict[str, KnownScan]) -> None:
    """Refuse findings of what lay under a scan's path before.

    Raises:
        DataError: a scan is not what it was when it was done, or nobody has noted what it was.
    """
    for scan in scans:
        known = done.get(os.path.abspath(scan.path))
        if known is None:
            continue
        remedy = f"remove {known.file.parent} to have it done again, or choose another --out"
        if known.content is None:
            what = f"{known.file} does not tell what {scan.path} was when it was looked at, as an earlier release made it"
            raise DataError(what, scan.case_id, remedy)
        if not known.content.is_of(scan.path):
            raise DataError(f"{scan.path} is no longer the scan of which {known.file} tells: its content has changed", scan.case_id, remedy)
