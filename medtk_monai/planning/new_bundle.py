"""A bundle of one's own: a template with a plan laid over it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from medtk_monai.atomic import make_folder, refuse_existing, write_text_atomically
from medtk_monai.bundle import keys
from medtk_monai.bundle.layers import commands, difference
from medtk_monai.bundle.parts import config_file
from medtk_monai.errors import existing_file
from medtk_monai.json_files import read_json
from medtk_monai.planning.plan import EXPLANATION, Plan
from medtk_monai.wording import counted

_WIDTH = 140
_BUNDLE = "give the folder of a bundle"


def write_bundle(
    template: Path, folder: Path, plan: Plan, datalist: str | Path, stride: Sequence[int], class_names: Sequence[str] = ()
) -> None:
    """Write a bundle that tells what a plan has different from a template: nothing of the template is copied.

    Args:
        template: folder of the template.
        folder: of the new bundle, whose name is that of the bundle; it must not exist.
        stride: voxels along each axis that are whole cells of the network's coarsest map.
        datalist: that the bundle trains on unless told otherwise.
        class_names: of class 0, 1, ...

    Raises:
        DataError: the folder exists, or the template is no bundle.
    """
    refuse_existing(folder)
    below = config_file(template)
    metadata = read_json(existing_file(template / "metadata.json", _BUNDLE), _BUNDLE, dict)
    known = list(class_names) + [f"class {label}" for label in range(len(class_names), plan.values["num_classes"])]
    own = {"output_dir": f"runs/{folder.name}", "datalist": str(Path(datalist).expanduser().absolute()), "class_names": known}
    make_folder(folder / "docs")
    write_text_atomically(folder / "train.json", compact_json(difference(below, folder, own | plan.values)) + "\n")
    write_text_atomically(folder / "metadata.json", compact_json(_metadata(metadata, folder.name, plan.values, stride, known)) + "\n")
    write_text_atomically(folder / EXPLANATION, plan.explanation)
    write_text_atomically(folder / "docs" / "README.md", _readme(folder))


def _metadata(
    template: Mapping[str, Any], name: str, values: Mapping[str, Any], stride: Sequence[int], known: Sequence[str]
) -> dict[str, Any]:
    dims = values["spatial_dims"]
    shape, kind = [f"{s}*n" for s in stride], "points" if values[keys.HEAD] == keys.head_named("point") else "anchors"
    formats: dict[str, Any] = template["network_data_format"]
    image, found = formats["inputs"]["image"], formats["outputs"]["pred"]
    channels = {str(number): "image" if values["in_channels"] == 1 else f"channel {number}" for number in range(values["in_channels"])}
    return dict(template) | {
        "version": "0.1.0",
        "changelog": {"0.1.0": "planned from the data set"},
        "name": name,
        "task": f"Detection of {', '.join(known)}",
        "description": f"A residual encoder with a feature pyramid and {kind} finds {', '.join(known)} in {dims}D images.",
        "data_source": "the user's own data",
        "data_type": "image files",
        "image_classes": f"images of {counted(len(channels), 'channel')}, see preprocessing in train.json",
        "authors": "",
        "copyright": "",
        "label_classes": f"boxes of {', '.join(known)}",
        "pred_classes": f"boxes of {', '.join(known)} with a score",
        "network_data_format": {
            "inputs": {
                "image": image | {"modality": "n/a", "num_channels": len(channels), "spatial_shape": shape, "channel_def": channels}
            },
            "outputs": {
                "pred": found
                | {"num_channels": len(known), "spatial_shape": shape, "channel_def": {str(i): part for i, part in enumerate(known)}}
            },
        },
    }


def _readme(folder: Path) -> str:
    training, evaluating = commands(str(folder / "train.json"))
    return f"""# {folder.name}

```
{training}
{evaluating}
medtk audit --config_file {folder / "train.json"}
```

`train.json` holds what differs from the template that it names; MONAI is given both, `medtk` finds the template itself. Change in it what
you know better; every value can be given on the command line as well. [`plan.md`](../plan.md) tells the reasons.
"""


def compact_json(value: Any, indent: int = 0, used: int = 0) -> str:
    """JSON in which whatever fits on a line of 140 characters is on one line.

    Args:
        indent: of the value.
        used: characters before it on its line.
    """
    line = json.dumps(value, ensure_ascii=False)
    if len(line) + indent + used < _WIDTH and indent or not isinstance(value, list | dict) or not value:
        return line
    inner = " " * (indent + 4)
    if isinstance(value, list):
        rows = [f"{inner}{compact_json(part, indent + 4)}" for part in value]
        return "[\n" + ",\n".join(rows) + f"\n{' ' * indent}]"
    rows = [f"{inner}{json.dumps(key)}: {compact_json(part, indent + 4, len(key) + 4)}" for key, part in value.items()]
    return "{\n" + ",\n".join(rows) + f"\n{' ' * indent}}}"
