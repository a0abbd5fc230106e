"""Does an exported network say what the network says?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from medtk_monai.errors import DataError
from medtk_monai.export.description import InputSpec
from medtk_monai.export.flat import KINDS

TOLERANCE = 1e-4
"""Largest difference of an output, absolute where no value of it exceeds 1, else relative to its largest value."""
Program = Callable[[Tensor], Mapping[str, Tensor]]


@dataclass(frozen=True)
class Comparison:
    """One program and one batch of images.

    Args:
        program: name of the format.
        shape: of the images.
        differences: largest absolute difference of each output.
        largest: largest absolute value of each output.
    """

    program: str
    shape: tuple[int, ...]
    differences: Mapping[str, float]
    largest: Mapping[str, float]

    @property
    def agrees(self) -> bool:
        return all(self.differences[name] <= TOLERANCE * max(1.0, self.largest[name]) for name in self.differences)


def probe_images(given: InputSpec) -> list[Tensor]:
    """Random images of normalized intensities: batches of 1 and 2, of the smallest size and of a larger one with unequal sides."""
    generator = torch.Generator().manual_seed(0)
    sizes = [given.min_size]
    if given.is_dynamic:
        sizes.append(tuple(side + (axis + 1) * step for axis, (side, step) in enumerate(zip(given.min_size, given.stride))))
    return [torch.randn(batch, given.channels, *size, generator=generator) for size in sizes for batch in (1, 2)]


def compare(network: Program, programs: Mapping[str, Program], images: Sequence[Tensor]) -> list[Comparison]:
    """Compare the outputs of a network, by name, with those of programs.

    Raises:
        DataError: a program has other outputs, or outputs of other shapes.
    """
    found = []
    for batch in images:
        expected = network(batch)
        for name, program in programs.items():
            given = program(batch)
            if {key: value.shape for key, value in given.items()} != {key: value.shape for key, value in expected.items()}:
                raise DataError(f"the exported {name} gives outputs of other shapes for images of {tuple(batch.shape)}", remedy=_REMEDY)
            differences = {key: float((given[key].cpu() - value).abs().max()) for key, value in expected.items()}
            found.append(Comparison(name, tuple(batch.shape), differences, {k: float(v.abs().max()) for k, v in expected.items()}))
    return found


_REMEDY = "export with other versions of torch, onnx and onnxruntime, or look for an operation that they compute differently"


def check(comparisons: Sequence[Comparison]) -> None:
    """Refuse programs that differ from the network.

    Raises:
        DataError: a difference exceeds the tolerance, or is not a number.
    """
    for one in comparisons:
        if not one.agrees:
            name = max(one.differences, key=lambda key: one.differences[key] / max(1.0, one.largest[key]))
            what = f"{name} of the exported {one.program} differs by {one.differences[name]:.1e} from the network for images of {one.shape}"
            raise DataError(f"{what}; allowed is {TOLERANCE:g} of its largest value, or of 1", remedy=_REMEDY)


def summary(comparisons: Sequence[Comparison]) -> dict[str, Any]:
    """For export.json: the tolerance, and the differences of each program and batch."""
    rows = [{"program": one.program, "shape": list(one.shape), "max_abs_difference": dict(one.differences)} for one in comparisons]
    return {"tolerance": TOLERANCE, "comparisons": rows}


def parity_table(parity: Mapping[str, Any]) -> str:
    """What ``summary`` returns as a table: the largest difference of each kind of output over the levels."""
    rows = parity["comparisons"]
    kinds = [kind for kind in KINDS if any(name.startswith(kind) for row in rows for name in row["max_abs_difference"])]
    lines = [f"{'largest difference':<20} {'images':>22} " + " ".join(f"{kind:>9}" for kind in kinds)]
    for row in rows:
        worst = [max(value for name, value in row["max_abs_difference"].items() if name.startswith(kind)) for kind in kinds]
        lines.append(f"{row['program']:<20} {' x '.join(map(str, row['shape'])):>22} " + " ".join(f"{value:>9.1e}" for value in worst))
    return "\n".join(lines)
