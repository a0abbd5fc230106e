from __future__ import annotations

import pickle

import pytest
import torch
from monai.data import MetaTensor

from medtk_monai.box_ops import boxes_from_centers
from medtk_monai.metrics import CaseMatches, IoUHit, match_detections
from medtk_monai.structures import Detections, Target
from medtk_monai.visualize import TopFindings, cut_finding, cut_missed, plot_preview
from medtk_monai.visualize.findings import Kind, Panel

SIZE = (40, 30, 20)


def detections(centers: list, scores: list[float], side: float = 4.0) -> Detections:
    points = torch.tensor(centers, dtype=torch.float32)
    count = len(scores)
    zeros = torch.zeros(count, dtype=torch.int64)
    return Detections(boxes_from_centers(points, torch.full_like(points, side)), torch.tensor(scores), zeros, torch.arange(count))


def target(centers: list, ignored: list[bool]) -> Target:
    points = torch.tensor(centers, dtype=torch.float32)
    return Target(
        boxes_from_centers(points, torch.full_like(points, 4.0)), torch.zeros(len(ignored), dtype=torch.int64), torch.tensor(ignored)
    )


def no_objects(dims: int = 3) -> Target:
    return Target(torch.zeros(0, 2 * dims), torch.zeros(0, dtype=torch.int64), torch.zeros(0, dtype=torch.bool))


def no_detections(dims: int = 3) -> Detections:
    return Detections(torch.zeros(0, 2 * dims), torch.zeros(0), *torch.zeros(2, 0, dtype=torch.int64))


def coordinate_image(size=SIZE) -> torch.Tensor:
    """Each voxel holds its own coordinates: 10000 x + 100 y + z."""
    grids = torch.meshgrid(*[torch.arange(n) for n in size], indexing="ij")
    return sum(grid * 100.0 ** (2 - axis) for axis, grid in enumerate(grids))[None]


def match(found: Detections, objects: Target) -> CaseMatches:
    return match_detections(found, objects, IoUHit(0.1))


def value_at(panel: Panel, horizontal: float, vertical: float) -> float:
    """The pixel under a point, mm from the center."""
    left, right, bottom, top = panel.extent
    rows, columns = panel.pixels.shape
    return float(panel.pixels[int((vertical - bottom) / (top - bottom) * rows), int((horizontal - left) / (right - left) * columns)])


def test_panels_show_the_right_voxels_at_the_right_place():
    found, spacing = detections([[20.5, 10.5, 8.5]], [0.9]), (0.5, 1.0, 2.0)
    finding = cut_finding(coordinate_image(), found, 0, no_objects(), match(found, no_objects()), spacing, "sub-01", half_size_mm=6.0)
    axial, coronal, sagittal = finding.panels
    assert [panel.axes for panel in finding.panels] == [("x", "y"), ("x", "z"), ("y", "z")]
    assert value_at(axial, 0, 0) == value_at(coronal, 0, 0) == value_at(sagittal, 0, 0) == 201008
    assert value_at(axial, 1.0, -2.0) == 220808  # 1 mm is two voxels of x, 2 mm are two of y
    assert value_at(coronal, -1.5, 4.0) == 171010
    assert value_at(axial, 5.75, 5.5) == 321608  # the view is filled to its edge
    assert value_at(sagittal, 3.0, -2.0) == 201307
    assert finding.case_id == "sub-01" and finding.kind == Kind.FALSE_POSITIVE and finding.score == pytest.approx(0.9)


def test_boxes_appear_where_they_meet_the_slice():
    found = detections([[20, 10, 8], [23, 10, 12], [20, 10, 40]], [0.9, 0.5, 0.4])
    objects = target([[20, 11, 8], [14, 10, 8]], [False, True])
    finding = cut_finding(coordinate_image(), found, 0, objects, match(found, objects), (0.5, 1.0, 2.0), "sub-01", half_size_mm=6.0)
    axial, coronal, _ = finding.panels
    assert sorted(mark.kind.name for mark in axial.marks) == ["IGNORED_TRUTH", "TRUE_POSITIVE", "TRUTH"]
    own = next(mark for mark in axial.marks if mark.in_focus)
    assert (own.lower, own.upper, own.kind) == ((-1, -2), (1, 2), Kind.TRUE_POSITIVE)
    neighbor = next(mark for mark in coronal.marks if mark.kind == Kind.FALSE_POSITIVE)
    assert (neighbor.lower, neighbor.upper, neighbor.score) == ((0.5, 4), (2.5, 12), 0.5)
    assert len([mark for mark in coronal.marks if mark.score is not None]) == 2  # the third lies outside the view


def test_a_box_that_only_touches_a_slice_does_not_meet_it():
    found = detections([[20.5, 10.5, 8.5]], [0.9])
    objects = target([[20, 10, 11], [20, 10, 6], [20, 10, 10.9]], [False] * 3)  # z: 9 to 13, 4 to 8, 8.9 to 12.9; the slice: 8 to 9
    finding = cut_finding(coordinate_image(), found, 0, objects, match(found, objects), (1, 1, 1), "sub-01")
    assert [mark.kind for mark in finding.panels[0].marks].count(Kind.TRUTH) == 1


@pytest.mark.parametrize("center", [[0, 0, 0], [39.9, 29.9, 19.9], [-5, 10, 8], [200, 200, 200]])
def test_findings_at_the_border_or_outside(center):
    found = detections([center], [0.9])
    finding = cut_finding(coordinate_image(), found, 0, no_objects(), match(found, no_objects()), (1, 1, 1), "sub-01", half_size_mm=5)
    for panel in finding.panels:
        assert max(panel.pixels.shape) <= 12
        assert [mark.in_focus for mark in panel.marks] == [True]


