"""``medtk plan`` and ``medtk new``: a configuration for one's own data."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
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

    Raises:
        DataError: the data cannot be used, or no patch fits into the memory.
    """
    import json
    from pathlib import Path

    from medtk_monai.atomic import write_text_atomically

    planned, fingerprint = _make(
        datalist, memory, bundle, split, head, device, dataset_dir, (min_volume_mm3, max_volume_mm3), num_workers
    )
    planned.plan.write(out)
    write_text_atomically(Path(out) / "fingerprint.json", json.dumps(fingerprint, indent=1) + "\n")
    return f"{planned.plan.explanation}\n{_advice(planned)}files in {out}"
