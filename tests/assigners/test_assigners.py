"""The contract of all assigners, and what is particular to each."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from medtk_monai.anchors import AnchorGenerator, PointGenerator
from medtk_monai.assigners import (
    ATSSAssigner,
    CombinedAssigner,
    DistAssigner,
    IoUAssigner,
    MaxIoUAssigner,
    NearestAssigner,
    SimOTAAssigner,
    TaskAlignedAssigner,
    UniformAssigner,
    ValidMarginAssigner,
)
from medtk_monai.assigners.lookup import priors_inside
from medtk_monai.box_ops import box_centers, pairwise_iou
from medtk_monai.structures import IGNORED, NEGATIVE, Prediction, PriorGrid, Priors, Target

ASSIGNERS = [
    ATSSAssigner(9),
    ATSSAssigner(1),
    ATSSAssigner(4, center_inside=False),
    ATSSAssigner(9, ignore_near=False),
    DistAssigner(),
    DistAssigner(0.3, 0.8, level_size=3.0),
    NearestAssigner(),
    NearestAssigner(3, 0, level_size=3.0),
    DistAssigner(metric="euclidean"),
    IoUAssigner(),
    IoUAssigner(0.7, 0.6, per_dimension=True),
    MaxIoUAssigner(),
    UniformAssigner(),
    UniformAssigner(use_prediction=True),
    TaskAlignedAssigner(),
    SimOTAAssigner(ignore_near=False),
    CombinedAssigner(ATSSAssigner(), NearestAssigner()),
    ValidMarginAssigner(ATSSAssigner(), 3),
]
SIDE = {2: 48, 3: 24}


def priors(dims):
    sizes = [(SIDE[dims] // stride,) * dims for stride in (2, 4, 8)]
    return [AnchorGenerator([2, 4, 8], [[5], [10], [20]])(sizes), PointGenerator([2, 4, 8])(sizes)]


def target(boxes, ignored=None):
    boxes = torch.as_tensor(boxes, dtype=torch.float32)
    flags = torch.tensor(ignored or [False] * len(boxes), dtype=torch.bool)
    return Target(boxes, torch.zeros(len(boxes), dtype=torch.int64), flags)


def random_target(dims, number, seed):
    generator = torch.Generator().manual_seed(seed)
    lower = torch.rand(number, dims, generator=generator) * (SIDE[dims] - 4)
    sizes = 0.5 + 14 * torch.rand(number, dims, generator=generator) ** 2
    return target(torch.cat([lower, (lower + sizes).clamp(max=SIDE[dims])], dim=1))


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("assigner", ASSIGNERS, ids=str)
@pytest.mark.parametrize("kind", [0, 1], ids=["anchors", "points"])
class TestContract:
    def test_without_objects_all_is_background(self, assigner, dims, kind):
        grid = priors(dims)[kind]
        assert (assigner(grid, target(torch.zeros(0, 2 * dims))).objects == NEGATIVE).all()

    def test_every_object_is_learnt_by_someone(self, assigner, dims, kind):
        grid = priors(dims)[kind]
        for seed in range(10):
            objects = random_target(dims, 1 + seed, seed)
            assignment = assigner(grid, objects)
            assert set(assignment.objects[assignment.positive].tolist()) == set(range(len(objects)))

    def test_nested_twin_and_tiny_objects_are_learnt(self, assigner, dims, kind):
        outer, inner, tiny = [4.0] * dims + [16.0] * dims, [8.0] * dims + [11.0] * dims, [20.1] * dims + [20.9] * dims
        assignment = assigner(priors(dims)[kind], target([outer, inner, inner, tiny]))
        assert {0, 1, 2, 3} <= set(assignment.objects.tolist())

    def test_priors_of_ignored_objects_are_ignored(self, assigner, dims, kind):
        grid, boxes = priors(dims)[kind], [[2.0] * dims + [8.0] * dims, [12.0] * dims + [20.0] * dims]
        free = assigner(grid, target(boxes))
        assignment = assigner(grid, target(boxes, [False, True]))
        assert (assignment.objects[free.objects == 1] == IGNORED).all()
        assert set(assignment.objects.tolist()) == {0, NEGATIVE, IGNORED}
        assert torch.equal(assignment.objects == 0, free.objects == 0)

    def test_what_an_ignored_object_covers_is_ignored_in_place_of_its_box(self, assigner, dims, kind):
        """A box of which the object fills one end: the rest of the box teaches as before, but for priors that it claims itself."""
        grid, boxes = priors(dims)[kind], [[2.0] * dims + [6.0] * dims, [8.0] * dims + [22.0] * dims]
        region = torch.zeros((SIDE[dims],) * dims, dtype=torch.uint8)
        region[(slice(8, 11), *(slice(8, 22),) * (dims - 1))] = 1
        flags = torch.tensor([False, True])
        by_box = assigner(grid, target(boxes, [False, True])).objects
        by_region = assigner(grid, replace(target(boxes, [False, True]), ignored_region=region, in_region=flags)).objects
        inside = region[tuple(grid.centers.floor().long().T)] > 0
        assert torch.equal(by_region == 0, by_box == 0)
        assert (by_region[inside & (by_region < 0)] == IGNORED).all()
        assert ((by_region == IGNORED) <= (by_box == IGNORED)).all()
        hollow = priors_inside(grid, torch.tensor(boxes[1:])).priors
        hollow = hollow[~inside[hollow] & (grid.levels[hollow] == 0)]
        assert (by_box[hollow] == IGNORED).all() and (by_region[hollow] == NEGATIVE).double().mean() > 0.5
        # An object that a patch shows in part is ignored by its box as before.
        cut = assigner(grid, replace(target(boxes, [False, True]), ignored_region=torch.zeros_like(region), in_region=flags & False))
        assert torch.equal(cut.objects, by_box)

    def test_a_region_is_ignored_where_no_object_is_left(self, assigner, dims, kind):
        grid, region = priors(dims)[kind], torch.zeros((SIDE[dims],) * dims, dtype=torch.uint8)
        region[(slice(0, 9),) * dims] = 1
        none = replace(target(torch.zeros(0, 2 * dims)), ignored_region=region, in_region=torch.zeros(0, dtype=torch.bool))
        found = assigner(grid, none).objects
        inside = region[tuple(grid.centers.floor().long().T)] > 0
        assert torch.equal(found == IGNORED, inside) and inside.any() and (found[~inside] == NEGATIVE).all()

    def test_the_grid_changes_nothing(self, assigner, dims, kind, monkeypatch):
        grid = priors(dims)[kind]
        for seed in range(4):
            objects = random_target(dims, 1 + 2 * seed, seed)
            compared = assigner(grid, objects).objects
            with monkeypatch.context() as patch:
                patch.setattr("medtk_monai.assigners.lookup.FEW", -1)
                read_off = assigner(grid, objects).objects
            # Priors equally far may be listed in another order.
            assert (compared != read_off).float().mean() < 0.002

    def test_inputs_stay_as_they_were(self, assigner, dims, kind):
        grid, objects = priors(dims)[kind], random_target(dims, 4, 0)
        before = objects.boxes.clone(), grid.boxes.clone()
        assigner(grid, objects)
        assert torch.equal(objects.boxes, before[0]) and torch.equal(grid.boxes, before[1])


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 12), st.integers(0, 10**6))
def test_atss_by_a_loop_over_objects(number, seed):
    """The paper's rule for each object alone; where it names a prior for one object only, the assigner must agree."""
    grid, objects = priors(2)[0], random_target(2, number, seed)
    claims = torch.zeros(number, len(grid), dtype=torch.bool)
    centers = (grid.boxes[:, :2] + grid.boxes[:, 2:]) / 2
    for i, box in enumerate(objects.boxes):
        distance = (centers - (box[:2] + box[2:]) / 2).norm(dim=1)
        near = torch.cat([torch.where(grid.levels == k)[0][distance[grid.levels == k].argsort(stable=True)[:9]] for k in range(3)])
        iou = pairwise_iou(grid.boxes[near], box[None])[:, 0]
        inside = ((centers[near] >= box[:2]) & (centers[near] < box[2:])).all(dim=1)
        claims[i, near[(iou >= iou.mean() + iou.std(unbiased=False)) & (iou > 0) & inside]] = True
    found = ATSSAssigner(9)(grid, objects).objects
    alone = claims.sum(dim=0) == 1
    learnt_by_rescue = {i for i in range(number) if not (claims[i] & (found == i)).any()}
    for prior in torch.where(alone)[0].tolist():
        owner = int(claims[:, prior].nonzero()[0])
        assert found[prior] == owner or int(found[prior]) in learnt_by_rescue or _near_tie(grid, objects, owner)


