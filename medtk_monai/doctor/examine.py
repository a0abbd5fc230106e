"""A data set's examination: everything that is read, and everything that is found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medtk_monai.doctor.entries import Entry, Listing, read_listing
from medtk_monai.doctor.examined import Examined, scan_entries
from medtk_monai.doctor.faults import SEVERITIES, Fault, count_severities
from medtk_monai.doctor.frames import check_frames, count_fits
from medtk_monai.doctor.grid_checks import check_grids
from medtk_monai.doctor.image_checks import check_files
from medtk_monai.doctor.object_checks import check_objects
from medtk_monai.doctor.readings import RAS
from medtk_monai.doctor.set_checks import check_set


@dataclass(frozen=True)
class Demands:
    """What images and labels shall be like, where that is known.

    Args:
        num_classes: labels lie in [0, num_classes); None for as many as the datalist's ``class_names``.
        num_channels: None for what most images have.
        spatial_dims: None for what most boxes or images have.
    """

    num_classes: int | None = None
    num_channels: int | None = None
    spatial_dims: int | None = None


@dataclass(frozen=True)
class Examination:
    """A data set as it was read, and what is wrong with it.

    Args:
        listing: the datalist.
        scans: of its entries.
        findings: errors first, then in the order of splits and cases.
    """

    listing: Listing
    scans: tuple[Examined, ...]
    findings: tuple[Fault, ...]

    @property
    def entries(self) -> Sequence[Entry]:
        """The cases."""
        return self.listing.entries

    def as_json(self) -> dict[str, Any]:
        """Everything that is found, and how many boxes lie in their images under each reading of their numbers."""
        splits = {split: sum(entry.split == split for entry in self.entries) for split in self.listing.splits}
        head = {"datalist": str(self.listing.path), "splits": splits, "counts": count_severities(self.findings)}
        return head | {
            "boxes_in_images": count_fits(self.entries, self.scans),
            "findings": [finding.as_json() for finding in self.findings],
        }


def examine(
    datalist: str | Path,
    dataset_dir: str | Path | None = None,
    demands: Demands | None = None,
    headers_only: bool = False,
    num_workers: int | None = None,
) -> Examination:
    """Read a data set and find what is wrong with it.

    Args:
        datalist: JSON file.
        dataset_dir: folder that relative paths start from; by default that of the datalist.
        demands: what images and labels shall be like.
        headers_only: read no voxels, and no label maps: quick, and blind for what is in them.
        num_workers: processes; None takes one per CPU, fewer for little data.

    Raises:
        DataError: there is no such file, or it is no JSON object.
    """
    wanted = demands or Demands()
    listing = read_listing(datalist, dataset_dir, wanted.num_classes)
    scans = scan_entries(listing.entries, headers_only, num_workers)
    return Examination(listing, tuple(scans), tuple(_ordered(_findings(listing, scans, wanted), listing)))


def _findings(listing: Listing, scans: Sequence[Examined], demands: Demands) -> list[Fault]:
    entries = listing.entries
    framed = check_frames(entries, scans)
    misread = {(finding.split, finding.index) for finding in framed if finding.mend != RAS}
    settled = {(finding.split, finding.index) for finding in framed if finding.kind == "no_space"}
    found = [f for f in listing.findings if f.kind != "no_space" or (f.split, f.index) not in settled] + framed
    for entry, scan in zip(entries, scans):
        found += check_files(entry, scan)
        found += check_objects(entry, scan, (entry.split, entry.index) in misread)
    found += check_grids(entries, scans, demands.spatial_dims, demands.num_channels)
    found += check_set(entries, scans, listing.num_classes)
    return found


def _ordered(findings: Sequence[Fault], listing: Listing) -> list[Fault]:
    splits = [*listing.splits, *{finding.split for finding in findings} - set(listing.splits)]
    return sorted(findings, key=lambda finding: (SEVERITIES.index(finding.severity), splits.index(finding.split), finding.index))
