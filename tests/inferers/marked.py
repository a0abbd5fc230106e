"""Images with marks of two mirror-image kinds, and a network that sees them without having learnt anything."""

import math

import torch
import torch.nn.functional as F
from torch import nn

from medtk_monai.anchors import PointGenerator
from medtk_monai.coders import DistanceCoder
from medtk_monai.detectors import Postprocessor
from medtk_monai.structures import DenseOutput
from medtk_monai.suppressors import NMS

STRIDE = 4
HALF_A_CELL = math.log(math.exp(0.5) - 1)
"""Delta of a DistanceCoder that stands for a distance of half a cell."""


def pattern(dims):
    """(4, ..., 4) of -1 and 1, which changes its sign in a mirror image along any axis."""
    side = torch.tensor([-1.0, -1.0, 1.0, 1.0])
    result = side
    for _ in range(dims - 1):
        result = result[..., None] * side
    return result


class MarkNetwork(nn.Module):
    """Sees cells brighter than 0.5 as objects of the size of a cell: of class 0 if they show the pattern, of class 1 if its mirror image.

    It looks at nothing but the cell, so that windows and flips by whole cells change nothing.
    """

    def __init__(self, shift=0.0):
        super().__init__()
        self.shift = nn.Parameter(torch.tensor(shift))

    def forward(self, images):
        dims = images.ndim - 2
        convolve = {2: F.conv2d, 3: F.conv3d}[dims]
        handed = convolve(images, pattern(dims)[None, None] / STRIDE**dims, stride=STRIDE)
        bright = (convolve(images, torch.ones(1, 1, *[STRIDE] * dims) / STRIDE**dims, stride=STRIDE) - 0.5) * 8 + self.shift
        logits = torch.cat([torch.where(handed > 0, bright, -20.0), torch.where(handed < 0, bright, -20.0)], dim=1)
        deltas = torch.full((len(images), 2 * dims, *logits.shape[2:]), HALF_A_CELL)
        return DenseOutput((logits,), (deltas,), 2)


def postprocessor(**changes):
    return Postprocessor(PointGenerator([STRIDE]), DistanceCoder(), NMS(0.2), **({"score_threshold": 0.3} | changes))


def mark(image, cell, value=1.0, label=0):
    """Mark a cell of an image (C, *spatial) as an object of class 0 or 1."""
    where = tuple(slice(c * STRIDE, (c + 1) * STRIDE) for c in cell)
    image[(slice(None), *where)] = value * (1 + 0.1 * pattern(len(cell)) * (1 - 2 * label))
