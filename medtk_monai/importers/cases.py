"""What importers find: cases with their objects, on their way to a datalist."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from os import cpu_count
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from tqdm import tqdm

from medtk_monai.errors import DataError
from medtk_monai.formats.values import rounded

_MOST_THREADS = 8
Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class ImportedCase:
    """One scan or picture.

    Args:
        case_id: unique in the data set.
        image: a file, or the folder of a DICOM series.
        objects: the keys of a datalist that describe objects: boxes or points or a label map, and what goes with them.
        labels: (N,) class of each object.
        ignored: (N,) bool, whether it is neither to be found nor background; () for none.
        patient: whom it is of; "" if unknown.
        split: where the data set itself puts it; "" where it does not say.
        columns: what else is known, such as age and site.
        left_out: objects that are left out as it was asked for, in words.
        lost: objects that cannot be read or told in a datalist, in words: ``settle`` decides what becomes of the case.
    """

    case_id: str
    image: Path
    objects: Mapping[str, Any] = field(default_factory=dict)
    labels: tuple[int, ...] = ()
    ignored: tuple[bool, ...] = ()
    patient: str = ""
    split: str = ""
    columns: Mapping[str, Any] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()


@dataclass(frozen=True)
class ImportedSet:
    """A data set.

    Args:
        cases: in any order.
        class_names: of class 0, 1, ...
        notes: what else there is to know, such as files that were left out.
    """

    cases: Sequence[ImportedCase]
    class_names: Sequence[str]
    notes: Sequence[str] = ()


def box_objects(
    space: str, centers: Any, sizes: Any, labels: Sequence[int], ignored: Sequence[bool] = (), direction: Any = None
) -> dict[str, Any]:
    """Boxes in the words of ``ImportedCase``; those without a size, or whose numbers are not finite, are lost.

    Args:
        space: "RAS" or "LPS".
        centers, sizes: (N, D), mm.
        direction: (D, D), unit columns; None for the world axes.
    """
    boxes = np.hstack([centers, sizes])
    problems = [_problem(box) for box in boxes]
    keep = [number for number, problem in enumerate(problems) if not problem]
    lost = tuple(f"box {number} {boxes[number].tolist()}, {problem}" for number, problem in enumerate(problems) if problem)
    ignored = tuple(bool(ignored[number]) for number in keep) if len(ignored) else ()
    labels = tuple(int(labels[number]) for number in keep)
    if not labels:
        return {"objects": {}, "lost": lost}
    objects: dict[str, Any] = {"space": space, "boxes": rounded(boxes[keep]), "labels": list(labels)}
    if any(ignored):
        objects["ignored"] = list(ignored)
    if direction is not None and not np.allclose(direction, np.eye(len(direction)), atol=1e-9):
        objects["direction"] = np.asarray(direction, dtype=np.float64).tolist()
    return {"objects": objects, "labels": labels, "ignored": ignored, "lost": lost}


def _problem(box: np.ndarray) -> str:
    """Why a datalist cannot have a box of center and size, "" if it can."""
    if not np.isfinite(box).all():
        return "which is not finite"
    return "which has no size" if box[len(box) // 2 :].min() <= 0 else ""


def point_objects(space: str, points: Sequence[Sequence[float]], radii: Sequence[float | None], labels: Sequence[int]) -> dict[str, Any]:
    """Points (N, D) mm, with radii (N,) mm or None each, in the words of ``ImportedCase``."""
    if not len(points):
        return {"objects": {}}
    objects: dict[str, Any] = {"space": space, "points": rounded(np.asarray(points)), "labels": [int(label) for label in labels]}
    if any(radius is not None for radius in radii):
        objects["radii"] = list(radii)
    return {"objects": objects, "labels": tuple(objects["labels"])}


def map_cases(function: Callable[[Item], Result], items: Sequence[Item], doing: str) -> list[Result]:
    """The results of a function that reads files, in the order of the items, by several threads and with a progress bar."""
    # Libraries that load their parts when these are first used do so in one thread.
    results = [function(item) for item in items[:1]]
    with (
        ThreadPoolExecutor(min(_MOST_THREADS, cpu_count() or 1)) as pool,
        tqdm(total=len(items), initial=len(results), desc=doing, unit="case", leave=False, disable=None) as bar,
    ):
        for result in pool.map(function, items[1:]):
            results.append(result)
            bar.update()
    return results


def some(found: Sequence[Item], what: str, source: Path) -> Sequence[Item]:
    """``found`` if it is not empty.

    Raises:
        DataError: it is.
    """
    if not found:
        raise DataError(f"{source} has no {what}", remedy="name the folder that holds the data set as it was published")
    return found
