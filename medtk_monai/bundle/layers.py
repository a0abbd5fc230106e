"""Files of a configuration that lie over one another: a bundle of one's own tells only what differs from its template."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from medtk_monai.bundle.running import running_parser
from medtk_monai.errors import DataError, existing_file, show_data_errors_in_one_line
from medtk_monai.json_files import read_json

TEMPLATE = "template"
"""The value that names the file below, relative to the one that names it."""
LAYERS = "layers"
"""The value to which each file adds its name; the lowest begins it with ``TEMPLATE``."""


def with_templates(files: Sequence[str], remedy: str = "check the path") -> list[str]:
    """Files of a configuration, each after the template that it names, if it is not there already.

    Raises:
        DataError: a file or a template is missing, is no JSON, or is its own template.
    """
    found: list[str] = []
    for file in files:
        for path in reversed(_chain(existing_file(file, remedy))):
            if not any(os.path.samefile(path, other) for other in found):
                found.append(path)
    return found


def _chain(path: str) -> list[str]:
    """A file, its template, the template of that, and so on."""
    chain = [path]
    while (below := template_of(chain[-1])) is not None:
        if any(os.path.samefile(below, other) for other in chain):
            raise DataError(f"{below} is its own template", remedy=f"mend {TEMPLATE!r} in {chain[-1]}")
        chain.append(below)
    return chain


def template_of(path: str) -> str | None:
    """The file that a configuration lies over, if it names one.

    Raises:
        DataError: there is no such file, or the configuration is no JSON.
    """
    if Path(path).suffix != ".json":
        return None
    content = read_json(path, "see the line that it names")
    name = content.get(TEMPLATE) if isinstance(content, dict) else None
    if not isinstance(name, str):
        return None
    return existing_file(os.path.normpath(Path(path).parent / name), f"mend {TEMPLATE!r} in {path}")


def difference(template: str, folder: Path, values: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration that lies over a template, with what makes it refuse to run without.

    Args:
        template: file of the template.
        folder: of the new configuration.
        values: that differ, by their ids.
    """
    return {
        TEMPLATE: os.path.relpath(template, folder).replace(os.sep, "/"),
        f"+{LAYERS}": [folder.name],
        "bundle_root": folder.as_posix(),
        **_merging(values),
        "check_layers": {
            "_target_": "medtk_monai.bundle.check_layers",
            "_mode_": "callable",
            "layers": f"@{LAYERS}",
            "template": f"@{TEMPLATE}",
            "bundle_root": "@bundle_root",
        },
        "+initialize": ["$@check_layers()"],
    }


def _merging(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values by their ids as MONAI merges them: ``{"a::b::c": 1}`` is ``{"+a": {}, "+a::b": {"c": 1}}``, which needs no file below."""
    merged: dict[str, Any] = {}
    for name, value in values.items():
        *parents, last = name.split("::")
        for depth in range(1, len(parents) + 1):
            merged.setdefault("+" + "::".join(parents[:depth]), {})
        if parents:
            merged["+" + "::".join(parents)][last] = value
        else:
            merged[name] = value
    return merged


def commands(config: str) -> tuple[str, str]:
    """What trains and what evaluates a bundle, as MONAI is told.

    Raises:
        DataError: its template is missing.
    """
    files = with_templates([config])
    training = f"python -m monai.bundle run training   --config_file {_argument(files)}"
    evaluating = (
        f"python -m monai.bundle run evaluating --config_file {_argument([*files, str(Path(files[0]).with_name('evaluate.json'))])}"
    )
    return training, f"{evaluating} --eval_split validation"


def _argument(files: Sequence[str]) -> str:
    return files[0] if len(files) == 1 else '"[' + ",".join(f"'{file}'" for file in files) + ']"'


def check_layers(layers: Sequence[str], template: str | None = None, bundle_root: str = "") -> None:
    """Refuse to run a bundle without the template that it lies over, or below it, and tell the command that does.

    Args:
        layers: names of the files that have been read.
        template: relative to the folder of the bundle; None for what the configuration that is being run says, if anything.
        bundle_root: the folder of the bundle.

    Raises:
        DataError: the template is not among the files, or it lies over the others.
    """
    below = running_parser().get().get(TEMPLATE) if template is None else template
    if below is None or (TEMPLATE in layers and len(layers) > 1):
        return
    show_data_errors_in_one_line()
    if TEMPLATE in layers:
        raise DataError(
            "the template lies over the bundle, and hides it", remedy="name the template first in --config_file, then the bundle"
        )
    own = Path(bundle_root) / "train.json"
    files = _argument([os.path.normpath(own.parent / below), str(own)])
    raise DataError(f"{own} tells only what differs from its template", remedy=f"give both: --config_file {files}")
