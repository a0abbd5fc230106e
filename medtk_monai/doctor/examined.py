"""What is to be known of a case's files, read once: by the doctor and by the fingerprint."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.data import MetaTensor
from tqdm import tqdm

from medtk_monai.box_ops import spatial_affine, transform_boxes
from medtk_monai.case_mapper import case_mapper
from medtk_monai.doctor.entries import Entry
from medtk_monai.doctor.intensities import Intensities, measure_intensities
from medtk_monai.doctor.label_maps import MapFacts, read_map_facts
from medtk_monai.doctor.readings import stated_boxes
from medtk_monai.errors import DataError, as_data_error
from medtk_monai.images.header import Header
from medtk_monai.images.image_file import is_degenerate, read_header, read_image, read_labels, without_flat_axes
from medtk_monai.transforms.scan_facts import scan_facts

_CASES_PER_WORKER, _MB_PER_WORKER = 250, 150
"""What it takes to make up for the start of a process."""


@dataclass(frozen=True)
class ImageFacts:
    """An image, without its voxels.

    Args:
        size: (D,) voxels.
        affine: (D + 1, D + 1), voxel centers -> RAS mm.
        usable_affine: whether it can be inverted.
        assumed: what the file does not tell; see ``Header``.
        channels: number; 0 if only the header was read.
        digest: of the voxels; "" if they were not read.
        nonfinite: number of voxels that are NaN or infinite.
        constant: whether all voxels have one value.
        facts: see ``scan_facts``; None for headers and unusable images.
    """

    size: tuple[int, ...]
    affine: np.ndarray
    usable_affine: bool
    assumed: tuple[str, ...] = ()
    channels: int = 0
    digest: str = ""
    nonfinite: int = 0
    constant: bool = False
    facts: dict[str, Any] | None = None


@dataclass(frozen=True)
class Examined:
    """What a case's files hold.

    Args:
        image: None if it cannot be read.
        label_map: None if there is none, or it cannot be read, or headers only are read.
        map_grid: size and affine of the label map, or else of the segmentation, if its header can be read.
        map_assumed: what the label map does not tell.
        problems: (kind, error) of files that cannot be read.
        objects: (N, 2D) voxels of the image: the boxes as stated, or else those of the label map.
        intensities: None for headers and unusable images.
    """

    image: ImageFacts | None = None
    label_map: MapFacts | None = None
    map_grid: tuple[tuple[int, ...], np.ndarray] | None = None
    map_assumed: tuple[str, ...] = ()
    problems: tuple[tuple[str, DataError], ...] = ()
    objects: np.ndarray = field(default_factory=lambda: np.zeros((0, 6)))
    intensities: Intensities | None = None


def scan_entries(entries: Sequence[Entry], headers_only: bool = False, num_workers: int | None = None) -> list[Examined]:
    """Read the files of cases, in several processes where that pays; memory is that of one image per process.

    Args:
        headers_only: read no voxels but those of DICOM series.
        num_workers: processes; None takes one per CPU, fewer for little data.

    Raises:
        DataError: a process was ended from outside, as where memory is short.
    """
    workers = _worth_starting(entries, headers_only) if num_workers is None else num_workers
    with case_mapper(workers, partial(torch.set_num_threads, 1)) as mapper:
        scans = mapper(partial(scan_entry, headers_only=headers_only), entries)
        return list(tqdm(scans, total=len(entries), desc="reading", unit="case", disable=None))


def _worth_starting(entries: Sequence[Entry], headers_only: bool) -> int:
    if headers_only:
        return 1
    files = [path for entry in entries for path in (entry.image, entry.label_map) if path]
    megabytes = sum(os.path.getsize(path) for path in files) / 2**20
    return min(os.cpu_count() or 1, int(max(len(entries) / _CASES_PER_WORKER, megabytes / _MB_PER_WORKER)))


def scan_entry(entry: Entry, headers_only: bool = False) -> Examined:
    """Read the files of one case; never raises for what they hold."""
    if not entry.image:
        return Examined()
    try:
        if headers_only and not Path(entry.image).is_dir():
            return _scan_headers(entry)
        return _scan_voxels(entry)
    except Exception as error:
        # One odd file among thousands must not hide what is wrong with the others.
        return Examined(problems=(("unreadable_image", as_data_error(error, entry.case_id, f"reading {entry.image}")),))


def _scan_voxels(entry: Entry) -> Examined:
    image, header = read_image(entry.image, entry.case_id)
    image = without_flat_axes(image, _dims_of(entry))
    scan = Examined(_image_facts(image, header))
    if entry.label_map:
        scan = _with_label_map(scan, entry)
    elif entry.segmentation:
        scan = _with_segmentation(scan, entry)
    return replace(scan, **_objects_in(image, header.byte_values, scan, entry))


def _dims_of(entry: Entry) -> int:
    """Axes to keep: those of the boxes; without any, a single slice counts as flat only if it has two axes of its own."""
    return entry.boxes.shape[1] // 2 if len(entry.boxes) else 2


def _image_facts(image: MetaTensor, header: Header) -> ImageFacts:
    values = np.ascontiguousarray(image.as_tensor().numpy())
    dims = values.ndim - 1
    affine = spatial_affine(image.affine, dims)
    nonfinite = 0 if np.isfinite(values.sum(dtype=np.float64)) else int(values.size - np.count_nonzero(np.isfinite(values)))
    usable = not is_degenerate(affine)
    return ImageFacts(
        values.shape[1:],
        affine.numpy(),
        usable,
        header.assumed,
        values.shape[0],
        hashlib.blake2b(values.data.cast("B"), digest_size=16).hexdigest(),
        nonfinite,
        bool(values.size) and bool((values == values.flat[0]).all()),
        scan_facts(image) if usable and not nonfinite and values.size else None,
    )


def _scan_headers(entry: Entry) -> Examined:
    scan = Examined(_header_facts(entry.image, entry))
    if entry.label_map:
        try:
            header = _header_facts(entry.label_map, entry)
            scan = replace(scan, map_grid=(header.size, header.affine), map_assumed=header.assumed)
        except DataError as error:
            scan = replace(scan, problems=(("unreadable_label_map", error),))
    elif entry.segmentation:
        scan = _with_segmentation(scan, entry)
    return replace(scan, **_objects_in(None, False, scan, entry))


def _header_facts(path: str, entry: Entry) -> ImageFacts:
    header = read_header(path, entry.case_id).without_flat_axes(_dims_of(entry))
    return ImageFacts(header.size, header.affine, not is_degenerate(torch.from_numpy(header.affine)), header.assumed)


def _with_segmentation(scan: Examined, entry: Entry) -> Examined:
    """Its voxels are not read, but boxes that were drawn from it lie where its header says."""
    try:
        header = _header_facts(entry.segmentation, entry)
    except DataError:
        return scan
    return replace(scan, map_grid=(header.size, header.affine)) if header.usable_affine else scan


def _with_label_map(scan: Examined, entry: Entry) -> Examined:
    dims = len(scan.image.size)  # type: ignore[union-attr]
    try:
        numbers, header = read_labels(entry.label_map, entry.case_id)
    except DataError as error:
        return replace(scan, problems=(("unreadable_label_map", error),))
    header = header.without_flat_axes(dims)
    facts = read_map_facts(numbers.reshape(len(numbers), *header.size), header)
    return replace(scan, label_map=facts, map_grid=(facts.size, facts.affine), map_assumed=header.assumed)


def _objects_in(image: MetaTensor | None, byte_values: bool, scan: Examined, entry: Entry) -> dict[str, Any]:
    """Objects in voxels, and the intensities in and around them."""
    grid = scan.image
    if grid is None or not grid.usable_affine:
        return {}
    dims, boxes = len(grid.size), np.zeros((0, 2 * len(grid.size)))
    if entry.boxes.shape[1] == 2 * dims and len(entry.boxes):
        boxes = stated_boxes(entry, grid.affine)
    elif scan.label_map is not None and not is_degenerate(torch.from_numpy(scan.label_map.affine)):
        boxes = map_boxes(scan.label_map, grid)
    readable = image is not None and grid.facts is not None
    return {"objects": boxes, "intensities": _measure(image, boxes, byte_values) if readable else None}


def _measure(image: Any, boxes: np.ndarray, byte_values: bool) -> Intensities:
    return measure_intensities(image.as_tensor().numpy()[0], boxes, byte_values)


def map_boxes(facts: MapFacts, grid: ImageFacts) -> np.ndarray:
    """(N, 2D) hulls of a label map's objects in voxels of the image; none where the dimensions differ."""
    if len(facts.size) != len(grid.size):
        return np.zeros((0, 2 * len(grid.size)))
    to_image = np.linalg.inv(grid.affine) @ facts.affine
    return transform_boxes(torch.from_numpy(facts.boxes), torch.from_numpy(to_image)).numpy()
