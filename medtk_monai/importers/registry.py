"""The data sets that ``medtk import`` knows by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import Any

from medtk_monai.errors import DataError
from medtk_monai.importers.cases import ImportedSet

IMPORTERS = {
    "masks": "masks:import_masks",
    "semantic": "masks:import_semantic",
    "luna16": "luna16:import_luna16",
    "adam": "adam:import_adam",
    "cada": "cada:import_cada",
    "lausanne": "lausanne:import_lausanne",
    "rsna2025": "rsna2025:import_rsna2025",
    "msd": "msd:import_msd",
    "nndetection": "nndetection:import_nndetection",
    "monai": "monai_lists:import_monai",
    "coco": "coco:import_coco",
    "voc": "voc:import_voc",
    "yolo": "yolo:import_yolo",
}
"""Where the function of each format lies."""
RULES = ("connectivity", "min_mm3", "min_voxels", "drop_small")
"""Options of the command that make the argument ``rules``."""


def import_data_set(name: str, source: str | Path, options: Mapping[str, Any]) -> ImportedSet:
    """Read a data set.

    Args:
        name: one of ``IMPORTERS``.
        source: its folder, or the file that describes it.
        options: further arguments of the format's function.

    Raises:
        DataError: no such format, folder or option; or something is wrong with the data set.
    """
    importer, path = find_importer(name), Path(source).expanduser().absolute()
    takes = list(signature(importer).parameters)[1:]
    known = [name for part in takes for name in (RULES if part == "rules" else (part,))]
    for option in options:
        if option not in takes:
            raise DataError(
                f"{name} takes no --{' or --'.join(RULES) if option == 'rules' else option}",
                remedy=f"leave it out; it takes {', '.join(known) or 'no options'}",
            )
    if not path.exists():
        raise DataError(f"{path} does not exist", remedy="name the folder that holds the data set as it was published")
    return importer(path, **options)


def find_importer(name: str) -> Callable[..., ImportedSet]:
    """The function of a format.

    Raises:
        DataError: there is none of this name.
    """
    if name not in IMPORTERS:
        near = get_close_matches(name, IMPORTERS, 1)
        raise DataError(f"no format {name!r}", remedy=f"choose {near[0]}" if near else f"choose one of {', '.join(IMPORTERS)}")
    module, function = IMPORTERS[name].split(":")
    return getattr(import_module(f"medtk_monai.importers.{module}"), function)
