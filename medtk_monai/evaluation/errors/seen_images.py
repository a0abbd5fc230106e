"""Images as the network saw them: their priors, the seams of their windows, and what the training's assigner makes of their objects."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from medtk_monai.anchors import PriorGenerator
from medtk_monai.anchors.layout import per_axis
from medtk_monai.anchors.placement import image_grid
from medtk_monai.assigners import Assigner
from medtk_monai.box_ops import apply_affine, box_sizes, boxes_from_world
from medtk_monai.detectors.coverage import match_objects
from medtk_monai.errors import DataError, as_data_error
from medtk_monai.evaluation.matching import MatchedCase
from medtk_monai.inferers import WindowedInferer
from medtk_monai.structures import UNKNOWN_PRIOR, PriorGrid, Target, Window

ORIGIN = ("level", "cell", "anchor", "stride", "prior_size_mm")
"""Columns that tell where in the network a finding comes from."""
ASSIGNED = ("assigned_level", "num_positives")
"""Columns that tell how the training would have a lesion learnt."""
Margin = int | Sequence[int]
_FAR = 2.0
"""Findings are rarely farther from their prior than once its stride and their own longest side."""
_OTHER_DETECTOR = "give bundle, checkpoint, overlays and values that the findings were made with"


@dataclass(frozen=True)
class DetectorParts:
    """What tells where findings come from; the weights are not needed.

    Args:
        preprocessing: ``image`` (a file) and ``case_id`` -> ``image`` (C, *spatial) and its ``affine``, voxel centers -> RAS mm.
        inferer: of windows.
        assigner: of the training.
        patch_size: of the training, voxels.
    """

    preprocessing: Callable[[dict[str, Any]], Mapping[str, Any]]
    inferer: WindowedInferer
    assigner: Assigner
    patch_size: int | Sequence[int]


@dataclass(frozen=True)
class SeenImage:
    """The image of a case after the preprocessing.

    Args:
        size: (D,) voxels.
        affine: (D + 1, D + 1) float64, voxel centers -> RAS mm.
        generator: of priors.
        windows: that the image is divided into.
        positives: (M, L) int64, how many priors of each level learn each object of the case; 0 for ignored ones.
    """

    size: tuple[int, ...]
    affine: Tensor
    generator: PriorGenerator
    windows: Sequence[Window]
    positives: Tensor

    @property
    def spacing(self) -> Tensor:
        """(D,) float64, mm."""
        return self.affine[:-1, :-1].norm(dim=0)

    def origin(self, prior: int | None, case_id: str = "") -> dict[str, Any]:
        """The values of ``ORIGIN`` of a prior: longest sides of stride (voxels) and prior (mm); None for an unknown prior.

        Raises:
            DataError: the prior lies outside the grid.
        """
        if prior is None:
            return dict.fromkeys(ORIGIN)
        grid = image_grid(self.generator, self.size)
        levels, cells, anchors = _decode(grid, torch.tensor([prior]), case_id)
        level, anchor = int(levels[0]), int(anchors[0])
        # One cell per level tells the sizes of all priors.
        one_cell = self.generator([(1,) * len(self.size)] * len(grid.feature_sizes), "cpu")
        sides = box_sizes(one_cell.boxes)[sum(grid.priors_per_cell[:level]) + anchor]
        stride = max(per_axis(self.generator.strides[level], len(self.size)))
        cell = " ".join(map(str, cells[0].tolist()))
        return dict(zip(ORIGIN, (level, cell, anchor, stride, float((sides * self.spacing).max()))))

    def seam_distances(self, points: Tensor) -> list[float | None]:
        """Distance (N,) of points (N, D), RAS mm, to the nearest border between the cores of two windows, mm; None without one."""
        voxels = apply_affine(points.double(), torch.linalg.inv(self.affine)) + 0.5
        parts = [torch.full((len(points), 1), torch.inf, dtype=torch.float64)]
        for axis, (seams, spacing) in enumerate(zip(self._seams, self.spacing)):
            parts.append((voxels[:, axis, None] - seams).abs() * spacing)
        return [value if value < torch.inf else None for value in torch.cat(parts, dim=1).amin(dim=1).tolist()]

    def share_near_seams(self, distance: float) -> float:
        """The share of the image that lies nearer than some mm to a seam."""
        far = 1.0
        for seams, spacing, size in zip(self._seams, self.spacing.tolist(), self.size):
            low, high = ((seams + sign * distance / spacing).clamp(0, size) for sign in (-1, 1))
            new = torch.maximum(low, torch.cat([low[:1], high[:-1]]))  # what the seam before does not reach
            far *= 1 - float((high - new).sum()) / size
        return 1 - far

    @property
    def _seams(self) -> list[Tensor]:
        """Of each axis, voxels, ascending."""
        starts = (sorted({window.core_min[axis] for window in self.windows} - {0}) for axis in range(len(self.size)))
        return [torch.tensor(start, dtype=torch.float64) for start in starts]

    def check(self, case: MatchedCase) -> None:
        """Refuse findings that cannot come from these priors.

        Raises:
            DataError: a prior lies outside the grid, or most findings lie far from theirs.
        """
        known = case.detections.prior_ids != UNKNOWN_PRIOR
        found = case.detections[known]
        levels, cells, _ = _decode(image_grid(self.generator, self.size), found.prior_ids, case.truth.case_id)
        strides = torch.tensor([per_axis(stride, len(self.size)) for stride in self.generator.strides], dtype=torch.float64)[levels]
        centers = apply_affine((cells + 0.5) * strides - 0.5, self.affine)
        distances = (case.world_centers[known] - centers).norm(dim=1)
        reach = (strides * self.spacing).amax(dim=1) + box_sizes(found.boxes).amax(dim=1)
        far = int((distances > _FAR * reach).sum())
        if far > len(found) / 2:
            raise DataError(f"{far} of {len(found)} findings lie far from their priors", case.truth.case_id, _OTHER_DETECTOR)

    def assigned(self, index: int) -> dict[str, Any]:
        """The values of ``ASSIGNED`` of an object: the level with most positive priors, None without any; the finest of equals."""
        counts = self.positives[index]
        total = int(counts.sum())
        return dict(zip(ASSIGNED, (int(counts.argmax()) if total else None, total)))


def see_images(cases: Sequence[MatchedCase], parts: DetectorParts, margins: Mapping[str, Margin] | None = None) -> list[SeenImage]:
    """How a detector sees the image of each case; reads and prepares each image, one after the other.

    Windows are those of the image as it is, which mirrored and scaled views do not share.

    Args:
        margins: of windows, by case id, where they are not those of the inferer.

    Raises:
        DataError: an image cannot be read or prepared, or findings do not come from these priors.
    """
    frames = [_prepared(case, parts) for case in cases]
    generator = parts.inferer.postprocessor.generator
    targets = [_target(case, affine) for case, (_, affine) in zip(cases, frames)]
    named = [(case.truth.case_id, target) for case, target in zip(cases, targets)]
    matches = iter(match_objects(generator, parts.assigner, named, parts.patch_size))
    seen = []
    for (name, target), (size, affine) in zip(named, frames):
        positives = torch.zeros(len(target), len(generator.strides), dtype=torch.int64)
        for index in (~target.ignored).nonzero()[:, 0].tolist():
            positives[index] = torch.tensor(next(matches).positives_per_level)
        windows = _windows(parts.inferer, size, (margins or {}).get(name), name)
        seen.append(SeenImage(size, affine, generator, windows, positives))
    for image, case in zip(seen, cases):
        image.check(case)
    return seen


def _decode(grid: PriorGrid, ids: Tensor, case_id: str) -> tuple[Tensor, Tensor, Tensor]:
    if len(ids) and not 0 <= int(ids.min()) <= int(ids.max()) < len(grid):
        prior = int(ids.max()) if int(ids.max()) >= len(grid) else int(ids.min())
        raise DataError(f"prior {prior} lies outside a grid of {len(grid)} priors", case_id, _OTHER_DETECTOR)
    return grid.decode(ids)


def _prepared(case: MatchedCase, parts: DetectorParts) -> tuple[tuple[int, ...], Tensor]:
    """Size and affine of an image after the preprocessing."""
    truth = case.truth
    try:
        item = parts.preprocessing({"image": truth.image, "case_id": truth.case_id})
    except Exception as error:
        raise as_data_error(error, truth.case_id, "preparing") from error
    size = tuple(item["image"].shape[1:])
    if len(size) != truth.boxes.centers.shape[1]:
        raise DataError(f"the objects are {truth.boxes.centers.shape[1]}D, the image {len(size)}D", truth.case_id)
    return size, torch.as_tensor(item["affine"], dtype=torch.float64)


def _target(case: MatchedCase, affine: Tensor) -> Target:
    boxes = case.truth.boxes
    return Target(boxes_from_world(boxes.centers, boxes.sizes, boxes.direction, affine), case.truth.labels, case.truth.ignored)


def _windows(inferer: WindowedInferer, size: Sequence[int], margin: Margin | None, case_id: str) -> list[Window]:
    chosen = inferer.margin if margin is None else margin
    try:
        return WindowedInferer(inferer.postprocessor, inferer.window_size, chosen, stride=inferer.stride).plan(size)[0]
    except ValueError as error:
        raise DataError(str(error), case_id, _OTHER_DETECTOR) from error
