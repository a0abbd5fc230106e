"""Plans and bundles for a data set, as files."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from medtk_monai.atomic import refuse_existing, write_text_atomically
from medtk_monai.bundle.parts import config_file
from medtk_monai.data import read_class_names
from medtk_monai.doctor.data_fingerprint import fingerprint_data
from medtk_monai.doctor.examine import Examination, examine
from medtk_monai.engines import device_kind
from medtk_monai.errors import DataError
from medtk_monai.planning.new_bundle import write_bundle
from medtk_monai.planning.plan import Wishes
from medtk_monai.planning.run import Planned, plan_for
from medtk_monai.planning.template import Template
from medtk_monai.wording import counted

FINGERPRINT = "fingerprint.json"


@dataclass(frozen=True)
class Data:
    """A data set to plan for.

    Args:
        datalist: JSON file.
        split: whose objects the plan fits.
        dataset_dir: where relative paths start; None for the datalist's folder.
        num_workers: processes that read the images; None for one per CPU, fewer for little data.
    """

    datalist: str | Path
    split: str = "training"
    dataset_dir: str | Path | None = None
    num_workers: int | None = None

    def examine(self) -> Examination:
        """Read it."""
        return examine(self.datalist, self.dataset_dir, num_workers=self.num_workers)


@dataclass(frozen=True)
class Base:
    """What a plan lies over.

    Args:
        bundle: its folder.
        device: "cpu" or "cuda", of the training; None for the GPU if there is one.
    """

    bundle: str | Path = "bundles/aneurysm"
    device: str | None = None

    def template(self) -> Template:
        """To plan with.

        Raises:
            DataError: there is no such bundle or device.
        """
        chosen = device_kind(self.device) if self.device is not None else "cuda" if torch.cuda.is_available() else "cpu"
        return Template(config_file(self.bundle), chosen)


def plan_data(data: Data, wishes: Wishes, out: str | Path, base: Base | None = None) -> Planned:
    """Choose the values of a bundle that suit a data set; writes plan.json, plan.md and fingerprint.json.

    Args:
        wishes: what the user decides.
        out: folder for the files.
        base: the bundle that the plan is for.

    Raises:
        DataError: the data cannot be used, or no patch fits into the memory.
    """
    template, folder = (base or Base()).template(), Path(out).expanduser()
    planned, fingerprint = _make(data.examine(), template, data.split, wishes)
    planned.plan.write(folder)
    _write(folder, fingerprint)
    return planned


def new_bundle(data: Data, wishes: Wishes, folder: str | Path, base: Base | None = None) -> Planned:
    """Make a bundle for a data set, planned and ready to train.

    Args:
        folder: of the new bundle, whose name is that of the bundle.
        base: the bundle that serves as a template; others as for ``plan_data``.

    Raises:
        DataError: the data has errors or cannot be used, the folder exists, or no patch fits into the memory.
    """
    folder, chosen = Path(folder).expanduser(), base or Base()
    refuse_existing(folder)
    template = chosen.template()
    class_names, examination = read_class_names(data.datalist), data.examine()
    _refuse_errors(examination, data.datalist)
    planned, fingerprint = _make(examination, template, data.split, wishes)
    write_bundle(Path(chosen.bundle), folder, planned.plan, data.datalist, template.coarsest_stride(planned.plan.values), class_names)
    _write(folder, fingerprint)
    return planned


def _make(examination: Examination, template: Template, split: str, wishes: Wishes) -> tuple[Planned, dict[str, Any]]:
    fingerprint = fingerprint_data(examination, wishes.point_radius_mm)
    return plan_for(fingerprint, template, wishes, split), fingerprint


def _write(folder: Path, fingerprint: dict[str, Any]) -> None:
    write_text_atomically(folder / FINGERPRINT, json.dumps(fingerprint, indent=1) + "\n")


def _refuse_errors(examination: Examination, datalist: str | Path) -> None:
    errors = [finding for finding in examination.findings if finding.severity == "error"]
    if errors:
        remedy = f"see medtk check {datalist}; --fix mends what can be mended"
        raise DataError(f"{datalist} has {counted(len(errors), 'error')}, the first: {errors[0].what}", errors[0].case_id, remedy)
