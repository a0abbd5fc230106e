"""Options of commands that use a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from medtk_monai.cli.options.data import ClassNames
from medtk_monai.cli.options.declare import option
from medtk_monai.cli.options.kinds import Count, Existing, Numbers, OneOf, Positive, Within, Words, numbers, words
from medtk_monai.errors import DataError

if TYPE_CHECKING:
    from medtk_monai.model import ModelSource
    from medtk_monai.prediction import ViewOptions


def _device() -> Any:
    return option(None, "cpu, cuda or cuda:1; the GPU if there is one.")


_NOT_GIVEN = "name the folder of a training, as --model runs/lesions"


ModelPaths = Annotated[Words, Existing("file or folder", "give the folder of a training, or a model")]
BundlePath = Annotated[str, Existing("file or folder", "give the folder of a bundle, or its train.json")]


@dataclass(frozen=True)
class Configuration:
    """What is trained."""

    model: ModelPaths = option((), "in place of a bundle: a model, or the folder of its training, whose configuration is taken.")
    bundle: BundlePath | None = option(None, "folder of the bundle, or its train.json.")
    overlay: Annotated[Words, Existing(remedy="give the files that lay over train.json in training")] = option(
        (), "files that lie over the bundle's train.json, such as bundles/aneurysm/heads/combined.json."
    )

    device: str | None = _device()

    def bundle_or_model(self) -> str:
        """What names the configuration.

        Raises:
            DataError: nothing does, or two things do.
        """
        named = [*([self.bundle] if self.bundle else []), *words(self.model)]
        if len(named) != 1:
            what = f"{' and '.join(named)} are given, and one is wanted" if named else "no bundle is given"
            raise DataError(what, remedy="name its folder by --bundle, as --bundle bundles/lesions")
        return named[0]


@dataclass(frozen=True)
class Detector(Configuration):
    """Which detector."""

    model: ModelPaths = option((), "folder of a model or of its training, or a zipped model; several, A,B, make an ensemble.")
    bundle: BundlePath | None = option(
        None, "folder of the bundle that a checkpoint was trained with, or its train.json; needed for those of earlier versions."
    )
    checkpoint: Annotated[Words, Existing("file or folder", "give the checkpoint of a training")] = option(
        (),
        "in place of a model: of the training, as runs/lesions/best.pt, or the folder of an export; several, A.pt,B.pt, make an ensemble.",
    )
    trust: bool = option(False, "import components of other packages than MONAI, torch and this one, which a model names.")

    @property
    def is_given(self) -> bool:
        """Whether anything names a detector."""
        return bool(self.model or self.checkpoint)

    def require(self, overrides: Mapping[str, Any] | None = None) -> None:
        """Refuse to go on without a detector; needs no heavy imports.

        Args:
            overrides: values of the configuration, among which may be a mistyped option.

        Raises:
            DataError: there is none.
        """
        if self.model and (self.bundle or self.checkpoint):
            raise DataError("--model names a detector, and --bundle and --checkpoint another", remedy="give one of them")
        taken = "".join(f"; --{name} was taken for a value of the bundle" for name in overrides or {})
        guess = [close for name in overrides or {} for close in get_close_matches(name, ("model", "bundle", "checkpoint", "overlay"), 1)]
        remedy = _NOT_GIVEN + taken + "".join(f", did you mean --{name}?" for name in guess[:1])
        if not self.model and not self.checkpoint:
            raise DataError("no model is given" if not self.bundle else "no checkpoint is given", remedy=remedy)

    def source(self, overrides: Mapping[str, Any] | None = None, models: Sequence[str] = ()) -> ModelSource:
        """What the options name.

        Args:
            overrides: further values of the configuration.
            models: further models, which were named without ``--model``.
        """
        from medtk_monai.model import ModelSource

        named = [*words(self.model), *models]
        return ModelSource(
            named, self.bundle, words(self.checkpoint), words(self.overlay), self.device, bool(self.trust), dict(overrides or {})
        )


@dataclass(frozen=True)
class Views:
    """How a scan is looked at."""

    tta: Annotated[int, Within(1)] | bool = option(
        1, "mirror images to look at as well: how many of the 4 (in 2D) or 8, or nothing for all."
    )
    tta_scales: Annotated[Numbers, Within(0, open_low=True)] = option(1.0, "scales of the views, as 1,1.2.")

    def options(self, budget: float | None = None) -> ViewOptions:
        """The views that are asked for."""
        from medtk_monai.prediction import ViewOptions

        return ViewOptions(8 if self.tta is True else int(self.tta), tuple(numbers(self.tta_scales)), budget)


@dataclass(frozen=True)
class TimedViews(Views):
    """How a scan is looked at."""

    budget: Positive | None = option(None, "seconds that a scan may take; chooses mirror images, margin and batch.")

    def options(self, budget: float | None = None) -> ViewOptions:
        """The views that are asked for, within the budget."""
        return super().options(budget if budget is not None else self.budget)


@dataclass(frozen=True)
class Output(ClassNames):
    """What is written of each scan."""

    formats: Words | None = option(None, "files to write: medtk,luna,slicer,label,points,preview,sr; all but sr unless given.")
    min_score: float = option(0.0, "findings that score less are left out.")
    max_findings: Count | None = option(None, "no more findings of a scan than these, the best.")


@dataclass(frozen=True)
class Template:
    """What a plan is for."""

    template: Annotated[str, Existing("file or folder", "give the folder of a bundle by --template")] = option(
        "bundles/aneurysm", "folder of the bundle that the plan lies over, and that a new bundle is made from."
    )
    head: Annotated[str, OneOf(("anchor", "point"))] | None = option(
        None, "anchor or point; chosen by the sizes of the objects unless given."
    )
    device: str | None = _device()


def split_models(paths: Sequence[str]) -> tuple[list[str], list[str]]:
    """Paths, those of models apart: (models, others)."""
    models = [path for path in paths if _is_model(path)]
    return models, [path for path in paths if path not in models]


def refuse_unfinished(paths: Sequence[str]) -> None:
    """Refuse the folder of a training that has left no model, which would pass for one of scans.

    Raises:
        DataError: with what it has left.
    """
    for path in paths:
        place = Path(path).expanduser()
        if (place / "run.json").is_file():
            left = next((place / name for name in ("best.pt", "last.pt") if (place / name).is_file()), None)
            remedy = f"give its checkpoint: --checkpoint {left}" if left else "train on: a model is there from its first validation on"
            raise DataError(f"{path} is the folder of a training, and there is no model in it", remedy=remedy)


def may_be_model(path: str) -> bool:
    """Whether a path can name a model, as far as can be told without looking into it."""
    place = Path(path).expanduser()
    return place.is_dir() or place.suffix.lower() in (".zip", ".pt")


def _is_model(path: str) -> bool:
    if not may_be_model(path):
        return False
    from medtk_monai.model import is_model

    return is_model(path)
