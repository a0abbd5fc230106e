"""Findings of files against the objects of a datalist, in millimeters along the axes of each scan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from medtk_monai.box_ops import boxes_to_world
from medtk_monai.errors import DataError
from medtk_monai.evaluation.truth import TruthCase
from medtk_monai.formats.cases import Case, world_boxes
from medtk_monai.metrics import CaseMatches, CenterInBoxHit, Hit, MaskHit, Pairing, match_detections
from medtk_monai.metrics.excuse import COVER, Excuse
from medtk_monai.metrics.rules import Rules
from medtk_monai.scores import read_scores
from medtk_monai.structures import UNKNOWN_PRIOR, Detections, Target
from medtk_monai.transforms.boxes import WorldBoxes

_MAX_OUTSIDE = 0.5
_TOLERANCE_MM = 10.0


@dataclass(frozen=True)
class MatchedCase:
    """The findings and the objects of one case in one frame.

    Args:
        truth: the objects as they were read.
        detections: N findings; boxes in mm along the axes of the frame.
        target: M objects, alike.
        world_centers: (N, D) of the findings, RAS mm.
        direction: (D, D) float64, column d the unit vector of the frame's axis d in the world.
        mask_hit: the masks of the objects, as the rule of points in them; None where the objects are boxes.
    """

    truth: TruthCase
    detections: Detections
    target: Target
    world_centers: Tensor
    direction: Tensor
    mask_hit: MaskHit | None = field(default=None, repr=False)

    def rule(self, hit: Hit | None) -> Hit:
        """A hit rule as it is for this case, None for points in masks.

        Raises:
            DataError: masks are asked for, and the objects are boxes.
        """
        if hit is None and self.mask_hit is None and len(self.target):
            remedy = "give a datalist with label maps, or choose another --hit"
            raise DataError("the objects have no masks, which the hit rule asks for", self.truth.case_id, remedy)
        # Where there are no objects, no rule has anything to say.
        return hit or self.mask_hit or CenterInBoxHit()

    def match(self, hit: Hit | None, pairing: Pairing, excuse: Excuse = COVER) -> CaseMatches:
        """The matches by a hit rule, see ``rule``; ``excuse`` tells which findings an ignored object sets aside.

        Raises:
            DataError: masks are asked for, and the objects are boxes.
        """
        return match_detections(self.detections, self.target, self.rule(hit), self.truth.case_id, pairing, excuse, self.mask_hit)


def case_on_grid(detections: Detections, target: Target, affine: Tensor, case_id: str, patient: str) -> MatchedCase:
    """A case whose findings and objects are boxes in voxels of one grid, as a network has them.

    Args:
        affine: (D + 1, D + 1) of the grid, voxel centers -> RAS mm.
    """
    spacing = affine[:-1, :-1].norm(dim=0).repeat(2)
    truth = TruthCase(case_id, WorldBoxes(*boxes_to_world(target.boxes, affine)), target.labels, target.ignored, patient)
    centers, _, direction = boxes_to_world(detections.boxes, affine)
    found, objects = replace(detections, boxes=detections.boxes * spacing), replace(target, boxes=target.boxes * spacing)
    return MatchedCase(truth, found, objects, centers, direction)


def join_cases(predictions: Sequence[Case], truths: Sequence[TruthCase], source: str, allow_missing: bool = False) -> list[MatchedCase]:
    """Each case of the truth with its findings.

    Args:
        predictions: as read from files.
        source: of the predictions, named in errors.
        allow_missing: cases without predictions count as cases without findings.

    Raises:
        DataError: predictions of unknown cases, missing cases, other dimensions, or findings of which most lie outside the scan.
    """
    by_id = {case["case_id"]: case for case in predictions}
    known = {truth.case_id for truth in truths}
    unknown, missing = [name for name in by_id if name not in known], [truth.case_id for truth in truths if truth.case_id not in by_id]
    if unknown:
        remedy = "case ids must be those of the datalist's split; name it by --split"
        raise DataError(f"{source} has {_count(unknown)} that the truth does not know: {_some(unknown)}", unknown[0], remedy)
    if missing and not allow_missing:
        remedy = "predict them, or count them as cases without findings by --allow_missing"
        raise DataError(f"{source} lacks {_count(missing)}: {_some(missing)}", missing[0], remedy)
    return [_joined(by_id.get(truth.case_id), truth, source) for truth in truths]


def _joined(case: Case | None, truth: TruthCase, source: str) -> MatchedCase:
    dims = truth.boxes.centers.shape[1]
    if case is None:
        case = {"case_id": truth.case_id, "space": "RAS", "direction": np.eye(dims).tolist(), "boxes": [], "scores": [], "labels": []}
    if len(case["direction"]) != dims:
        raise DataError(f"{source}: the findings are {len(case['direction'])}D, the objects {dims}D", truth.case_id)
    centers, sizes, direction = (torch.from_numpy(part) for part in world_boxes(case, "RAS"))
    _check_frame(centers, truth, source)
    if truth.mask is None:
        to_frame, offset, hit = torch.linalg.inv(direction), torch.zeros(dims, dtype=torch.float64), None
        axes = direction
    else:  # the frame of the mask: mm from the corner of its first voxel along its axes
        affine = truth.mask[1]
        spacing = affine[:-1, :-1].norm(dim=0)
        axes = affine[:-1, :-1] / spacing
        to_frame = torch.linalg.inv(axes)
        offset = spacing / 2 - to_frame @ affine[:-1, -1]
        hit = MaskHit(torch.from_numpy(truth.mask[0]), tuple(spacing.tolist()))
    found = _hulls(centers, sizes, direction, to_frame, offset)
    scores, labels = read_scores(case["scores"]), torch.tensor(case["labels"], dtype=torch.int64)
    ids = torch.tensor(case.get("prior_ids") or [UNKNOWN_PRIOR] * len(found), dtype=torch.int64)
    objects = _hulls(truth.boxes.centers, truth.boxes.sizes, truth.boxes.direction, to_frame, offset)
    return MatchedCase(truth, Detections(found, scores, labels, ids), Target(objects, truth.labels, truth.ignored), centers, axes, hit)


def _hulls(centers: Tensor, sizes: Tensor, direction: Tensor, to_frame: Tensor, offset: Tensor) -> Tensor:
    """World boxes -> (N, 2D) hulls in the frame, float64: float32 would round tenths of micrometers, and scores would not tie."""
    middle, reach = centers @ to_frame.T + offset, (sizes / 2) @ (to_frame @ direction).abs().T
    return torch.cat([middle - reach, middle + reach], dim=1)


def _check_frame(centers: Tensor, truth: TruthCase, source: str) -> None:
    """Refuse findings of which most lie outside the scan: their frame is another than they say."""
    outside = _count_outside(centers, truth)
    if outside <= _MAX_OUTSIDE * len(centers):
        return
    mirrored = centers * torch.tensor([-1.0, -1.0, 1.0][: centers.shape[1]], dtype=torch.float64)
    fits = _count_outside(mirrored, truth) < (1 - _MAX_OUTSIDE) * len(centers)
    remedy = "they would fit with RAS and LPS exchanged: correct 'space'" if fits else "check the frame and the unit of the boxes"
    raise DataError(f"{source}: {outside} of {len(centers)} findings lie outside the scan", truth.case_id, remedy)


def _count_outside(centers: Tensor, truth: TruthCase) -> int:
    """How many points lie clearly outside the scan; 0 where its grid is unknown."""
    placed = truth.voxels_of(centers)
    if placed is None:
        return 0
    voxels, size, spacing = placed
    slack = _TOLERANCE_MM / spacing
    return int(((voxels <= -slack) | (voxels >= size + slack)).any(dim=1).sum())


def _count(names: Sequence[str]) -> str:
    return f"{len(names)} case{'' if len(names) == 1 else 's'}"


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")


def match_all(cases: Sequence[MatchedCase], rules: Rules) -> list[CaseMatches]:
    """The matches of each case by some rules."""
    return [case.match(rules.hit, rules.pairing, rules.excuse) for case in cases]