def test_large_boxes_widen_the_view():
    found = detections([[20, 15, 10]], [0.9], side=30.0)
    finding = cut_finding(coordinate_image(), found, 0, no_objects(), match(found, no_objects()), (1, 1, 1), "sub-01", half_size_mm=5)
    assert finding.panels[0].half_size == 45


def test_only_small_crops_are_kept():
    found, image = detections([[100, 100, 50]], [0.9]), MetaTensor(torch.rand(2, 200, 200, 100))
    finding = cut_finding(image, found, 0, no_objects(), match(found, no_objects()), (0.5, 0.5, 1.0), "sub-01", half_size_mm=10)
    assert len(pickle.dumps(finding)) < 50_000


def test_collector_keeps_the_best_of_all_cases():
    generator = torch.Generator().manual_seed(0)
    top, everything = TopFindings(k=4), []
    for case in range(6):
        scores = torch.rand(5, generator=generator).tolist()
        found = detections((torch.rand(5, 3, generator=generator) * 20).tolist(), scores)
        top.update(coordinate_image(), found, no_objects(), match(found, no_objects()), (1, 1, 1), str(case))
        everything += [(score, str(case)) for score in found.scores.tolist()]
    assert [(finding.score, finding.case_id) for finding in top.findings] == sorted(everything, reverse=True)[:4]
    assert top.missed == []


def test_collectors_of_several_processes_can_be_merged():
    parts = [TopFindings(k=2), TopFindings(k=2)]
    for part, scores in zip(parts, ([0.9, 0.3], [0.8, 0.7])):
        found, objects = detections([[5, 5, 5], [15, 15, 15]], scores), target([[30, 20, 10]] * 2, [False, False])
        part.update(coordinate_image(), found, objects, match(found, objects), (1, 1, 1), "sub-01")
    parts[0].merge(parts[1].findings, parts[1].missed)
    assert [finding.score for finding in parts[0].findings] == pytest.approx([0.9, 0.8])
    assert len(parts[0].missed) == 2


def texts_of(figure) -> str:
    parts = [figure, *figure.subfigs]
    return " | ".join(part.get_suptitle() for part in parts)


def test_picture_of_volumes(tmp_path):
    found, objects = detections([[20, 10, 8], [5, 5, 5]], [0.9, 0.5]), target([[20, 11, 8]], [False])
    top = TopFindings()
    top.update(coordinate_image(), found, objects, match(found, objects), (0.5, 1, 2), "sub_$1$_01")
    figure = plot_preview(top.findings, tmp_path / "preview.png")
    assert (tmp_path / "preview.png").read_bytes().startswith(b"\x89PNG")
    assert len(figure.axes) == 6
    assert "sub_$1$_01: true positive, score 0.900" in texts_of(figure) and "false positive, score 0.500" in texts_of(figure)
    labels = {text.get_text() for text in figure.legends[0].get_texts()}
    assert labels == {"annotated object", "true positive", "false positive"}
    colors = {tuple(patch.get_edgecolor()) for axes in figure.axes for patch in axes.patches}
    assert len(colors) == 3


def test_picture_of_flat_images(tmp_path):
    found = detections([[20, 10], [5, 5], [8, 20], [30, 20]], [0.9, 0.5, 0.4, 0.3])
    top = TopFindings()
    top.update(coordinate_image(SIZE[:2]), found, no_objects(2), match(found, no_objects(2)), (1, 1), "photo")
    figure = plot_preview(top.findings, tmp_path / "preview.png")
    assert len(figure.axes) == 4
    bottom, top_edge = figure.axes[0].get_ylim()
    assert bottom > top_edge  # rows go down, as on a screen
    assert value_at(top.findings[0].panels[0], 2.5, -1.5) == 10000 * 22 + 100 * 8


def test_without_detections_the_missed_objects_are_shown(tmp_path):
    found, objects = no_detections(), target([[20, 10, 8], [5, 5, 5], [9, 9, 9]], [False, True, False])
    top = TopFindings(k=1)
    top.update(coordinate_image(), found, objects, match(found, objects), (1, 1, 1), "sub-01")
    assert top.findings == [] and len(top.missed) == 1
    figure = plot_preview(top.findings, tmp_path / "preview.png", top.missed)
    assert "No detections" in texts_of(figure) and "sub-01: missed" in texts_of(figure)
    missed = cut_missed(coordinate_image(), found, 2, objects, match(found, objects), (1, 1, 1), "sub-01")
    assert missed.center == (9, 9, 9) and missed.score is None


def test_with_nothing_at_all_the_picture_says_so(tmp_path):
    figure = plot_preview([], tmp_path / "preview.png")
    assert "No detections and no missed objects" in texts_of(figure)
    assert (tmp_path / "preview.png").stat().st_size > 500


def test_images_without_contrast_or_content_can_be_drawn(tmp_path):
    found = detections([[20, 10], [200, 200]], [0.9, 0.8])
    top = TopFindings()
    for fill in (0.0, float("nan")):
        image = torch.full((1, *SIZE[:2]), fill)
        top.update(image, found, no_objects(2), match(found, no_objects(2)), (1, 1), str(fill))
    plot_preview(top.findings, tmp_path / "preview.png")
    assert [finding.panels[0].pixels.size > 0 for finding in top.findings] == [True, True, False, False]
