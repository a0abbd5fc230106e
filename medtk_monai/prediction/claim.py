"""Folders that hold the results of one set of settings."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from medtk_monai.atomic import make_folder, write_text_atomically
from medtk_monai.errors import DataError
from medtk_monai.json_files import as_json, read_json


def claim_folder(
    path: Path, settings: Mapping[str, Any], content: str, in_use: bool, renew: Callable[[dict[str, Any]], dict[str, Any]] = dict
) -> None:
    """Write the settings that a folder's results are made with, or compare them with those of an earlier run.

    Args:
        path: the file of the settings; its folder is made.
        settings: whatever changes the results, plain values.
        content: what the folder holds, for errors.
        in_use: whether it holds results already, whose settings must not change.
        renew: settings of an earlier release -> the same in the words of this one.

    Raises:
        DataError: the folder cannot be written, or is in use with other settings.
    """
    wanted = as_json(settings, str)
    make_folder(path.parent)
    found = renew(read_json(path, "choose another --out, or remove that file", dict)) if path.exists() else None
    different = [key for key in dict.fromkeys([*wanted, *(found or {})]) if wanted.get(key) != (found or {}).get(key)]
    if found is None or (different and not in_use):
        write_text_atomically(path, json.dumps(wanted, indent=1) + "\n")
    elif different:
        what = f"{path.parent} holds {content} made with other settings: {', '.join(different)}"
        raise DataError(what, remedy="choose another --out, or remove that folder")
