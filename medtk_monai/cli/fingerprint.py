"""``medtk fingerprint``: what a data set is like."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from medtk_monai.cli.options.data import PointRadius, Reading
from medtk_monai.cli.options.declare import flat
from medtk_monai.cli.options.kinds import File, Target


@flat
def fingerprint(
    datalist: File,
    out: Target = "fingerprint.json",
    picture: Target | None = None,
    *,
    points: PointRadius,
    reading: Reading,
) -> str:
    """Measure sizes, spacings, orientations, intensities and objects of a data set, for each split and class.

    Args:
        datalist: its JSON file.
        out: JSON file for the figures.
        picture: of their histograms; beside the JSON file unless given.

    Raises:
        DataError: there is no such datalist, or no case of it can be used.
    """
    target = Path(out).expanduser()
    image = Path(picture).expanduser() if picture else target.with_suffix(".png")
    _refuse_same(target, image, datalist)
    from medtk_monai.atomic import write_text_atomically
    from medtk_monai.doctor.data_fingerprint import fingerprint_data
    from medtk_monai.doctor.examine import examine
    from medtk_monai.visualize.fingerprint_plot import plot_fingerprint

    found = fingerprint_data(examine(datalist, reading.dataset_dir, num_workers=reading.num_workers), points.point_radius_mm)
    write_text_atomically(target, json.dumps(found, indent=1) + "\n")
    plot_fingerprint(found, image, f"{found['num_cases']} cases of {Path(datalist).name}")
    return _show(found) + f"\nfiles: {target}, {image}"


def _refuse_same(target: Path, image: Path, datalist: str) -> None:
    """Refuse to write over what is read."""
    from medtk_monai.errors import DataError

    if len({path.absolute() for path in (target, image, Path(datalist).expanduser())}) < 3:
        raise DataError(f"{target}, {image} and {datalist} are not different files", remedy="name other files by --out and --picture")


def _show(found: dict[str, Any]) -> str:
    """The medians of the whole, and the counts of each split."""

    def axes(values: Any) -> str:
        return " x ".join(f"{value:.3g}" for value in values) if values else "unknown"

    objects, intensity = found["objects"], found["intensity"]
    lines = [f"{found['num_cases']} cases, {found['left_out']} left out; {found['spatial_dims']}D, intensities: {intensity['unit']}"]
    lines += [f"  {split}: cases {part['num_cases']}, objects {part['objects']['count']}" for split, part in found["splits"].items()]
    lines.append(f"median spacing {axes(found['spacing']['median'])} mm, size {axes(found['size']['median'])} voxels")
    if objects["count"]:
        lines.append(f"median object {axes(objects['sizes_mm']['median'])} mm, {axes(objects['sizes_vox']['median'])} voxels")
    for label, part in found["classes"].items():
        lines.append(f"  class {label}: objects {part['count']}, in cases {part['cases']}")
    unsized = sum(case["unsized"] for case in found["cases"])
    if unsized:
        lines.append(f"points without a radius, and thus without a size: {unsized}; --point_radius_mm gives them a nominal one")
    return "\n".join(lines)