def _near_tie(grid, objects, owner):
    """Whether the ninth and tenth nearest prior of a level are equally far, so that the candidates are a matter of taste."""
    box = objects.boxes[owner]
    distance = ((grid.boxes[:, :2] + grid.boxes[:, 2:]) / 2 - (box[:2] + box[2:]) / 2).norm(dim=1)
    ranked = [distance[grid.levels == level].sort().values for level in range(3)]
    return any((level[9] - level[8]).abs() < 1e-4 for level in ranked)


def test_atss_gives_a_contested_prior_to_the_better_fit():
    grid = AnchorGenerator([4], [[4]])([(2, 1)])  # (0, 0, 4, 4) and (4, 0, 8, 4)
    assignment = ATSSAssigner(1)(grid, target([[0, 0, 4, 3.0], [0, 0, 4, 4.0]]))
    assert assignment.objects[0] == 1


@pytest.mark.parametrize("x, expected", [(15, 0), (17.4, 0), (17.6, IGNORED), (19.9, IGNORED), (20.1, NEGATIVE)])
def test_dist_rings(x, expected):
    """Half side 5: distances 0, 0.48, 0.52, 0.98 and 1.02 of it along one axis."""
    grid = PointGenerator([1])([(40, 40)])
    at = (grid.boxes[:, :2].floor() == torch.tensor([15.0, 15.0])).all(dim=1).nonzero()[0]
    moved = [10.0 + 15.5 - x, 10.5, 20.0 + 15.5 - x, 20.5]
    assert DistAssigner(0.5, 1.0)(grid, target([moved])).objects[at] == expected


