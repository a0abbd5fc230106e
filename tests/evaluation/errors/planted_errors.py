"""Cases in which every error is planted, far from all others, and known."""

from dataclasses import dataclass, field

import numpy as np
import torch

from medtk_monai.evaluation import TruthCase
from medtk_monai.evaluation.errors.kinds import Kind
from medtk_monai.evaluation.matching import join_cases
from medtk_monai.formats import make_case
from medtk_monai.transforms.boxes import WorldBoxes

THRESHOLD = 0.5
SLOT_MM = 60.0


@dataclass
class Planted:
    """Objects and findings of a case: (center, sizes, label, ignored, kind) and (center, sizes, label, score, kind)."""

    objects: list = field(default_factory=list)
    findings: list = field(default_factory=list)

    def lesion(self, center, sizes, label, kind, ignored=False):
        self.objects.append((center, sizes, label, ignored, kind))

    def finding(self, center, sizes, label, score, kind=Kind.NONE):
        self.findings.append((center, sizes, label, score, kind))


def _sides(rng, center):
    return np.full(len(center), rng.uniform(2, 9))


def _step(rng, center, length):
    """Along one axis."""
    offset = np.zeros(len(center))
    offset[rng.integers(len(center))] = length * rng.choice([-1, 1])
    return center + offset


def _high(rng):
    return rng.uniform(THRESHOLD + 0.01, 0.99)


def _low(rng):
    return rng.uniform(0.01, THRESHOLD - 0.01)


def found(plan, rng, center, label):
    sizes = _sides(rng, center)
    plan.lesion(center, sizes, label, Kind.NONE)
    plan.finding(_step(rng, center, 0.2 * sizes[0]), sizes, label, _high(rng))


def duplicate(plan, rng, center, label):
    sizes, scores = _sides(rng, center), sorted([_high(rng), _high(rng), _high(rng)])
    plan.lesion(center, sizes, label, Kind.NONE)
    for score, kind in zip(scores, (Kind.DUPLICATE, Kind.DUPLICATE, Kind.NONE)):
        plan.finding(_step(rng, center, 0.2 * sizes[0]), sizes, label, score, kind)


def taken_for_another_class(plan, rng, center, label):
    sizes = _sides(rng, center)
    plan.lesion(center, sizes, label, Kind.CLASS)
    plan.finding(center, sizes, 1 - label, _high(rng), Kind.CLASS)


def taken_for_another_class_below(plan, rng, center, label):
    sizes = _sides(rng, center)
    plan.lesion(center, sizes, label, Kind.CLASS)
    plan.finding(center, sizes, 1 - label, _low(rng))


def shifted(plan, rng, center, label):
    """IoU 0.05 / 1.95."""
    sizes = _sides(rng, center)
    plan.lesion(center, sizes, label, Kind.LOCALIZATION)
    plan.finding(_step(rng, center, 0.95 * sizes[0]), sizes, label, _high(rng), Kind.LOCALIZATION)


def beside(plan, rng, center, label):
    """No overlap, center within the longest side."""
    sizes = _sides(rng, center)
    plan.lesion(center, sizes, label, Kind.LOCALIZATION)
    plan.finding(_step(rng, center, 0.9 * sizes[0]), 0.2 * sizes, label, _high(rng), Kind.LOCALIZATION)


def shifted_below(plan, rng, center, label):
    sizes = _sides(rng, center)
    plan.lesion(center, sizes, label, Kind.LOCALIZATION)
    plan.finding(_step(rng, center, 0.95 * sizes[0]), sizes, label, _low(rng))


def shifted_beside_a_hit(plan, rng, center, label):
    """The lesion is found all the same."""
    sizes = _sides(rng, center)
    plan.lesion(center, sizes, label, Kind.NONE)
    plan.finding(center, sizes, label, _high(rng))
    plan.finding(_step(rng, center, 0.95 * sizes[0]), sizes, label, _high(rng), Kind.LOCALIZATION)


def merged(plan, rng, center, label):
    """One finding over two lesions finds one of them."""
    sizes, step = _sides(rng, center), np.eye(len(center))[0]
    plan.lesion(center, sizes, label, Kind.NONE)
    plan.lesion(center + step * sizes[0], sizes, label, Kind.LOCALIZATION)
    plan.finding(center + step * 0.45 * sizes[0], sizes * (1 + step), label, _high(rng))


def neighbor_of_a_found_one(plan, rng, center, label):
    """The finding of a lesion does not tell of its neighbor."""
    sizes, step = _sides(rng, center), np.eye(len(center))[0]
    plan.lesion(center, sizes, label, Kind.NONE)
    plan.lesion(center + step * 1.2 * sizes[0], sizes * 2, label, Kind.NEVER_SEEN)
    plan.finding(center - step * 0.5 * sizes[0], sizes, label, _high(rng))


