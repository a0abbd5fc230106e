import numpy as np
from made_cases import made_case

from medtk_monai.formats import find_losses, in_space, make_case


def small(case_id="a", **changes):
    boxes = {"boxes": [[0.0, 0, 0, 4, 5, 6], [10, 0, 0, 2, 2, 2]], "scores": [0.9, 0.4], "labels": [0, 1]}
    return make_case(case_id, "RAS", np.zeros((0, 3)), np.zeros((0, 3))) | boxes | changes


def test_nothing_is_lost_by_order_frame_and_names_of_axes():
    case = made_case(3, count=6) | {"image": "a.nii.gz"}
    turned = in_space(case, "LPS")
    order = [3, 1, 0, 5, 4, 2]
    shuffled = turned | {key: [turned[key][index] for index in order] for key in ("boxes", "scores", "labels", "prior_ids")}
    shuffled["direction"] = [[-row[2], row[0], row[1]] for row in turned["direction"]]
    shuffled["boxes"] = [[*box[:3], box[5], box[3], box[4]] for box in shuffled["boxes"]]
    assert find_losses([case], [shuffled]) == []


def test_each_loss_has_a_line():
    axes = np.eye(3)[:, [1, 0, 2]].tolist()
    source = [small(prior_ids=[5, 6], image="a.png"), small("b", prior_ids=[7, 8]), small("c"), small("d")]
    back = [
        small(boxes=[[0.0, 0.3, 0, 4, 5, 6], [10, 0, 0, 2, 2, 2.5]], prior_ids=[5, 9]),
        small("b", scores=[0.9, 0.5], labels=[0, 0], direction=axes),  # a cube, and sides of 4 and 5 mm: the boxes are other ones
        small("c", boxes=[[10, 0, 0, 2, 2, 2]], scores=[0.4], labels=[1]),
    ]
    assert find_losses(source, back) == [
        "cases: 1 of 4 lost (d)",
        "findings: 3 of 8 lost",
        "centers: 1 of 5 moved, by up to 0.3 mm",
        "sizes: 2 of 5 changed, by up to 1 mm",
        "scores: 1 of 5 not kept, by up to 0.1",
        "labels: 1 of 5 changed",
        "prior ids: 3 of 4 not kept",
        "image paths: 1 of 1 not kept",
    ]


def test_turned_boxes_and_new_ones_are_told():
    angle = np.radians(30)
    turned = [[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]]
    assert find_losses([small()], [small(direction=turned)]) == ["directions: 1 of 1 turned, by up to 30 degrees"]
    points = small(boxes=[[0.0, 0, 0, 0, 0, 0], [10, 0, 0, 0, 0, 0]])
    assert find_losses([points], [points | {"direction": turned}]) == []
    assert find_losses([small(boxes=[], scores=[], labels=[])], [small()]) == ["findings: 2 more than before"]


def test_findings_at_one_place_are_told_apart():
    twice = small(boxes=[[0.0, 0, 0, 4, 5, 6]] * 2)
    assert find_losses([twice], [twice | {"scores": [0.4, 0.9], "labels": [1, 0]}]) == []


def test_a_case_alone_may_change_its_name():
    assert find_losses([small("a")], [small("b")]) == ["case ids: 1 of 1 not kept ('a' is read as 'b')"]


def test_other_grids_are_told():
    case = made_case(1)
    other = case["grid"] | {"size": [1, 2, 3]}
    assert find_losses([case], [case | {"grid": other}]) == ["voxel grids: 1 of 1 not kept"]