def test_dist_learns_an_object_at_the_level_of_its_size():
    grid = priors(2)[1]
    objects = target([[2, 2, 8, 8.0], [10, 10, 34, 34.0]])
    assignment = DistAssigner(0.5, 1.0, level_size=3.0)(grid, objects)
    assert set(grid.levels[assignment.objects == 0].tolist()) == {0}
    assert set(grid.levels[assignment.objects == 1].tolist()) == {2}


def test_nearest_gives_every_object_the_same_number_whatever_its_size():
    grid = PointGenerator([2])([(24, 24)])
    objects = target([[4.9, 4.9, 5.2, 5.2], [20, 20, 40, 40.0]])
    assignment = NearestAssigner(4, 8)(grid, objects)
    assert [(assignment.objects == i).sum().item() for i in (0, 1, IGNORED)] == [4, 4, 16]


def test_nearest_measures_in_mm():
    grid = PointGenerator([1])([(9, 9)])
    objects = target([[4, 4, 5, 5.0]])  # its center is that of cell (4, 4)
    _, cells, _ = PriorGrid(((9, 9),), (1,)).decode((NearestAssigner(3, 0, spacing=(5.0, 1.0))(grid, objects).objects == 0).nonzero()[:, 0])
    assert cells.tolist() == [[4, 3], [4, 4], [4, 5]]


def test_atss_without_the_center_rule_reaches_more_priors_of_a_tiny_object():
    grid = AnchorGenerator([4], [[4]])([(8, 8, 8)])
    objects = target([[14.75] * 3 + [17.25] * 3])  # between eight cells
    counts = [int((ATSSAssigner(4, center_inside=c)(grid, objects).objects == 0).sum()) for c in (True, False)]
    assert counts == [1, 4]


def line(*values):
    """Priors of side 4 with centers 2, 6, 10, ... on a line."""
    return AnchorGenerator([4], [[4]])([(values[0], 1)])


