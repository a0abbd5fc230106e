"""Maps against priors, where they meet."""

from dataclasses import replace

import pytest

from medtk_monai.detectors import check_fit
from medtk_monai.errors import DataError
from medtk_monai.structures import DenseOutput
from tests.detectors.planted import PARTS, criterion, plant, postprocessor, some_target

SIZE = (24, 24, 24)


@pytest.mark.parametrize("kind", PARTS)
def test_what_fits_is_not_refused(kind):
    output = replace(plant(kind, [some_target(3)], SIZE), image_size=SIZE)
    check_fit(output, PARTS[kind][0])
    assert criterion(kind)(output, [some_target(3)]) and postprocessor(kind)(output, SIZE)


def doubled(maps):
    return tuple(part.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3).repeat_interleave(2, dim=4) for part in maps)


CHANGES = {
    "strides": (lambda o: replace(o, logits=doubled(o.logits), deltas=doubled(o.deltas)), "24 x 24 x 24 cells .* 24 x 24 x 24 voxels.*12 x 12 x 12"),
    "levels": (lambda o: replace(o, logits=o.logits[:1], deltas=o.deltas[:1]), "has 1 levels, and priors are laid for 2"),
    "priors of a cell": (lambda o: replace(o, logits=tuple(part[:, :2] for part in o.logits)), "2 logits and .* need 4"),
    "classes": (lambda o: replace(o, num_classes=1), "4 logits and 12 deltas per cell, and its priors need 2 and 12"),
}  # fmt: skip


@pytest.mark.parametrize("kind", CHANGES)
def test_what_does_not_fit_is_refused_by_criterion_and_postprocessor(kind):
    change, told = CHANGES[kind]
    output = change(replace(plant("anchor", [some_target(3)], SIZE), image_size=SIZE))
    with pytest.raises(DataError, match=told):
        criterion("anchor")(output, [some_target(3)])
    with pytest.raises(DataError, match=told):
        postprocessor("anchor")(output, SIZE)


def test_outputs_of_images_of_unknown_size_are_taken_as_they_are():
    output = plant("anchor", [some_target(3)], SIZE)
    assert isinstance(output, DenseOutput) and output.image_size is None
    check_fit(output, PARTS["anchor"][0])
