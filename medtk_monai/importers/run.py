"""From a data set as it was published to a datalist."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from medtk_monai.importers.mask_objects import MaskRules
from medtk_monai.importers.registry import RULES, import_data_set
from medtk_monai.importers.write import Splitting, write_import


def import_files(
    layout: str,
    source: str | Path,
    out: str | Path,
    options: Mapping[str, Any] | None = None,
    splitting: Splitting | None = None,
    relative: bool = False,
    overwrite: bool = False,
) -> dict[str, Any]:
    """Read a data set and write datalist.json and import.json.

    Args:
        layout: one of ``IMPORTERS``.
        source: its folder, or the file that describes it.
        out: folder for the files.
        options: of the layout, as ``medtk import`` takes them.
        splitting: how cases are dealt.
        relative, overwrite: see ``write_import``.

    Returns:
        The account, as import.json has it.

    Raises:
        DataError: no such layout or option, something is wrong with the data set, or there is a datalist.json.
    """
    given, dealt = dict(options or {}), splitting or Splitting()
    rules = {name: given[name] for name in RULES if name in given}
    others = {name: value for name, value in given.items() if name not in RULES}
    found = import_data_set(layout, source, others | ({"rules": MaskRules(**rules)} if rules else {}))
    origin = {"format": layout, "source": str(Path(source).expanduser().absolute()), "options": given, "seed": dealt.seed}
    return write_import(found, Path(out).expanduser(), dealt, origin, relative, overwrite)