def test_iou_thresholds_and_rescue():
    """Object (1, 0, 5, 4): IoU 3/5 with the first prior, 1/7 with the second; object (24, 0, 25, 1) has 1/16 with the seventh."""
    objects = target([[1, 0, 5, 4.0], [24, 0, 25, 1.0]])
    assert IoUAssigner(0.5, 0.1)(line(8), objects).objects.tolist() == [0, IGNORED, *[NEGATIVE] * 4, 1, NEGATIVE]
    assert IoUAssigner(0.5, 0.2)(line(8), objects).objects.tolist() == [0, NEGATIVE, *[NEGATIVE] * 4, 1, NEGATIVE]
    # 0.75^2 = 0.56 < 0.6 < 0.75: one threshold per axis finds what a plain one does not, and the rescue hides it only for the best.
    assert IoUAssigner(0.75, 0.35, per_dimension=True)(line(8), objects).objects[1] == IGNORED


def test_max_iou_takes_one_prior_per_object():
    objects = target([[1, 0, 9, 4.0], [1, 0, 9, 4.0]])
    assigned = MaxIoUAssigner(0.05)(line(8), objects).objects
    assert sorted(assigned[:3].tolist()) == [IGNORED, 0, 1] and (assigned[3:] == NEGATIVE).all()


def test_uniform_takes_the_same_number_whatever_the_size():
    grid = AnchorGenerator([2], [[8]])([(24, 24)])
    assigned = UniformAssigner(4, 0.0, 0.7)(grid, target([[10, 10, 12, 12.0], [24, 24, 40, 40.0]])).objects
    assert [(assigned == i).sum().item() for i in (0, 1)] == [4, 4]


def test_uniform_ignores_what_already_finds_the_object_and_poor_positives():
    grid, objects = line(8), target([[0, 0, 4, 4.0]])
    boxes = grid.boxes.clone()
    boxes[1] = objects.boxes[0]
    assigned = UniformAssigner(1, 0.0, 0.7)(grid, target([[0, 0, 4.5, 4.0]]), Prediction(torch.zeros(8, 1), boxes)).objects
    assert assigned.tolist() == [0, IGNORED, *[NEGATIVE] * 6]
    assigned = UniformAssigner(2, 0.5, 1.0)(grid, target([[0, 0, 5.0, 4.0]])).objects
    assert assigned.tolist() == [0, IGNORED, *[NEGATIVE] * 6]


def test_uniform_with_predictions_adds_the_priors_whose_boxes_came_nearest():
    grid, objects = line(8), target([[0, 0, 4, 4.0]])
    boxes = grid.boxes.clone()
    boxes[3] = objects.boxes[0] + 0.1
    assigned = UniformAssigner(1, 0.0, 1.0, use_prediction=True)(grid, objects, Prediction(torch.zeros(8, 1), boxes)).objects
    assert (assigned == 0).nonzero()[:, 0].tolist() == [0]
    boxes[0] = boxes[7]
    assigned = UniformAssigner(1, 0.0, 1.0, use_prediction=True)(grid, objects, Prediction(torch.zeros(8, 1), boxes)).objects
    assert (assigned == 0).nonzero()[:, 0].tolist() == [0, 3]


def test_task_aligned_weighs_score_and_box():
    """Equal boxes: the surest prior; equal scores: the best box; an object of another class counts the score of its own."""
    grid, objects = PointGenerator([1])([(5, 1)]), target([[0, 0, 5, 1.0]])
    logits, boxes = torch.full((5, 2), -3.0), objects.boxes.repeat(5, 1)
    logits[3, 0], logits[1, 1] = 1, 5
    chosen = TaskAlignedAssigner(1)(grid, objects, Prediction(logits, boxes)).objects
    assert (chosen == 0).nonzero()[:, 0].tolist() == [3] and (chosen[[0, 1, 2, 4]] == IGNORED).all()
    boxes[3] = torch.tensor([3, 0, 4, 1.0])
    assert (TaskAlignedAssigner(1)(grid, objects, Prediction(logits, boxes)).objects == 0).nonzero()[0, 0] != 3


