"""``medtk plan`` and ``medtk new``: a configuration for one's own data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from medtk_monai.doctor.examine import Examination
    from medtk_monai.planning import Template, Wishes
    from medtk_monai.planning.run import Planned


def plan(
    datalist: str,
    memory: float,
    out: str = "plan",
    bundle: str = "bundles/aneurysm",
    split: str = "training",
    head: str | None = None,
    device: str | None = None,
    dataset_dir: str | None = None,
    min_volume_mm3: float = 0.0,
    max_volume_mm3: float | None = None,
    num_workers: int | None = None,
    point_radius_mm: float | None = None,
) -> str:
    """Choose spacing, levels, priors, patches, batch and inference for a data set, and explain each choice.

    OUT gets plan.json, to lay over the bundle's train.json, plan.md with the reasons, and fingerprint.json that they were drawn from.

    Args:
        datalist: its JSON file; run medtk check on it first.
        memory: GB that a training step may take, on the GPU or in main memory.
        out: folder for the files.
        bundle: folder of the bundle that the plan is for.
        split: whose objects the plan fits.
        head: anchor or point; chosen by the sizes of the objects unless given.
        device: cpu or cuda, of the training; the GPU if there is one.
        dataset_dir: where the datalist's relative paths start.
        min_volume_mm3: smaller objects are ignored in training.
        max_volume_mm3: larger objects are ignored in training.
        num_workers: processes that read the images; one per CPU unless given.
        point_radius_mm: radius of points that tell none.

    Raises:
        DataError: the data cannot be used, or no patch fits into the memory.
    """
    from pathlib import Path

    from medtk_monai.doctor.examine import examine

    wishes, out = _wishes(memory, head, min_volume_mm3, max_volume_mm3, point_radius_mm), str(Path(out).expanduser())
    template = _template(bundle, device)
    planned, fingerprint = _make(examine(datalist, dataset_dir, num_workers=num_workers), template, split, wishes)
    planned.plan.write(out)
    _write_fingerprint(out, fingerprint)
    return f"{planned.plan.explanation}\n{_advice(planned)}\nfiles in {out}"


def new(
    name: str,
    datalist: str,
    memory: float,
    out: str = "bundles",
    bundle: str = "bundles/aneurysm",
    head: str | None = None,
    device: str | None = None,
    dataset_dir: str | None = None,
    min_volume_mm3: float = 0.0,
    max_volume_mm3: float | None = None,
    num_workers: int | None = None,
    point_radius_mm: float | None = None,
) -> str:
    """Make a bundle for a data set, planned and ready to train; arguments not named here are as for medtk plan.

    Args:
        name: of the bundle, and of its folder in OUT.
        datalist: its JSON file, which must have no errors that medtk check finds.
        out: folder of the bundle's folder.
        bundle: folder of the bundle that serves as a template.

    Raises:
        DataError: the data has errors or cannot be used, the folder exists, or no patch fits into the memory.
    """
    from pathlib import Path

    from medtk_monai.bundle.layers import commands
    from medtk_monai.data import read_class_names
    from medtk_monai.doctor.examine import examine
    from medtk_monai.errors import DataError
    from medtk_monai.planning.new_bundle import refuse_existing, write_bundle

    if not name.replace("_", "").replace("-", "").isalnum():
        raise DataError(f"{name!r} is no name for a bundle", remedy="use letters, digits, - and _")
    folder = Path(out).expanduser() / name
    refuse_existing(folder)
    wishes = _wishes(memory, head, min_volume_mm3, max_volume_mm3, point_radius_mm)
    template = _template(bundle, device)
    class_names = read_class_names(datalist)
    examination = examine(datalist, dataset_dir, num_workers=num_workers)
    _refuse_errors(examination, datalist)
    planned, fingerprint = _make(examination, template, "training", wishes)
    write_bundle(Path(bundle), folder, planned.plan, datalist, template.coarsest_stride(planned.plan.values), class_names)
    _write_fingerprint(folder, fingerprint)
    told = "\n".join(commands(str(folder / "train.json")))
    return f"{planned.plan.explanation}\n{_advice(planned)}\n\n{told}"


def _template(bundle: str, device: str | None) -> Template:
    import torch

    from medtk_monai.bundle.parts import config_file
    from medtk_monai.engines import device_kind
    from medtk_monai.planning import Template

    chosen = device_kind(str(device)) if device is not None else "cuda" if torch.cuda.is_available() else "cpu"
    return Template(config_file(bundle), chosen)


def _make(examination: Examination, template: Template, split: str, wishes: Wishes) -> tuple[Planned, dict[str, Any]]:
    from medtk_monai.doctor.data_fingerprint import fingerprint_data
    from medtk_monai.planning.run import plan_for

    fingerprint = fingerprint_data(examination, wishes.point_radius_mm)
    return plan_for(fingerprint, template, wishes, split), fingerprint


def _refuse_errors(examination: Examination, datalist: str) -> None:
    from medtk_monai.errors import DataError
    from medtk_monai.wording import counted

    errors = [finding for finding in examination.findings if finding.severity == "error"]
    if errors:
        remedy = f"see medtk check {datalist}; --fix mends what can be mended"
        raise DataError(f"{datalist} has {counted(len(errors), 'error')}, the first: {errors[0].what}", errors[0].case_id, remedy)


def _write_fingerprint(folder: Any, fingerprint: Mapping[str, Any]) -> None:
    import json
    from pathlib import Path

    from medtk_monai.atomic import write_text_atomically

    write_text_atomically(Path(folder) / "fingerprint.json", json.dumps(fingerprint, indent=1) + "\n")


def _advice(planned: Planned) -> str:
    return "\n".join(planned.audit["advice"])


def _head(head: str | None) -> str | None:
    from medtk_monai.errors import DataError

    if head not in (None, "anchor", "point"):
        raise DataError(f"--head is {head}", remedy="give anchor or point")
    return head


def _wishes(memory: float, head: str | None, smallest: float, largest: float | None, point_radius_mm: float | None) -> Wishes:
    from medtk_monai.cli.words import above_zero
    from medtk_monai.errors import DataError
    from medtk_monai.planning import Wishes

    above_zero("memory", memory, "the GB that a training step may take, as 8")
    above_zero("max_volume_mm3", largest, "mm3, or leave it out")
    above_zero("point_radius_mm", point_radius_mm, "mm, or leave it out")
    if largest is not None and largest <= smallest:
        raise DataError(f"--min_volume_mm3 is {smallest:g} and --max_volume_mm3 {largest:g}", remedy="give the smaller one first")
    return Wishes(float(memory), _head(head), smallest, largest, point_radius_mm)
