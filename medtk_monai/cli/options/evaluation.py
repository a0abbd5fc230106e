"""Options of commands that compare findings with what is there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from medtk_monai.cli.options.data import ClassNames, Datalist, Seed, Sizes, Split
from medtk_monai.cli.options.declare import option
from medtk_monai.cli.options.kinds import Count, Existing, NotNegative, Numbers, OneOf, Positive, Within, Words, numbers, words

if TYPE_CHECKING:
    from medtk_monai.evaluation.errors.analysis import Questions
    from medtk_monai.evaluation.truth import TruthCase
    from medtk_monai.formats.cases import Case
    from medtk_monai.metrics import Goal, OperatingPoint, Rules, Wanted

Findings = Annotated[str, Existing("file or folder")]
"""The argument that names findings: predictions.json, or a file or folder of another format."""
Rates = Annotated[Numbers, Within(0)]
Shares = Annotated[Numbers, Within(0, 1, open_low=True)]


@dataclass(frozen=True)
class SourceFiles(ClassNames):
    """Files of findings that are read."""

    source_format: str | None = option(None, "of the findings that are read, where the file leaves it open; medtk convert names them.")
    images: Words | None = option(
        None, "a folder, a file, or a pattern in quotes: the scans, for formats that count voxels. Their names are the case ids."
    )


@dataclass(frozen=True)
class FoundCases(SourceFiles):
    """Findings that are read."""

    allow_missing: bool = option(False, "cases without predictions count as cases without findings.")

    def read(self, path: str) -> list[Case]:
        """The cases in a file or folder of findings.

        Raises:
            DataError: they cannot be read.
        """
        from medtk_monai.formats.conversion import read_cases

        return read_cases(path, self.source_format, self.images, words(self.class_names) or None)


@dataclass(frozen=True)
class Objects(Sizes, Datalist, Split):
    """Which objects of the datalist count."""

    label_map_kind: Annotated[str, OneOf(("instance", "class"))] = option("instance", "instance or class, as in training.")

    def read_truth(self, path: str) -> list[TruthCase]:
        """The objects of a datalist.

        Raises:
            DataError: it is not as described.
        """
        from medtk_monai.evaluation.truth import read_truth

        return read_truth(
            path,
            self.split,
            self.dataset_dir,
            label_map_kind=self.label_map_kind,
            min_volume_mm3=self.min_volume_mm3,
            max_volume_mm3=self.max_volume_mm3,
            point_radius_mm=self.point_radius_mm,
        )


@dataclass(frozen=True)
class Counting:
    """How findings are counted."""

    hit: str = option(
        "medtk", "a preset, medtk, luna16, adam, cada, nndetection or picai; or iou:0.1, center, distance:5 (mm), radius, radius:1.5, mask."
    )
    bootstraps: Count = option(1000, "draws of the intervals and tests; 0 for none, where a command can do without.")

    def rules(self) -> Rules:
        """The rules that ``--hit`` names.

        Raises:
            DataError: it names none.
        """
        from medtk_monai.errors import DataError
        from medtk_monai.metrics.rules import parse_rules

        try:
            return parse_rules(self.hit)
        except ValueError as error:
            raise DataError(str(error), remedy="choose another --hit") from error

    def check_draws(self) -> None:
        """Refuse no draws at all.

        Raises:
            DataError: there are none.
        """
        Within(1).check("bootstraps", [self.bootstraps])

    def goal(self, figure: str) -> Goal:
        """The figure that is to be high.

        Raises:
            DataError: it is unknown, or out of range.
        """
        from medtk_monai.errors import DataError
        from medtk_monai.metrics import parse_goal

        try:
            return parse_goal(figure, self.rules())
        except ValueError as error:
            raise DataError(str(error), remedy="choose another --figure") from error


@dataclass(frozen=True)
class Drawing(Seed, Counting):
    """How findings are counted, and how intervals are drawn."""


@dataclass(frozen=True)
class Points:
    """Operating points to tell of."""

    fp_per_case: Rates = option(1.0, "operating points with at most so many false positives per case.")
    sensitivity: Shares = option((), "operating points that find at least these shares of the lesions.")
    threshold: Numbers = option((), "operating points from these scores on.")
    thresholds_from: Annotated[str, Existing(remedy="give the metrics.json of an evaluation")] | None = option(
        None,
        "metrics.json of a validation, whose thresholds are applied to these cases; those of the model, if it has left any beside its findings.",
    )

    def read(self, predictions: str, source: str | None = None) -> tuple[Wanted, dict[str, OperatingPoint]]:
        """The operating points, and those of the validation whose thresholds are among them, as they were there.

        Args:
            predictions: that are evaluated.
            source: name of that validation; that of the folder of its file unless given.

        Raises:
            DataError: there are no operating points in the file.
        """
        from medtk_monai.evaluation.evaluate import Wanted, operating_points_beside, read_operating_points
        from medtk_monai.metrics.thresholds import typed_threshold

        beside = None if self.thresholds_from else operating_points_beside(predictions)
        path, name = beside or (self.thresholds_from, source)
        validated = read_operating_points(path, name) if path else {}
        thresholds = {f"score {value:g}": typed_threshold(value) for value in numbers(self.threshold)}
        thresholds |= {name: point.threshold for name, point in validated.items()}
        return Wanted(numbers(self.fp_per_case), numbers(self.sensitivity), thresholds), validated


@dataclass(frozen=True)
class Errors:
    """Which errors, and of which lesions."""

    threshold: float | None = option(None, "errors are those of scores from this one on.")
    fp_per_case: NotNegative = option(1.0, "without a threshold, the lowest with at most so many false positives per case.")
    by: Words = option((), "columns of the datalist to group cases by, as site,sex.")
    size_edges: Numbers = option((3.0, 5.0, 7.0, 10.0), "between bins of the lesions' longest sides, mm.")
    min_mm: NotNegative = option(0.0, "lesions whose longest side is shorter are ignored.")
    max_mm: Positive | None = option(None, "lesions whose longest side is longer are ignored.")
    intensity: bool = option(False, "read each image, and tell its mean in each box.")
    near_mm: Positive = option(8.0, "what lies nearer than this to a seam of windows, or to the border of the scan, is told apart.")

    def questions(self) -> Questions:
        """What the analysis is asked."""
        from medtk_monai.evaluation.errors.analysis import Questions

        edges = numbers(self.size_edges)
        return Questions(self.threshold, self.fp_per_case, words(self.by), edges, intensity=self.intensity, near_mm=self.near_mm)

    def select(self, truths: Sequence[TruthCase]) -> list[TruthCase]:
        """Objects, those of other sizes ignored."""
        from medtk_monai.evaluation.errors.analysis import ignore_outside

        return list(ignore_outside(truths, self.min_mm, self.max_mm))


@dataclass(frozen=True)
class Cover:
    """The report itself."""

    title: str | None = option(None, "of the report.")
    model: Annotated[str, Existing("file or folder")] | None = option(
        None, "folder of the model or of its training, whose curves, configuration and versions are shown."
    )
    full_paths: bool = option(
        False,
        "name files by the paths given. Otherwise paths are relative to the report's folder or cut to their last two parts, without the "
        "home or the name of a user.",
    )