def test_sim_ota_gives_an_object_as_many_priors_as_its_overlaps_add_up_to():
    grid, objects = PointGenerator([1])([(6, 1)]), target([[0, 0, 6, 1.0]])
    boxes = torch.tensor([[0, 0, 6, 1.0]] * 2 + [[0, 0, 3, 1.0]] * 3 + [[0, 0, 0.1, 1.0]])  # IoU 1, 1, 0.5 three times, 0.02
    logits = torch.zeros(6, 1)
    assigned = SimOTAAssigner()(grid, objects, Prediction(logits, boxes)).objects
    assert (assigned == 0).sum() == 3 and {0, 1} <= set((assigned == 0).nonzero()[:, 0].tolist())
    assert (SimOTAAssigner(ignore_near=False)(grid, objects, Prediction(logits, boxes)).objects == NEGATIVE).sum() == 3


def test_combined_teaches_every_object_to_anchors_and_points_as_each_alone():
    anchors, points = (p[torch.arange(len(p))] for p in priors(2))
    mixed = [torch.cat([getattr(anchors, f), getattr(points, f)]) for f in ("boxes", "strides", "levels", "ids", "points")]
    objects, alone = random_target(2, 5, 3), (ATSSAssigner(), NearestAssigner())
    found = CombinedAssigner(*alone)(Priors(*mixed), objects).objects
    assert torch.equal(found, torch.cat([alone[0](anchors, objects).objects, alone[1](points, objects).objects]))


@pytest.mark.parametrize("inner", [NearestAssigner(4, 8), IoUAssigner(), ATSSAssigner()], ids=str)
def test_a_valid_margin_is_ignored_at_cut_faces_only_and_rescues_nobody_into_it(inner):
    grid = AnchorGenerator([2], [[5]])([(12, 12)])
    boxes = [[1, 10, 3.0, 12], [5, 5, 6, 6.0], [20, 20, 24, 24]]
    cut = torch.tensor([True, False, False, False])  # the lower face of the first axis
    objects = replace(target(boxes), cut=cut)
    assigned = ValidMarginAssigner(inner, 4)(grid, objects).objects
    margin = box_centers(grid.boxes)[:, 0] < 4
    assert (assigned[margin] == IGNORED).all() and not (assigned == 0).any()
    assert (assigned == 1).any() and (assigned == 2).any() and (assigned == NEGATIVE).any()
    free = ValidMarginAssigner(inner, 4)(grid, target(boxes)).objects
    assert torch.equal(free, inner(grid, target(boxes)).objects) and (free == 0).any()


def test_a_margin_counts_whole_cells_and_may_differ_by_axis():
    """Cells of 2 voxels in a patch of 8 x 8: with 3 voxels two cells go, with 2 one, with 0 none."""
    grid = PointGenerator([2])([(4, 4)])
    nothing = replace(target(torch.zeros(0, 4)), cut=torch.ones(4, dtype=torch.bool))
    for margin, kept in ((3, 0), (2, 4), ((0, 2), 8), (0, 16)):
        assert (ValidMarginAssigner(NearestAssigner(), margin)(grid, nothing).objects == NEGATIVE).sum() == kept


def test_values_out_of_range_are_refused():
    with pytest.raises(ValueError, match="negative_iou"):
        IoUAssigner(0.3, 0.5)
    with pytest.raises(ValueError, match="ignore_iou"):
        MaxIoUAssigner(2)
    with pytest.raises(ValueError, match="num_positives"):
        UniformAssigner(0)
    with pytest.raises(ValueError, match="exponents"):
        TaskAlignedAssigner(beta=-1)
    with pytest.raises(ValueError, match="iou_weight"):
        SimOTAAssigner(iou_weight=-1)
    with pytest.raises(ValueError, match="metric"):
        DistAssigner(metric="manhattan")
    with pytest.raises(ValueError, match="at least 1"):
        ATSSAssigner(0)
    with pytest.raises(ValueError, match="positive_distance"):
        DistAssigner(0.9, 0.5)
    with pytest.raises(ValueError, match="num_positives"):
        NearestAssigner(0)
