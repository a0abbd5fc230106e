"""``medtk plan`` and ``medtk new``: a configuration for one's own data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from medtk_monai.atomic import refuse_existing
from medtk_monai.cli.options.data import Reading, Sizes
from medtk_monai.cli.options.declare import flat
from medtk_monai.cli.options.kinds import File, Positive, Target
from medtk_monai.cli.options.model import Template

if TYPE_CHECKING:
    from medtk_monai.planning import Wishes
    from medtk_monai.planning.run import Planned


@flat
def plan(
    datalist: File, memory: Positive, out: Target = "plan", *, split: str = "training", base: Template, sizes: Sizes, reading: Reading
) -> str:
    """Choose spacing, levels, priors, patches, batch and inference for a data set, and explain each choice.

    OUT gets plan.json, to lay over the bundle's train.json, plan.md with the reasons, and fingerprint.json that they were drawn from.

    Args:
        datalist: its JSON file; run medtk check on it first.
        memory: GB that a training step may take, on the GPU or in main memory.
        out: folder for the files.
        split: whose objects the plan fits.

    Raises:
        DataError: the data cannot be used, or no patch fits into the memory.
    """
    from medtk_monai.planning.files import Base, Data, plan_data

    data = Data(datalist, split, reading.dataset_dir, reading.num_workers)
    planned = plan_data(data, _wishes(memory, base, sizes), out, Base(base.template, base.device))
    return f"{_told(planned)}\nfiles in {out}"


@flat
def new(name: str, datalist: File, memory: Positive, out: Target = "bundles", *, base: Template, sizes: Sizes, reading: Reading) -> str:
    """Make a bundle for a data set, planned and ready to train: train.json, plan.md with the reasons, and what else a bundle has.

    Args:
        name: of the bundle, and of its folder in OUT.
        datalist: its JSON file, which must have no errors that medtk check finds.
        memory: GB that a training step may take, on the GPU or in main memory.
        out: folder of the bundle's folder.

    Raises:
        DataError: the data has errors or cannot be used, the folder exists, or no patch fits into the memory.
    """
    _check_name(name)
    folder = Path(out).expanduser() / name
    refuse_existing(folder)
    from medtk_monai.bundle.layers import commands
    from medtk_monai.planning.files import Base, Data, new_bundle

    data = Data(datalist, dataset_dir=reading.dataset_dir, num_workers=reading.num_workers)
    planned = new_bundle(data, _wishes(memory, base, sizes), folder, Base(base.template, base.device))
    told = "\n".join(commands(str(folder / "train.json")))
    return f"{_told(planned)}\n\n{told}"


def _check_name(name: str) -> None:
    from medtk_monai.errors import DataError

    if not name.replace("_", "").replace("-", "").isalnum():
        raise DataError(f"{name!r} is no name for a bundle", remedy="use letters, digits, - and _")


def _told(planned: Planned) -> str:
    """What is told of a plan."""
    return "\n".join([planned.plan.explanation, "\n".join(planned.audit["advice"])])


def _wishes(memory: float, base: Template, sizes: Sizes) -> Wishes:
    from medtk_monai.planning import Wishes

    return Wishes(float(memory), base.head, sizes.min_volume_mm3, sizes.max_volume_mm3, sizes.point_radius_mm)
