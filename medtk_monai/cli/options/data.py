"""Options of commands that read data sets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Annotated, Any

from medtk_monai.cli.options.declare import option
from medtk_monai.cli.options.kinds import AtLeastOne, Count, NotNegative, OneOf, Positive, Target, Words, words

if TYPE_CHECKING:
    from medtk_monai.doctor.examine import Demands

Share = float | int | str | Sequence[str]


@dataclass(frozen=True)
class Datalist:
    """The datalist."""

    dataset_dir: Target | None = option(None, "folder that the datalist's relative paths start from; its own folder unless given.")


@dataclass(frozen=True)
class Split:
    """Which cases."""

    split: str | None = option(None, "of the datalist; test unless given.")


@dataclass(frozen=True)
class Seed:
    """Randomness."""

    seed: Count = option(0, "of the random choices; equal ones give equal results.")


@dataclass(frozen=True)
class ClassNames:
    """The classes."""

    class_names: Words = option(
        (), "of class 0, 1, ..., as aneurysm,vessel, for files that name classes; what is known of them unless given."
    )


@dataclass(frozen=True)
class Reading(Datalist):
    """How the data set is read."""

    num_workers: Count | None = option(None, "processes; one per CPU unless given, fewer for little data.")


@dataclass(frozen=True)
class PointRadius:
    """Points."""

    point_radius_mm: Positive | None = option(None, "radius of points that tell none, and have no size otherwise.")


@dataclass(frozen=True)
class Sizes(PointRadius):
    """Sizes of objects."""

    min_volume_mm3: NotNegative = option(0.0, "smaller objects are ignored.")
    max_volume_mm3: Positive | None = option(None, "larger objects are ignored.")

    def __post_init__(self) -> None:
        """Refuse a range without volumes."""
        if self.max_volume_mm3 is not None and self.max_volume_mm3 <= self.min_volume_mm3:
            from medtk_monai.errors import DataError

            what = f"--min_volume_mm3 is {self.min_volume_mm3:g} and --max_volume_mm3 {self.max_volume_mm3:g}"
            raise DataError(what, remedy="give the smaller one first")


@dataclass(frozen=True)
class Expected:
    """What images and labels shall be like."""

    num_classes: AtLeastOne | None = option(
        None, "labels must lie in [0, num_classes); as many as the datalist's class_names unless given, or any."
    )
    num_channels: AtLeastOne | None = option(None, "of every image; what most have unless given.")
    spatial_dims: Annotated[int, OneOf(("2", "3"))] | None = option(None, "2 or 3; what most boxes or images have unless given.")

    def demands(self) -> Demands:
        """For the examination."""
        from medtk_monai.doctor.examine import Demands

        return Demands(self.num_classes, self.num_channels, self.spatial_dims)


@dataclass(frozen=True)
class Dealing(Seed):
    """How cases are dealt to splits."""

    validation: Share | None = option(
        None,
        "share of the validation split, a fraction as 0.2, a number of cases as 5, case ids as case_01,case_02, patients, or a column and "
        "its value as fold=3; a fifth unless given. A patient is never in two splits. Splits of the data set itself are kept.",
    )
    test: Share | None = option(None, "the same for the test split; all other cases are for training.")
    patients: str | None = option(
        None,
        'a regular expression that finds the patient in a case id, as "(sub-[0-9]+)_"; for folders of images, and the layouts masks, '
        "semantic and msd.",
    )


@dataclass(frozen=True)
class Redealing(Dealing):
    """How cases are dealt to splits."""

    resplit: bool = option(False, "deal all cases, even those that the data set puts into a split.")


@dataclass(frozen=True)
class Written:
    """How the datalist is written."""

    relative: bool = option(False, "write paths relative to the datalist's folder instead of absolute ones.")


@dataclass(frozen=True)
class Rewritten(Written):
    """How the datalist is written."""

    overwrite: bool = option(False, "write over an existing datalist.json.")


@dataclass(frozen=True)
class _Given:
    """Options that count only where they are given."""

    def given(self) -> dict[str, Any]:
        """Those that are, by name."""
        values = {part.name: getattr(self, part.name) for part in fields(self)}
        return {name: value for name, value in values.items() if value is not None}


@dataclass(frozen=True)
class SetFiles(_Given):
    """Where the data set's files are."""

    images: str | None = option(None, "masks, semantic: folder or pattern of the images within SOURCE; coco, monai: folder of the images.")
    label_maps: str | None = option(None, "masks, semantic: the same for the label maps.")
    annotations: str | None = option(None, "coco: the JSON file within SOURCE; luna16: folder of the CSV files.")
    table: str | None = option(
        None, "masks, semantic: CSV or TSV file within SOURCE with patients and columns; manifest.csv or participants.tsv unless given."
    )
    class_names: Words | None = option(None, "masks, semantic: names of the classes, as cyst,tumor.")

    def given(self) -> dict[str, Any]:
        """Those that are given, class names as a list."""
        found = super().given()
        return found | ({"class_names": words(self.class_names)} if self.class_names is not None else {})


@dataclass(frozen=True)
class MaskObjects(_Given):
    """Objects in label maps."""

    connectivity: Count | None = option(
        None, "semantic, adam, cada, msd: of an object's voxels, 26, 18, 6 (2D: 8, 4), or 0 for one object of each value."
    )
    min_mm3: NotNegative | None = option(None, "where there are label maps: smaller objects are ignored (mm^2 in 2D).")
    min_voxels: Count | None = option(None, "the same, in voxels.")
    drop_small: bool | None = option(None, "leave small objects out instead.")


@dataclass(frozen=True)
class LayoutOptions(_Given):
    """Options of single layouts."""

    radius_mm: Positive | None = option(None, "luna16, rsna2025: nominal radius of points without one.")
    location_classes: bool | None = option(None, "rsna2025: one class for each of the 13 locations.")
    unlabeled_test: bool | None = option(None, "msd: take the test images, which have no labels, as the test split.")
    channel: Count | None = option(None, "nndetection, msd: which of several images of a case.")
    zero_based: bool | None = option(None, "voc: corners count from 0, or with False from 1; told by the corners unless given.")
    space: Annotated[str, OneOf(("LPS", "RAS"))] | None = option(None, "monai: frame of the boxes, LPS or RAS.")
    box_mode: str | None = option(None, "monai: of the boxes, cccwhd unless given.")
