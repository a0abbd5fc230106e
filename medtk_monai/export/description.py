"""export.json: what an exported network takes and gives."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from medtk_monai.errors import DataError
from medtk_monai.json_files import read_json

EXPORT_FILE = "export.json"
FORMAT = "medtk_monai export"
VERSION = 1
_MIN_CELLS = 2
"""Cells along each side of the coarsest map; a map of one cell has nothing to reflect."""


@dataclass(frozen=True)
class InputSpec:
    """The images that an exported network takes: float32 (B, channels, *spatial), any B from 1.

    Args:
        channels: of an image.
        stride: voxels, one for each axis; sides are multiples of it.
        min_size: shortest sides, voxels.
        max_size: longest sides, voxels; None for any.
    """

    channels: int
    stride: tuple[int, ...]
    min_size: tuple[int, ...]
    max_size: tuple[int, ...] | None = None

    @staticmethod
    def of_any_size(channels: int, stride: Sequence[int]) -> InputSpec:
        """Sides from twice the coarsest stride of a network."""
        return InputSpec(channels, tuple(stride), tuple(_MIN_CELLS * step for step in stride))

    @staticmethod
    def of_one_size(channels: int, stride: Sequence[int], size: Sequence[int]) -> InputSpec:
        """Windows of ``size`` voxels and no others.

        Raises:
            DataError: a side is no multiple of the stride.
        """
        if len(size) != len(stride) or any(side < step or side % step for side, step in zip(size, stride)):
            raise DataError(f"a window of {tuple(size)} voxels does not fit the network", remedy=f"give multiples of {tuple(stride)}")
        return InputSpec(channels, tuple(stride), tuple(size), tuple(size))

    @property
    def is_dynamic(self) -> bool:
        return self.max_size != self.min_size

    def check(self, shape: Sequence[int]) -> None:
        """Refuse images of another shape.

        Raises:
            DataError: with the shapes that are allowed.
        """
        size, longest = tuple(shape[2:]), self.max_size or tuple(shape[2:])
        fits = len(shape) == len(self.stride) + 2 and shape[0] > 0 and shape[1] == self.channels
        if not fits or any(not a <= n <= b or n % s for n, a, b, s in zip(size, self.min_size, longest, self.stride)):
            remedy = "choose window_size and margin so that windows fit, or export for other sizes"
            raise DataError(f"images of shape {tuple(shape)}; the exported network takes {self}", remedy=remedy)

    def __str__(self) -> str:
        if not self.is_dynamic:
            return f"(B, {self.channels}, {', '.join(map(str, self.min_size))})"
        sides = (f"a multiple of {s} from {low}" for s, low in zip(self.stride, self.min_size))
        return f"(B, {self.channels}, {', '.join(sides)})"


@dataclass(frozen=True)
class ExportDescription:
    """What an exported network takes and gives, and how well its files agree with the network they were made from.

    Args:
        input: what it takes.
        outputs: names of its outputs, in their order; see ``flat_maps``.
        num_classes: C.
        level_strides: voxels per cell along each axis, for each level.
        files: for each format the ``name`` and the ``sha256`` of its file.
        versions: of the packages that made them.
        parity: differences from the network; see ``medtk_monai.export.parity``.
        notes: of the one who exported it: bundle, checkpoint and its hash, values.
    """

    input: InputSpec
    outputs: tuple[str, ...]
    num_classes: int
    level_strides: tuple[tuple[int, ...], ...]
    files: Mapping[str, Mapping[str, Any]]
    versions: Mapping[str, str]
    parity: Mapping[str, Any]
    notes: Mapping[str, Any]

    def to_json(self) -> str:
        """The text of export.json."""
        shape = {
            "name": "images",
            "dtype": "float32",
            "dynamic_batch": True,
            "dynamic_size": self.input.is_dynamic,
            "text": str(self.input),
        }
        content = {"format": FORMAT, "version": VERSION, "spatial_dims": len(self.input.stride)} | asdict(self)
        return json.dumps(content | {"input": shape | asdict(self.input)}, indent=1) + "\n"


def read_description(folder: str | Path) -> ExportDescription:
    """What the export.json of a folder says.

    Raises:
        DataError: there is no such file, or it is not what an export writes.
    """
    path = Path(folder) / EXPORT_FILE
    remedy = "give the folder that medtk export has written"
    content = read_json(path, remedy, dict)
    try:
        if (content["format"], content["version"]) != (FORMAT, VERSION):
            raise DataError(
                f"{path} has format {content['format']!r}, version {content['version']!r}", remedy=f"this release reads {VERSION}"
            )
        limits = {key: _integers(content["input"][key]) for key in ("stride", "min_size", "max_size")}
        strides = tuple(tuple(map(int, steps)) for steps in content["level_strides"])
        given = InputSpec(int(content["input"]["channels"]), **limits)
        outputs = tuple(str(name) for name in content["outputs"])
        parts = {key: content[key] for key in ("files", "versions", "parity", "notes")}
        return ExportDescription(given, outputs, int(content["num_classes"]), strides, **parts)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"cannot read {path}: {type(error).__name__}: {error}", remedy=remedy) from error


def _integers(values: Any) -> Any:
    return None if values is None else tuple(map(int, values))
