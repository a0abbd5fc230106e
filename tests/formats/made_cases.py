"""Made-up cases, and comparisons of cases that do not use the package's own."""

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from medtk_monai.formats import case_prediction, in_space
from medtk_monai.structures import Detections

SIZES = {2: (24, 17), 3: (24, 17, 11)}


def made_affine(generator, dims, oblique):
    """Voxel centers -> RAS mm: a rotation or a permutation of axes, flips, spacing 0.2 to 3 mm, an offset."""
    rotation = Rotation.random(random_state=generator.integers(2**31)).as_matrix()
    if dims == 2:
        angle = generator.uniform(0, 2 * np.pi)
        rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    if not oblique:
        rotation = np.eye(dims)[generator.permutation(dims)] * generator.choice([-1, 1], dims)
    affine = np.eye(dims + 1)
    affine[:dims, :dims] = rotation * generator.uniform(0.2, 3, dims) * generator.choice([-1, 1], dims)
    affine[:dims, dims] = generator.uniform(-300, 300, dims)
    return affine


def made_boxes(generator, count, dims):
    """Boxes from a hundredth of a voxel to half the image, some across its border, and a fifth of them points."""
    size = np.array(SIZES[dims])
    centers = generator.uniform(-0.02, 1.02, (count, dims)) * size
    sizes = size * generator.choice([0.01, 0.1, 0.5], (count, 1)) * generator.uniform(0.1, 1, (count, dims))
    sizes[generator.random(count) < 0.2] = 0
    return np.hstack([centers - sizes / 2, centers + sizes / 2])


def case_of(boxes, affine, size, scores=None, labels=None, case_id="sub-01", image=""):
    """A case in RAS of boxes in voxels, with its grid."""
    boxes = torch.as_tensor(np.asarray(boxes, dtype=np.float64)).reshape(-1, 2 * len(size))
    scores = np.linspace(0.9, 0.1, len(boxes)) if scores is None else scores
    found = Detections(
        boxes,
        torch.as_tensor(np.asarray(scores, dtype=np.float32)),
        torch.as_tensor(np.asarray([0] * len(boxes) if labels is None else labels, dtype=np.int64)),
        torch.arange(len(boxes)),
    )
    return case_prediction(found, torch.as_tensor(affine), case_id, image, (size, torch.as_tensor(affine)))


def made_case(seed, dims=3, oblique=True, count=4, space="RAS", case_id="sub-01"):
    generator = np.random.default_rng(seed)
    affine = made_affine(generator, dims, oblique)
    scores, labels = generator.random(count), generator.integers(0, 4, count)
    return in_space(case_of(made_boxes(generator, count, dims), affine, SIZES[dims], scores, labels, case_id), space)


def corners_of(case, space="LPS"):
    """(N, 2^D, D) corners of boxes in mm, by definition."""
    turned = in_space(case, space)
    direction = np.array(turned["direction"])
    dims = len(direction)
    boxes = np.array(turned["boxes"], dtype=float).reshape(-1, 2 * dims)
    unit = np.stack(np.meshgrid(*[[-0.5, 0.5]] * dims, indexing="ij"), -1).reshape(-1, dims)
    return boxes[:, None, :dims] + (unit * boxes[:, None, dims:]) @ direction.T


def centers_of(case, space="LPS"):
    dims = len(case["direction"])
    return np.array(in_space(case, space)["boxes"], dtype=float).reshape(-1, 2 * dims)[:, :dims]


def assert_same_boxes(first, second, atol=2e-3):
    """The same boxes in one order, however their axes are named."""
    one, other = corners_of(first), corners_of(second)
    assert one.shape == other.shape
    gaps = np.linalg.norm(one[:, :, None] - other[:, None], axis=-1)
    assert gaps.min(axis=2).max(initial=0) <= atol and gaps.min(axis=1).max(initial=0) <= atol


def assert_same_findings(first, second):
    """Scores, to float32, and labels."""
    assert [np.float32(score) for score in first["scores"]] == [np.float32(score) for score in second["scores"]]
    assert first["labels"] == second["labels"]
