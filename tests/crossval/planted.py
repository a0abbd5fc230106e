"""Scans of several patients, each with a mark of either kind, and networks that see one kind alone."""

import json

import nibabel as nib
import numpy as np
import torch
from torch import nn

from medtk_monai.crossval import CrossValidation
from medtk_monai.structures import DenseOutput
from medtk_monai.suppressors import NMS
from medtk_monai.tuning import Setting
from medtk_monai.tuning.bundle import Tunable
from tests.bundles.running import BUNDLE
from tests.inferers.marked import STRIDE, MarkNetwork, mark
from tests.prediction.marked_scans import predictor

CELLS = [(1, 2, 3), (5, 6, 2)]
PRESENT = Setting(NMS(0.2), 0.9, 0.2, {"_target_": "medtk_monai.suppressors.NMS", "iou": 0.2})
NUM_FOLDS = 2


class OneKind(nn.Module):
    """Sees marks of one class alone, of scores that a shift of the logits lowers."""

    def __init__(self, label, shift):
        super().__init__()
        self.seen, self.label = MarkNetwork(shift), label

    def forward(self, images):
        output = self.seen(images)
        (logits,) = output.logits
        hidden = logits.clone()
        hidden[:, 1 - self.label] = -20.0
        return DenseOutput((hidden,), output.deltas, 2)


def write_datalist(folder, patients=("p", "p", "q", "r", "s", "s"), tested=("t",)):
    """Scans with a mark of class 0 and one of class 1 each; a path."""
    splits = {"training": [], "validation": [], "test": []}
    for number, patient in enumerate([*patients, *tested]):
        image = torch.zeros(1, 32, 36, 28)
        for label, cell in enumerate(CELLS):
            mark(image, cell, label=label)
        nib.save(nib.Nifti1Image(image[0].numpy(), np.eye(4)), folder / f"scan_{number}.nii")
        centers = (np.array(CELLS) + 0.5) * STRIDE - 0.5
        case = {"image": f"scan_{number}.nii", "patient_id": patient, "space": "RAS", "labels": [0, 1]}
        split = "test" if number >= len(patients) else "validation" if number % 3 == 0 else "training"
        splits[split].append(case | {"boxes": [[*center.tolist(), *[float(STRIDE)] * 3] for center in centers]})
    (folder / "datalist.json").write_text(json.dumps(splits))
    return folder / "datalist.json"


def cross_validation(folder, **changes):
    datalist = folder / "datalist.json"
    known = {"datalist": str(datalist if datalist.exists() else write_datalist(folder)), "folder": folder / "cv", "num_folds": NUM_FOLDS}
    return CrossValidation(**(known | {"bundle": str(BUNDLE)} | changes))


def load(fold):
    """The network of fold k sees class k; that of fold 1 is less sure: its scores are 0.5, those of fold 0 0.98."""
    network = OneKind(fold, shift=-4.0 * fold)
    return Tunable(predictor(network=network), PRESENT, 50, {"folds": NUM_FOLDS, "fold": fold}, False)
