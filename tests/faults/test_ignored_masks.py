"""What ignored objects cover: the same for validations, for the bundle's evaluating and for medtk evaluate; and it does not teach."""

import json
from dataclasses import replace

import nibabel
import numpy as np
import pytest
import torch
from ignite.engine import Engine
from monai.losses import DiceCELoss
from monai.transforms import Compose, Orientationd

from medtk_monai.detectors import SegmentationCriterion
from medtk_monai.engines.steps import CASE_IDS, DETECTIONS, TARGETS
from medtk_monai.evaluation import evaluate_files, read_truth
from medtk_monai.formats import read_predictions
from medtk_monai.handlers import DetectionMetric, EvaluationReport
from medtk_monai.metrics import DetectionMetrics, Outcome
from medtk_monai.structures import DenseOutput, Detections, Target
from medtk_monai.transforms import LoadCased, WorldToVoxelBoxesd

SIZE, SPACING = (40, 40, 24), (1.0, 1.0, 2.0)
PLATES = ((slice(4, 6), slice(4, 34), slice(2, 20)), (slice(32, 34), slice(4, 34), slice(2, 20)))
"""Of an ignored object whose box is nearly the whole scan; 30 voxels lie between its plates."""
LESION = (slice(14, 20), slice(14, 20), slice(8, 12))
IN_PLATE, IN_HOLLOW, ON_LESION = [4, 10, 4, 6, 14, 8], [22, 22, 4, 27, 27, 8], [14, 14, 8, 20, 20, 12]


def write_case(folder, masked):
    """A datalist of one scan with a lesion and an ignored object, as a label map or as boxes."""
    mask = np.zeros(SIZE, np.uint8)
    for plate in PLATES:
        mask[plate] = 1
    mask[LESION] = 2
    affine = np.diag([*SPACING, 1.0])
    nibabel.save(nibabel.Nifti1Image(mask.astype(np.float32), affine), folder / "scan.nii.gz")
    case = {"case_id": "scan", "image": str(folder / "scan.nii.gz"), "ignored": [True, False]}
    if masked:
        nibabel.save(nibabel.Nifti1Image(mask, affine), folder / "mask.nii.gz")
        case["label_map"] = str(folder / "mask.nii.gz")
    else:  # voxels 4..34, 4..34, 2..20, and 14..20, 14..20, 8..12: centers in mm are (middle - 0.5) * spacing
        case |= {"boxes": [[18.5, 18.5, 21, 30, 30, 36], [16.5, 16.5, 19, 6, 6, 8]], "labels": [0, 0], "space": "RAS"}
    (folder / "datalist.json").write_text(json.dumps({"test": [case]}))
    return case


def findings(flipped, size):
    """In voxels of the image as it lies: a flipped axis counts from its other end."""
    boxes = torch.tensor([IN_PLATE, IN_HOLLOW, ON_LESION, [0, 0, 0, 3, 3, 3]], dtype=torch.float32)
    for axis in flipped:
        boxes[:, [axis, axis + 3]] = size[axis] - boxes[:, [axis + 3, axis]]
    return Detections(boxes, torch.tensor([0.9, 0.8, 0.7, 0.6]), torch.zeros(4, dtype=torch.int64), torch.arange(4))


@pytest.mark.parametrize("axcodes, flipped", [("RAS", ()), ("LPS", (0, 1))])
@pytest.mark.parametrize("masked, second", [(True, Outcome.FALSE_POSITIVE), (False, Outcome.SET_ASIDE)])
def test_evaluating_and_validations_count_as_medtk_evaluate_does(tmp_path, masked, second, axcodes, flipped):
    """By hand: the finding in the plate is set aside; that between the plates is wrong, unless only the box around them is known."""
    case = write_case(tmp_path, masked)
    item = Compose([LoadCased(), Orientationd("image", axcodes), WorldToVoxelBoxesd()])(case)
    found = findings(flipped, SIZE)
    batch = {key: [item[key]] for key in ("image", "affine", "image_path")} | {"found": [found], "target": [item["target"]]}
    engine = Engine(lambda _, batch: {DETECTIONS: batch["found"], TARGETS: batch["target"], CASE_IDS: ["scan"]})
    in_training = DetectionMetrics()
    DetectionMetric(in_training).attach(engine, "froc_mean")
    EvaluationReport(DetectionMetrics(), tmp_path / "run").attach(engine)
    engine.run([batch])

    result = evaluate_files(read_predictions(tmp_path / "run/predictions.json"), read_truth(tmp_path / "datalist.json"))
    expected = [Outcome.SET_ASIDE, second, Outcome.TRUE_POSITIVE, Outcome.FALSE_POSITIVE]
    assert result.matches[0].outcomes.tolist() == expected
    assert in_training.state[0][0].outcomes.tolist() == expected
    written = json.loads((tmp_path / "run/metrics.json").read_text())
    for key in ("froc_mean", "froc", "ap", "ap_per_iou", "case_auroc", "num_lesions", "num_detections"):
        assert written[key] == result.to_dict()[key]
    assert written["ap"] == in_training.compute()["ap"]


