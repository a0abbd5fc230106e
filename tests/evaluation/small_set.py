"""A datalist of small scans, and findings in them, given in voxels of scans with voxels of 0.5 x 1 x 2 mm and turned axes."""

import json

import nibabel
import numpy as np
import torch

from medtk_monai.formats import case_prediction, write_predictions
from medtk_monai.structures import Detections

SIZE = (40, 30, 20)
ANGLE = 0.3
TURN = np.array([[np.cos(ANGLE), -np.sin(ANGLE), 0], [np.sin(ANGLE), np.cos(ANGLE), 0], [0, 0, -1.0]])
AFFINE = np.eye(4)
AFFINE[:3, :3] = TURN * [0.5, 1.0, 2.0]
AFFINE[:3, 3] = [-20.0, 7.0, 33.0]
SPACING = np.array([0.5, 1.0, 2.0])


def around(center, size_mm):
    """A box in voxels around a point in voxels."""
    half = np.asarray(size_mm, dtype=float) / SPACING / 2
    return [*(np.asarray(center) - half), *(np.asarray(center) + half)]


def write_set(folder, objects, as_masks=False, extra=None):
    """datalist.json with a split "test": case id -> boxes (voxels), each perhaps with a label and "ignored" after its six numbers."""
    cases = []
    for name, boxes in objects.items():
        nibabel.save(nibabel.Nifti1Image(np.zeros(SIZE, np.uint8), AFFINE), folder / f"{name}.nii.gz")
        case = {"image": f"{name}.nii.gz", "case_id": name} | (extra or {}).get(name, {})
        if as_masks and boxes:
            mask = np.zeros(SIZE, np.uint8)
            for number, box in enumerate(boxes, 1):
                low, high = np.round(box[:3]).astype(int), np.round(box[3:6]).astype(int)
                mask[tuple(slice(a, b) for a, b in zip(low, high))] = number
            nibabel.save(nibabel.Nifti1Image(mask, AFFINE), folder / f"{name}_mask.nii.gz")
            case["label_map"] = f"{name}_mask.nii.gz"
        elif boxes:
            found = case_prediction(detections([box[:6] for box in boxes]), torch.from_numpy(AFFINE), name, "")
            case |= {key: found[key] for key in ("space", "direction", "boxes")}
            case |= {"labels": [int(box[6]) if len(box) > 6 else 0 for box in boxes], "ignored": [len(box) > 7 for box in boxes]}
        cases.append(case)
    (folder / "datalist.json").write_text(json.dumps({"test": cases}))
    return folder / "datalist.json"


def detections(boxes, scores=None, labels=None):
    count = len(boxes)
    return Detections(
        torch.tensor(boxes, dtype=torch.float64).reshape(-1, 6),
        torch.tensor([1.0] * count if scores is None else scores, dtype=torch.float32),
        torch.tensor([0] * count if labels is None else labels, dtype=torch.int64),
        torch.arange(count),
    )


def write_found(path, found):
    """predictions.json: case id -> (box, score) or (box, score, label)."""
    cases = [
        case_prediction(
            detections([row[0] for row in rows], [row[1] for row in rows], [row[2] if len(row) > 2 else 0 for row in rows]),
            torch.from_numpy(AFFINE),
            name,
            f"{name}.nii.gz",
        )
        for name, rows in found.items()
    ]
    write_predictions(path, cases)
    return path
