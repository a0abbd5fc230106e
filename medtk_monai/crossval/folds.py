"""What a cross-validation is made of: its folds, their cases, and where their trainings write."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from medtk_monai.bundle import keys
from medtk_monai.bundle.layers import with_templates
from medtk_monai.bundle.overrides import check_names, read_config
from medtk_monai.bundle.parts import config_file
from medtk_monai.bundle.running import values_of
from medtk_monai.data.datalist import load_datalist, read_content
from medtk_monai.data.selection import TRAINING, VALIDATION, Case
from medtk_monai.digests import values_sha256
from medtk_monai.errors import DataError
from medtk_monai.model import ModelSource
from medtk_monai.prediction.claim import claim_folder
from medtk_monai.tuning.validation import TEST, validation_cases

BEST, LAST = "best.pt", "last.pt"
SETTINGS, FINISHED, LOG = "crossval.json", "finished.json", "log.txt"


@dataclass(frozen=True)
class CrossValidation:
    """A bundle that is trained once for each fold of a datalist's "training" and "validation" cases.

    Args:
        datalist: of the cases.
        folder: of all that is written.
        num_folds: at least 2.
        bundle: its folder, or its train.json.
        overlay: files that lie over train.json.
        dataset_dir: where the datalist's relative paths start; None for its folder.
        device: "cpu", "cuda", ...; None for what the bundle chooses.
        overrides: further values of the bundle's configuration.

    Raises:
        DataError: a number is out of range, or an override is a value that a cross-validation sets itself.
    """

    datalist: str
    folder: Path
    num_folds: int
    bundle: str
    overlay: Sequence[str] = ()
    dataset_dir: str | None = None
    device: str | None = None
    overrides: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.num_folds < 2:
            raise DataError(f"--folds is {self.num_folds}", remedy="a cross-validation has at least 2")
        own = [name for name in self.overrides if name in keys.OF_A_RUN]
        if own:
            raise DataError(f"--{own[0]} is set by the cross-validation itself", remedy="leave it out")

    def fold_folder(self, fold: int) -> Path:
        """Where the training of a fold writes."""
        return self.folder / f"fold_{fold}"

    def checkpoint(self, fold: int, name: str = BEST) -> Path:
        """A checkpoint of a fold's training."""
        return self.fold_folder(fold) / name

    def source(self, folds: Sequence[int], name: str = BEST) -> ModelSource:
        """The networks of some folds."""
        files = [str(self.checkpoint(fold, name)) for fold in folds]
        with_bundle = ModelSource((), self.bundle, files, self.overlay, self.device, overrides=self.overrides)
        return ModelSource.of_checkpoints(files, with_bundle)

    def is_finished(self, fold: int) -> bool:
        """Whether the training of a fold has come to its end."""
        return (self.fold_folder(fold) / FINISHED).is_file()

    @property
    def missing(self) -> list[int]:
        """The folds that are not finished."""
        return [fold for fold in range(self.num_folds) if not self.is_finished(fold)]

    def finished(self) -> list[int]:
        """The folds that are finished.

        Raises:
            DataError: there are none.
        """
        found = sorted(set(range(self.num_folds)) - set(self.missing))
        if not found:
            raise DataError(f"no fold in {self.folder} is finished", remedy="train them first: leave out --collect")
        return found

    def check_fold(self, fold: int) -> None:
        """Refuse a fold that is none.

        Raises:
            DataError: it is out of range.
        """
        if not 0 <= fold < self.num_folds:
            raise DataError(f"--fold is {fold}", remedy=f"folds count from 0 to {self.num_folds - 1}")

    def cases(self, fold: int) -> list[Case]:
        """The cases that the training of a fold leaves out.

        Raises:
            DataError: see ``validation_cases``.
        """
        trained = {"folds": self.num_folds, "fold": fold, "point_radius_mm": self._point_radius_mm}
        return validation_cases(self.datalist, VALIDATION, self.dataset_dir, trained)

    def test_cases(self) -> list[Case]:
        """The cases of the test split, which have no part in any fold.

        Raises:
            DataError: see ``load_datalist``.
        """
        return load_datalist(self.datalist, TEST, self.dataset_dir, point_radius_mm=self._point_radius_mm)

    def command(self, fold: int) -> list[str]:
        """The training of a fold as a program and its arguments; it goes on where an earlier one was cut off."""
        files = with_templates([config_file(self.bundle), *self.overlay])
        shared = {"cache_dir": str(self.folder / "cache")} if "cache_dir" in self._config() else {}
        values = {
            **shared,
            **self.overrides,
            "datalist": os.path.abspath(self.datalist),
            **({"dataset_dir": os.path.abspath(self.dataset_dir)} if self.dataset_dir else {}),
            **({"device": self.device} if self.device else {}),
            "output_dir": str(self.fold_folder(fold)),
            "folds": self.num_folds,
            "fold": fold,
            "resume": "auto",
        }
        given = [f"--{name}={value!r}" for name, value in values.items()]
        return [sys.executable, "-m", "monai.bundle", "run", "training", f"--config_file={files!r}", *given]

    def claim(self) -> None:
        """Note the settings in the folder, or compare them with those that trainings in it were begun with.

        Raises:
            DataError: they differ, the folder cannot be written, or an override names no value of the bundle.
        """
        claim_folder(self.folder / SETTINGS, self._settings(), "trainings", in_use=any(self.folder.glob(f"fold_*/{LOG}")))

    def _settings(self) -> dict[str, Any]:
        content = read_content(Path(self.datalist))
        values = {f"--{name}": value for name, value in self.overrides.items() if name not in keys.OF_THIS_MACHINE}
        return {
            "folds": self.num_folds,
            "datalist": os.path.abspath(self.datalist),
            "cases": values_sha256([content.get(name) for name in (TRAINING, VALIDATION)]),
            "dataset_dir": self.dataset_dir and os.path.abspath(self.dataset_dir),
            "bundle": os.path.abspath(config_file(self.bundle)),
            "overlay": [os.path.abspath(path) for path in self.overlay],
            "configuration": values_sha256(self._config()),
            **values,
        }

    @property
    def _point_radius_mm(self) -> float | None:
        return self.overrides.get("point_radius_mm", self._config().get("point_radius_mm"))

    def _config(self) -> dict[str, Any]:
        """The bundle's configuration before overrides."""
        config = values_of(read_config([config_file(self.bundle), *self.overlay]))
        check_names(self.overrides, list(config))
        return config
