"""Planted misses and false positives, and which of them are kept."""

import numpy as np
import torch

from medtk_monai.box_ops import boxes_from_centers
from medtk_monai.metrics import IoUHit, match_detections
from medtk_monai.structures import Detections, Target
from medtk_monai.visualize.errors import WorstErrors, plot_errors

AFFINE = torch.diag(torch.tensor([0.5, 1.0, 2.0, 1.0], dtype=torch.float64))
SIDE, HEAD, LEFT = 150, 26, 4


def look(collector, case_id, objects, found, image=None):
    """Objects: (center, side, ignored); findings: (center, score). Boxes are cubes of voxels on the diagonal."""

    def boxes(rows, side):
        centers = torch.tensor([row[0] for row in rows], dtype=torch.float32).reshape(-1, 1).expand(-1, 3)
        return boxes_from_centers(centers, torch.tensor([side(row) for row in rows]).reshape(-1, 1).expand(-1, 3).float())

    target = Target(
        boxes(objects, lambda row: row[1]),
        torch.zeros(len(objects), dtype=torch.int64),
        torch.tensor([row[2] for row in objects], dtype=bool),
    )
    scores = torch.tensor([row[1] for row in found], dtype=torch.float32)
    detections = Detections(boxes(found, lambda _: 4), scores, torch.zeros(len(found), dtype=torch.int64), torch.arange(len(found)))
    image = torch.zeros(1, 40, 40, 40) if image is None else image
    collector.update(image, AFFINE, detections, target, match_detections(detections, target, IoUHit(0.1)), case_id)


CASES = {
    "a": ([(6, 4, False), (20, 4, False), (32, 6, True)], [(6, 0.9), (13, 0.8)]),
    "b": ([], [(6, 0.7), (20, 0.95)]),
    "c": ([(6, 8, False), (20, 4, False)], [(20, 0.2), (32, 0.1)]),
}


def collected(names, k=2):
    collector = WorstErrors(k)
    for name in names:
        look(collector, name, *CASES[name])
    return collector


def told(errors):
    return [(error.case_id, error.number) for error in errors]


def test_the_worst_are_kept_in_order():
    """Unfound lesions first, the largest of them on top, then those of low scores; ignored ones never. False positives by score."""
    collector = collected("abc", k=3)
    assert told(collector.misses(0.5)) == [("c", 0), ("a", 1), ("c", 1)]
    assert told(collector.misses(0.2)) == [("c", 0), ("a", 1)], "the third is found from 0.2 on"
    assert told(collector.alarms) == [("b", 1), ("a", 1), ("b", 0)]
    assert [error.caption[1] for error in collector.misses(0.5)] == [
        "not found at any score, 16.0 mm",
        "not found at any score, 8.0 mm",
        "best score 0.200, 8.0 mm",
    ]
    assert collector.alarms[0].caption[1] == "score 0.950, no lesion here, 8.0 mm"
    assert collector.alarms[1].caption[1].startswith("score 0.800, 16 mm off a lesion")  # 7 voxels in each direction


def test_order_and_shares_of_the_cases_do_not_matter():
    whole = collected("abc")
    one, other = collected("ca"), collected("bc")
    one.merge([other.state])
    for collector in (collected("cba"), one):
        for kind in (lambda c: c.misses(np.inf), lambda c: c.alarms):
            assert told(kind(collector)) == told(kind(whole))


def test_each_slice_shows_its_box_in_the_middle():
    """A bright cube, cut out of a scan with the axes of AFFINE: its middle is white, with the box in amber around it."""
    image = torch.zeros(1, 40, 40, 40)
    image[0, 16:24, 16:24, 16:24] = 100
    collector = WorstErrors()
    look(collector, "bright", [(20, 8, False)], [], image)
    picture = np.asarray(plot_errors(collector.misses(0.5), [], "1 FP per case"))
    amber = (picture == (255, 176, 0)).all(axis=2)
    for index in range(3):
        begin = LEFT + index * (SIDE + 4)
        view, box = picture[HEAD : HEAD + SIDE, begin : begin + SIDE], amber[HEAD : HEAD + SIDE, begin : begin + SIDE]
        assert (view[SIDE // 2 - 5 : SIDE // 2 + 5, SIDE // 2 - 5 : SIDE // 2 + 5] > 200).all()
        rows, columns = np.nonzero(box)
        across, up = ((4, 8), (4, 16), (8, 16))[index]  # mm of the box; 40 mm are shown
        assert abs(np.ptp(columns) - across / 40 * SIDE) < 4 and abs(np.ptp(rows) - up / 40 * SIDE) < 4
        assert abs(rows.mean() - SIDE / 2) < 4 and abs(columns.mean() - SIDE / 2) < 4


def test_a_box_outside_of_the_scan_is_shown_too():
    collector = WorstErrors()
    look(collector, "far", [], [(-60, 0.9), (90, 0.8)])
    assert plot_errors([], collector.alarms, "1 FP per case").size[0] > 300