def test_many_ignored_objects_keep_their_own_masks(tmp_path):
    """300 of them, more than a byte counts: each excuses what lies in itself, by half at least, not what lies in several."""
    mask = np.zeros((60, 40, 4), np.uint16)
    values = np.arange(1, 301).reshape(30, 10)
    mask[::2, 2::4, :] = values[:, :, None]
    affine = np.eye(4)
    nibabel.save(nibabel.Nifti1Image(mask.astype(np.float32), affine), tmp_path / "scan.nii.gz")
    nibabel.save(nibabel.Nifti1Image(mask, affine), tmp_path / "mask.nii.gz")
    case = {"case_id": "s", "image": str(tmp_path / "scan.nii.gz"), "label_map": str(tmp_path / "mask.nii.gz"), "ignored": [True] * 300}
    target = Compose([LoadCased(), WorldToVoxelBoxesd()])(case)["target"]
    assert torch.equal(target.ignored_region, torch.from_numpy(mask.astype(np.int32)))
    assert torch.equal(target.region_numbers, torch.arange(1, 301))
    chosen = torch.arange(299, -1, -7)
    assert torch.equal(target[chosen].region_numbers, chosen + 1)
    metrics = DetectionMetrics()
    low = torch.tensor([[58.0, 38, 0], [57, 37, 0]])
    boxes = torch.cat([low, low + torch.tensor([[1.0, 1, 4], [2, 2, 4]])], dim=1)
    matches = metrics.update(Detections(boxes, torch.ones(2), torch.zeros(2, dtype=torch.int64), torch.arange(2)), target[chosen])
    assert matches.outcomes.tolist() == [Outcome.SET_ASIDE, Outcome.SET_ASIDE] and matches.objects.tolist() == [0, 0]


def plain(boxes, ignored, **parts):
    return Target(torch.tensor(boxes).float().reshape(-1, 4), torch.zeros(len(boxes), dtype=torch.int64), torch.tensor(ignored), **parts)


@pytest.mark.parametrize("masked", [True, False])
def test_what_ignored_objects_cover_does_not_teach_the_segmentation(masked):
    """Whatever the branch says there: the loss is the same and has no gradient, and equals that of the other cells alone."""
    region = torch.zeros(16, 16, dtype=torch.uint8)
    region[8:16, 0:8] = 3
    mask = region.clamp(max=1)
    mask[2:6, 8:12] = 1
    target = plain([[2, 8, 6, 12], [8, 0, 16, 8]], [False, True], ignored_region=region, in_region=torch.tensor([False, True]))
    target = replace(target, mask=mask) if masked else target
    logits = torch.randn(1, 2, 8, 8, generator=torch.Generator().manual_seed(0))
    criterion = SegmentationCriterion(lambda *_: {}, 2)

    def loss(values):
        return criterion(DenseOutput((), (), 1, segmentation=values), [target])["segmentation"]

    values = logits.clone().requires_grad_()
    first = loss(values)
    first.backward()
    inside = torch.zeros(8, 8, dtype=torch.bool)
    inside[4:8, 0:4] = True
    assert (values.grad[..., inside] == 0).all() and (values.grad[..., ~inside] != 0).any(dim=1).all()
    assert torch.equal(first, loss(torch.where(inside, 50 * torch.randn(8, 8), logits)))
    others = logits[..., ~inside].reshape(1, 2, 48)[..., None].expand(1, 2, 48, 1)
    drawn = torch.zeros(8, 8)
    drawn[1:3, 4:6] = 1
    oracle = DiceCELoss(include_background=False, to_onehot_y=True, softmax=True, batch=True)(others, drawn[~inside].reshape(1, 1, 48, 1))
    assert first.item() == pytest.approx(oracle.item(), rel=1e-5)


def test_without_ignored_objects_the_loss_is_that_of_monai_and_all_ignored_costs_nothing():
    logits = torch.randn(2, 2, 8, 8, generator=torch.Generator().manual_seed(1))
    mask = torch.zeros(16, 16, dtype=torch.uint8)
    mask[2:6, 8:12] = 1
    targets = [replace(plain([[2, 8, 6, 12]], [False]), mask=mask), replace(plain([], []), mask=mask * 0)]
    criterion = SegmentationCriterion(lambda *_: {}, 2)
    drawn = torch.zeros(2, 1, 8, 8)
    drawn[0, 0, 1:3, 4:6] = 1
    oracle = DiceCELoss(include_background=False, to_onehot_y=True, softmax=True, batch=True)(logits, drawn)
    assert criterion(DenseOutput((), (), 1, segmentation=logits), targets)["segmentation"].item() == pytest.approx(oracle.item(), rel=1e-6)
    whole = torch.ones(16, 16, dtype=torch.uint8)
    nothing = [plain([[0, 0, 16, 16]], [True], ignored_region=whole, in_region=torch.tensor([True]))]
    values = logits[:1].clone().requires_grad_()
    loss = criterion(DenseOutput((), (), 1, segmentation=values), nothing)["segmentation"]
    loss.backward()
    assert loss.isfinite() and (values.grad == 0).all()


def test_objects_that_the_border_of_a_patch_has_cut_do_not_teach_by_their_boxes():
    """They are ignored, and no region tells what they cover."""
    target = plain([[0, 0, 4, 8]], [True])
    values = torch.zeros(1, 2, 8, 8, requires_grad=True)
    SegmentationCriterion(lambda *_: {}, 2)(DenseOutput((), (), 1, segmentation=values), [target])["segmentation"].backward()
    inside = torch.zeros(8, 8, dtype=torch.bool)
    inside[:2, :4] = True
    assert (values.grad[0, 0] == 0).equal(inside)
