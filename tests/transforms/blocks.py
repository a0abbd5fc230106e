"""Images in which object i is a block of value i + 1, so that boxes can be measured in the image itself."""

from itertools import product

import numpy as np

BLOCKS = {2: [[2, 3, 6, 9], [12, 1, 15, 4], [9, 15, 14, 18]], 3: [[2, 3, 1, 6, 9, 5], [12, 1, 7, 15, 4, 9], [9, 15, 2, 14, 18, 8]]}
SIZES = {2: (18, 20), 3: (18, 20, 12)}


def paint(blocks, size):
    """(N, 2D) integer blocks -> (*size) image of block numbers from 1, on 0."""
    image = np.zeros(size, dtype=np.float32)
    for number, block in enumerate(np.asarray(blocks, dtype=int), 1):
        image[tuple(slice(a, b) for a, b in zip(block[: len(size)], block[len(size) :]))] = number
    return image


def measure(image, value):
    """The box around the voxels of ``value``, (2D,) floats, or None without any."""
    where = np.argwhere(np.asarray(image) == value)
    return None if len(where) == 0 else [*where.min(0).astype(float), *(where.max(0) + 1).astype(float)]


def oblique_affine(dims, seed, flips=()):
    """(4, 4): a rotation of any angle in the first ``dims`` axes, spacings of 0.5 to 2 mm, an offset, and flipped axes."""
    rng = np.random.default_rng(seed)
    rotation, _ = np.linalg.qr(rng.normal(size=(dims, dims)))
    spacing = rng.uniform(0.5, 2, dims)
    for axis in flips:
        spacing[axis] *= -1
    affine = np.eye(4)
    affine[:dims, :dims] = rotation * spacing
    affine[:dims, 3] = rng.uniform(-50, 50, dims)
    return affine


def corners_in_world(boxes, affine):
    """(N, 2D) boxes -> set of rounded world corners per box: the same whatever grid the box is written on."""
    dims = boxes.shape[1] // 2
    found = []
    for box in boxes.double().numpy():
        corners = [[box[axis + dims * side] - 0.5 for axis, side in enumerate(pick)] for pick in product((0, 1), repeat=dims)]
        world = np.asarray(corners) @ affine[:dims, :dims].numpy().T + affine[:dims, dims].numpy()
        found.append(sorted(map(tuple, world.round(4).tolist())))
    return found


def assert_same_world(first, second):
    """Boxes of two items lie at the same place in the world."""
    pairs = zip(corners_in_world(first["target"].boxes, first["affine"]), corners_in_world(second["target"].boxes, second["affine"]))
    for one, other in pairs:
        np.testing.assert_allclose(one, other, atol=2e-3)