def neighbor_of_a_duplicate(plan, rng, center, label):
    """Nor does its duplicate."""
    neighbor_of_a_found_one(plan, rng, center, label)
    place, sizes, _, score, _ = plan.findings[-1]
    plan.finding(place, sizes, label, (THRESHOLD + score) / 2, Kind.DUPLICATE)


def overlapping_from_afar(plan, rng, center, label):
    """IoU 0.3 / 4.7, the centers more than the longest side apart."""
    sizes, step = _sides(rng, center), np.eye(len(center))[0]
    plan.lesion(center, sizes, label, Kind.LOCALIZATION)
    plan.finding(center + step * 2.2 * sizes[0], sizes * (1 + 3 * step), label, _high(rng), Kind.LOCALIZATION)


def too_far(plan, rng, center, label):
    sizes = _sides(rng, center)
    plan.lesion(center, sizes, label, Kind.NEVER_SEEN)
    plan.finding(_step(rng, center, 1.5 * sizes[0]), sizes, label, _high(rng), Kind.BACKGROUND)


def another_class_near(plan, rng, center, label):
    """Wrong in class and in place is background."""
    sizes = _sides(rng, center)
    plan.lesion(center, sizes, label, Kind.NEVER_SEEN)
    plan.finding(_step(rng, center, 0.95 * sizes[0]), sizes, 1 - label, _high(rng), Kind.BACKGROUND)


def background(plan, rng, center, label):
    plan.finding(center, _sides(rng, center), label, _high(rng), Kind.BACKGROUND)


def background_below(plan, rng, center, label):
    plan.finding(center, _sides(rng, center), label, _low(rng))


def below(plan, rng, center, label):
    sizes = _sides(rng, center)
    plan.lesion(center, sizes, label, Kind.BELOW_THRESHOLD)
    plan.finding(center, sizes, label, _low(rng))


def below_and_shifted(plan, rng, center, label):
    """A hit of a low score, and a better-scored miss."""
    sizes = _sides(rng, center)
    plan.lesion(center, sizes, label, Kind.BELOW_THRESHOLD)
    plan.finding(center, sizes, label, _low(rng))
    plan.finding(_step(rng, center, 0.95 * sizes[0]), sizes, label, _high(rng), Kind.LOCALIZATION)


def absent(plan, rng, center, label):
    plan.lesion(center, _sides(rng, center), label, Kind.NEVER_SEEN)


def ignored(plan, rng, center, label):
    sizes = _sides(rng, center)
    plan.lesion(center, sizes, label, Kind.NONE, ignored=True)
    plan.finding(center, sizes, int(rng.integers(2)), _high(rng))


def near_an_ignored_one(plan, rng, center, label):
    sizes = _sides(rng, center)
    plan.lesion(center, sizes, label, Kind.NONE, ignored=True)
    plan.finding(_step(rng, center, 0.95 * sizes[0]), sizes, label, _high(rng), Kind.LOCALIZATION)


SCENES = [
    found, duplicate, taken_for_another_class, taken_for_another_class_below, shifted, beside, shifted_below, shifted_beside_a_hit, merged,
    neighbor_of_a_found_one, neighbor_of_a_duplicate, overlapping_from_afar, too_far, another_class_near, background, background_below, below, below_and_shifted, absent, ignored,
    near_an_ignored_one,
]  # fmt: skip


def plant(scenes, rng, dims=3):
    """A case with some scenes, its objects and findings in random order."""
    plan = Planted()
    slots = rng.permutation(5**dims)[: len(scenes)]
    for slot, scene in zip(slots, scenes):
        center = np.array(np.unravel_index(slot, (5,) * dims)) * SLOT_MM + rng.uniform(-5, 5, dims)
        scene(plan, rng, center, int(rng.integers(2)))
    rng.shuffle(plan.findings)
    return plan


def joined(plans, rng=None, columns=None, patients=None, grid=None):
    """Matched cases of planted ones, in a frame that is turned at random."""
    truths, cases = [], []
    for number, plan in enumerate(plans):
        name = f"case_{number}"
        dims = len((plan.objects + plan.findings or [((0, 0, 0),)])[0][0])
        turn = np.eye(dims) if rng is None else np.linalg.qr(rng.normal(size=(dims, dims)))[0]
        places, sides = (np.array([row[k] for row in plan.objects], float).reshape(-1, dims) for k in (0, 1))
        boxes = WorldBoxes(*(torch.tensor(part) for part in (places @ turn.T, sides, turn)))
        labels, out = (torch.tensor([row[k] for row in plan.objects], dtype=kind) for k, kind in ((2, torch.int64), (3, torch.bool)))
        patient = patients[number] if patients else name
        truths.append(TruthCase(name, boxes, labels, out, patient, grid, columns=columns[number] if columns else {}))
        places, sides = (np.array([row[k] for row in plan.findings], float).reshape(-1, dims) for k in (0, 1))
        scores, found_labels = [row[3] for row in plan.findings], [row[2] for row in plan.findings]
        cases.append(make_case(name, "RAS", places @ turn.T, sides, turn, scores, found_labels))
    return join_cases(cases, truths, "planted")
