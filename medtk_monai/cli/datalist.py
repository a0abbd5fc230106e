"""``medtk datalist``: a datalist from folders of images and label maps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from medtk_monai.cli.options.data import Dealing, Written
from medtk_monai.cli.options.declare import flat
from medtk_monai.cli.options.kinds import Named, Target

Sources = Annotated[str | Sequence[str], Named("PATH")]


@flat
def make_datalist(
    images: Sources, label_maps: Sources | None = None, out: Target = "datalist.json", *, dealing: Dealing, written: Written
) -> dict[str, int]:
    """Write a datalist with a training, a validation and a test split.

    An image and a label map belong together when their names agree up to one ending, the same for all images, and another, the same
    for all label maps: case_07_FLAIR.nii.gz and case_07_instances.nii.gz, 001_0000.nii.gz and 001.nii.gz. What they share is the case id.
    Without label maps every case counts as one without objects, as inference needs it. Prints the number of cases in each split.

    Args:
        images: a folder, a pattern in quotes such as "data/*_FLAIR.nii.gz", or a list of files.
        label_maps: the same for the label maps.
        out: the datalist to write.

    Raises:
        DataError: no files are found, an image or label map has no partner, or the splits ask for other cases than there are.
    """
    from medtk_monai.importers.folders import Shares, write_datalist

    usual = Shares()
    validation = usual.validation if dealing.validation is None else dealing.validation
    test = usual.test if dealing.test is None else dealing.test
    return write_datalist(images, label_maps, out, Shares(validation, test, dealing.seed, dealing.patients), written.relative)
