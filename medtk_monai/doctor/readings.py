"""The ways in which six numbers may be a box: frames, orders of axes, center and size or corners."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
import torch

from medtk_monai.box_ops import boxes_from_world, boxes_to_world
from medtk_monai.doctor.entries import Entry

RAS, LPS, VOXELS = "RAS", "LPS", "voxels"


@dataclass(frozen=True)
class Reading:
    """A way to read boxes.

    Args:
        frame: "RAS" or "LPS", world mm; or "voxels", where voxel i covers [i, i + 1).
        reverse: whether the axes come in reverse order, as in arrays of SimpleITK.
        corners: whether a box is its lower and upper corner, not its center and size.
    """

    frame: str
    reverse: bool = False
    corners: bool = False

    def __str__(self) -> str:
        order = "zyx" if self.reverse else "xyz"
        return f"{'corners' if self.corners else 'center and size'} in {self.frame}{' mm' * (self.frame != VOXELS)}, axes {order}"

    def distance(self, other: Reading) -> int:
        """In how many ways two readings differ."""
        return (self.frame != other.frame) + (self.reverse != other.reverse) + (self.corners != other.corners)


def readings_for(entry: Entry) -> list[Reading]:
    """All that may be meant; boxes with axes of their own are neither reversed nor corners."""
    turned = entry.direction is not None and not np.allclose(entry.direction, np.eye(len(entry.direction)))
    flags = [False] if turned else [False, True]
    return [Reading(*parts) for parts in product((RAS, LPS, VOXELS), flags, flags)]


def stated_reading(entry: Entry) -> Reading:
    """What the datalist says; RAS where it says nothing."""
    return Reading(entry.space or RAS)


def stated_boxes(entry: Entry, affine: np.ndarray) -> np.ndarray:
    """(N, 2D) voxels of the image, see ``read_boxes``."""
    return read_boxes(entry, stated_reading(entry), affine)[0]


def read_boxes(entry: Entry, reading: Reading, affine: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Hulls (N, 2D) of an entry's boxes in voxels of the image, and sides (N, D) as read, of which some may not be above 0.

    Args:
        affine: (D + 1, D + 1), voxel centers -> RAS mm.
    """
    centers, sizes = _centers_and_sizes(entry, reading)
    if reading.frame == VOXELS:
        return np.concatenate([centers - sizes / 2, centers + sizes / 2], axis=1), sizes
    flip = _flip(reading, centers.shape[1])
    direction = np.eye(centers.shape[1]) if entry.direction is None else entry.direction
    parts = (centers * flip, sizes, direction * flip[:, None], affine)
    return boxes_from_world(*map(torch.from_numpy, parts)).double().numpy(), sizes


def rewritten(entry: Entry, reading: Reading, affine: np.ndarray) -> dict[str, object]:
    """``boxes`` (all of the entry's), ``space`` and ``direction`` of a datalist, from boxes that were meant in another way."""
    centers, sizes = _centers_and_sizes(entry, reading)
    direction = np.eye(centers.shape[1]) if entry.direction is None else entry.direction
    space = reading.frame
    if reading.frame == VOXELS:
        corners = torch.from_numpy(np.concatenate([centers - sizes / 2, centers + sizes / 2], axis=1))
        centers, sizes, direction = (part.numpy() for part in boxes_to_world(corners, torch.from_numpy(affine)))
        space = RAS
    boxes = np.concatenate([centers, sizes], axis=1).round(4) + 0.0
    turned = {} if np.allclose(direction, np.eye(len(direction))) else {"direction": (direction.round(8) + 0.0).tolist()}
    return {"space": space, "boxes": boxes.tolist()} | turned


def _centers_and_sizes(entry: Entry, reading: Reading) -> tuple[np.ndarray, np.ndarray]:
    dims = entry.boxes.shape[1] // 2
    first, second = entry.boxes[:, :dims], entry.boxes[:, dims:]
    if reading.reverse:
        first, second = first[:, ::-1].copy(), second[:, ::-1].copy()
    return ((first + second) / 2, second - first) if reading.corners else (first, second)


def _flip(reading: Reading, dims: int) -> np.ndarray:
    """(D,) signs of the axes that turn a world frame into RAS."""
    return np.array([-1.0, -1.0, 1.0][:dims]) if reading.frame == LPS else np.ones(dims)


def positions(points: np.ndarray, frame: str, affine: np.ndarray) -> np.ndarray:
    """(M, D) points in a world frame -> voxels of the image, where voxel i covers [i, i + 1)."""
    dims = points.shape[1]
    world = points * _flip(Reading(frame), dims)
    inverse = np.linalg.inv(affine)
    return world @ inverse[:dims, :dims].T + inverse[:dims, dims] + 0.5
