"""Options of commands that choose settings on a validation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from medtk_monai.cli.options.declare import option
from medtk_monai.cli.options.kinds import Count, Numbers, OneOf, Within, Words, numbers, words

if TYPE_CHECKING:
    from medtk_monai.tuning.tune import Tried

Ious = Annotated[Numbers, Within(0, 1, open_high=True)]


@dataclass(frozen=True)
class Choice:
    """What is tried, and what shall be high."""

    figure: str = option(
        "sensitivity@1", "what shall be high: sensitivity@1 (false positive per case), froc_mean, ap, ap@0.5 (IoU), case_auroc."
    )
    suppressors: Annotated[Words, OneOf(("nms", "wbc", "soft"))] = option(
        ("nms", "wbc", "soft"), "of nms, wbc (weighted box clustering), soft (soft-NMS with linear decay)."
    )
    iou: Annotated[Numbers, Within(0, 1)] = option((0.05, 0.1, 0.2, 0.3, 0.4, 0.5), "of the suppressors.")
    score_threshold: Ious = option((0.02, 0.05, 0.1), "which candidates exceed before they are suppressed.")

    def tried(self, merge_ious: Sequence[float] = (0.0,)) -> Tried:
        """The settings to try."""
        from medtk_monai.tuning.tune import Tried

        return Tried(words(self.suppressors), numbers(self.iou), numbers(self.score_threshold), merge_ious)


@dataclass(frozen=True)
class MergedChoice(Choice):
    """What is tried, and what shall be high."""

    merge_iou: Ious = option((0.1, 0.2, 0.3, 0.4), "at which what views and networks find merges; with --tta or several networks only.")

    def tried(self, merge_ious: Sequence[float] = ()) -> Tried:
        """The settings to try."""
        return super().tried(merge_ious or numbers(self.merge_iou))


@dataclass(frozen=True)
class Folds:
    """The folds."""

    folds: Annotated[int, Within(2)] = option(5, "how many.")
    fold: Count | None = option(None, "train this one alone, and collect nothing: for one job per fold.")
    collect: bool = option(False, "train nothing, and collect the folds that are finished.")
    predict_test: bool = option(False, "let the ensemble predict the test split, and evaluate that in OUT/test.")
    fold_checkpoint: Annotated[str, OneOf(("best.pt", "last.pt"))] = option(
        "best.pt", "of each fold: best.pt, the best on the fold's own cases, or last.pt, on which they had no influence."
    )

    def __post_init__(self) -> None:
        """Refuse a fold that is none, and a single one that is to be collected."""
        from medtk_monai.errors import DataError

        if self.fold is not None and (self.collect or self.predict_test):
            raise DataError("--fold trains one fold, and collects nothing", remedy="leave out --collect and --predict_test, or --fold")
        if self.fold is not None and self.fold >= self.folds:
            raise DataError(f"--fold is {self.fold}", remedy=f"folds count from 0 to {self.folds - 1}")
