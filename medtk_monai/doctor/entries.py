"""A datalist read leniently: every case with what is usable of it, and every fault on the way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from medtk_monai.data import case_fields as fields
from medtk_monai.data.datalist import case_id_of, read_content
from medtk_monai.doctor.faults import Fault, from_error
from medtk_monai.errors import DataError

USUAL_SPLITS = ("training", "validation", "test")
_LENGTHS = (4, 6)


@dataclass(frozen=True)
class Entry:
    """What is usable of a case.

    Args:
        split, index: its place in the datalist.
        case_id: its id.
        item: as written, with our names of keys.
        image: absolute path; "" if it is missing.
        label_map: the same.
        segmentation: what the boxes were drawn from, if the datalist names it and it is there.
        boxes: (N, 2D) center and size as written; sizes may be 0 or below.
        numbers: (N,), places of these boxes in the item's list.
        labels: (N,), -1 for one that is no class number.
        classes: mask value -> class, of a label map; empty if not given.
        space: "RAS" or "LPS"; "" if not stated.
        direction: (D, D) unit columns; None where there are no boxes.
        points: (M, D), in the same frame.
        radii: (M,) mm of the points, NaN where there is none that is usable.
        point_labels: (M,), as ``labels``.
        ignored, point_ignored: (N,) of the boxes and (M,) of the points; false where flags are not as they should be.
    """

    split: str
    index: int
    case_id: str
    item: dict[str, Any]
    image: str = ""
    label_map: str = ""
    segmentation: str = ""
    boxes: np.ndarray = field(default_factory=lambda: np.zeros((0, 6)))
    numbers: tuple[int, ...] = ()
    labels: tuple[int, ...] = ()
    classes: dict[int, int] = field(default_factory=dict)
    space: str = ""
    direction: np.ndarray | None = None
    points: np.ndarray = field(default_factory=lambda: np.zeros((0, 3)))
    radii: np.ndarray = field(default_factory=lambda: np.zeros(0))
    point_labels: tuple[int, ...] = ()
    ignored: tuple[bool, ...] = ()
    point_ignored: tuple[bool, ...] = ()

    @property
    def place(self) -> dict[str, Any]:
        """Where a finding about this case belongs."""
        return {"case_id": self.case_id, "split": self.split, "index": self.index}

    @property
    def patient(self) -> str:
        """Whose image it is, if that is told."""
        told = self.item.get("patient_id")
        return "" if told is None else str(told)


@dataclass(frozen=True)
class Listing:
    """A datalist as it was read.

    Args:
        path: of the file.
        root: folder that relative paths start from.
        content: the file's.
        entries: its cases.
        findings: faults of the text alone, and of paths.
        num_classes: as asked for, or else by the file's ``class_names``; None if unknown.
    """

    path: Path
    root: Path
    content: dict[str, Any]
    entries: tuple[Entry, ...]
    findings: tuple[Fault, ...]
    num_classes: int | None

    @property
    def splits(self) -> list[str]:
        """Names of the splits that have cases, in the order of the file."""
        return list(dict.fromkeys(entry.split for entry in self.entries))


def read_listing(datalist: str | Path, dataset_dir: str | Path | None = None, num_classes: int | None = None) -> Listing:
    """Read all splits of a datalist and note what is wrong with each case.

    Raises:
        DataError: there is no such file, or it is no JSON object.
    """
    path = Path(datalist).expanduser().absolute()
    root = Path(dataset_dir).expanduser().absolute() if dataset_dir else path.parent
    findings: list[Fault] = []

    def note_repeated_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        keys = [key for key, _ in pairs]
        for key in sorted({key for key in keys if keys.count(key) > 1}):
            what = f"key {key!r} is there {keys.count(key)} times in one object; all but the last are lost"
            findings.append(Fault("repeated_key", what, "give each its own name, or join the lists", file=str(path)))
        return dict(pairs)

    content = read_content(path, note_repeated_keys)
    if num_classes is None and isinstance(content.get("class_names"), (list, dict)):
        num_classes = len(content["class_names"]) or None
    try:
        fields.check_class_names(content.get("class_names") or [], str(path))
    except DataError as error:
        findings.append(from_error("bad_class_names", error, file=str(path)))
    entries = []
    for split, items in cases_of(content).items():
        for index, item in enumerate(items):
            entry = _read_entry(_Collector(split, index, root, num_classes, findings), item)
            entries += [entry] if entry else []
    if not entries and not findings:
        findings.append(Fault("no_cases", "the datalist has no cases", 'write splits of cases: {"training": [...]}', file=str(path)))
    findings += [
        Fault("bad_case", f"split {name!r} is a {type(content[name]).__name__}", "write a list of cases", split=name, file=str(path))
        for name in USUAL_SPLITS
        if name in content and not isinstance(content[name], list)
    ]
    return Listing(path, root, content, tuple(entries), tuple(findings), num_classes)


def cases_of(content: dict[str, Any]) -> dict[str, list[Any]]:
    """The splits of a datalist: lists of cases; other values, lists of names among them, tell of the data as a whole."""
    return {
        key: value
        for key, value in content.items()
        if isinstance(value, list) and (key in USUAL_SPLITS or any(isinstance(item, dict) for item in value))
    }


class _Collector:
    """Runs checks on one case and keeps what they complain of."""

    def __init__(self, split: str, index: int, root: Path, num_classes: int | None, findings: list[Fault]):
        self.place: dict[str, Any] = {"case_id": f"{split}[{index}]", "split": split, "index": index}
        self.root, self.num_classes, self.findings = root, num_classes, findings

    def try_to(self, kind: str, check: Callable[..., Any], *args: Any, default: Any = None, **more: Any) -> Any:
        """What a check returns, or ``default`` and a finding."""
        try:
            return check(*args)
        except DataError as error:
            self.findings.append(from_error(kind, error, **self.place, **more))
            return default

    def passes(self, kind: str, check: Callable[..., Any], *args: Any, **more: Any) -> bool:
        """Whether a check does not complain."""
        count = len(self.findings)
        self.try_to(kind, check, *args, **more)
        return len(self.findings) == count


def _read_entry(see: _Collector, raw: Any) -> Entry | None:
    """The case, or None where it is not even an object with an image."""
    where = see.place["case_id"]
    item = see.try_to("bad_case", fields.without_aliases, raw, where)
    if item is None or see.try_to("bad_case", fields.image_name, item, where) is None:
        return None
    see.place["case_id"] = case = case_id_of(item, see.root)
    files = {"image": _find(see, item["image"], "image", case), "label_map": ""}
    if item.get("label_map") is not None:
        files["label_map"] = _find(see, item["label_map"], "label map", case)
    if isinstance(item.get("segmentation"), str) and (see.root / item["segmentation"]).is_file():
        files["segmentation"] = str(see.root / item["segmentation"])
    entry: dict[str, Any] = {"item": item, **see.place, **files}
    if item.get("boxes") or item.get("label_map") is None:
        entry |= _read_boxes(see, item, case)
    if item.get("label_map") is not None and not (item.get("boxes") and isinstance(item.get("labels"), list)):
        classes = see.try_to("bad_labels", fields.mask_classes, item.get("labels"), case, default={})
        entry["classes"] = {value: label for value, label in classes.items() if _is_label(see, label, case, value)}
    entry |= _read_points(see, item, case)
    if item.get("boxes") or "points" in entry:
        see.try_to("no_space", fields.check_space, item, case)
        entry["space"] = item["space"] if item.get("space") in fields.SPACES else ""
    return Entry(**entry)


def _find(see: _Collector, name: Any, role: str, case: str) -> str:
    shown = str(see.root / name) if isinstance(name, str) else ""
    return see.try_to(f"missing_{role.replace(' ', '_')}", fields.existing_path, see.root, name, role, case, default="", file=shown)


def _read_boxes(see: _Collector, item: dict[str, Any], case: str) -> dict[str, Any]:
    written = item.get("boxes") or []
    if item.get("points") and isinstance(written, list):
        item = {**item, **_of_boxes(item, len(written))}
    found = see.try_to("bad_labels", fields.boxes_and_labels, item, case)
    boxes, labels = found or (written if isinstance(written, list) else [], None)
    flags = see.try_to("bad_labels", fields.ignored_flags, item, len(boxes), case) or [False] * len(boxes)
    first = next((len(box) for box in boxes if isinstance(box, list) and len(box) in _LENGTHS), 6)
    numbers = [number for number, box in enumerate(boxes) if _is_box(see, box, number, first, case)]
    good = [label if _is_label(see, label, case, number) else -1 for number, label in enumerate(labels or [])]
    direction = see.try_to("bad_case", fields.direction_of, item, case, first // 2) if boxes else None
    return {
        "boxes": np.array([boxes[number] for number in numbers], dtype=np.float64).reshape(-1, first),
        "numbers": tuple(numbers),
        "labels": tuple(good[number] if good else -1 for number in numbers),
        "ignored": tuple(flags[number] for number in numbers),
        "direction": None if direction is None else np.array(direction),
    }


def _of_boxes(item: dict[str, Any], count: int) -> dict[str, Any]:
    """Labels and flags without those of the points, which follow those of the boxes."""
    parts = {key: item.get(key) for key in ("labels", "ignored")}
    return {key: part[:count] for key, part in parts.items() if isinstance(part, list)}


def _is_box(see: _Collector, box: Any, number: int, length: int, case: str) -> bool:
    where = {"objects": (number,)}
    return see.passes("bad_box", fields.check_length, box, number, (length,), case, **where) and see.passes(
        "nonfinite_box", fields.check_finite, box, number, case, **where
    )


def _is_label(see: _Collector, label: Any, case: str, number: int) -> bool:
    is_number = see.passes("bad_labels", fields.check_label, label, case, None, objects=(number,))
    return is_number and see.passes("label_out_of_range", fields.check_label, label, case, see.num_classes, objects=(number,))


def _read_points(see: _Collector, item: dict[str, Any], case: str) -> dict[str, Any]:
    """Points, radii, labels and flags; a finding where they are not as they should be."""
    points, radii = item.get("points") or [], item.get("radii")
    values = _numbers(points)
    place = {**see.place, "file": ""}
    if points != [] and item.get("label_map") is not None:
        what = 'an item has both "points" and "label_map"'
        see.findings.append(Fault("bad_points", what, "keep one of them", **place))
        return {}
    if points == []:
        return {}
    if values.ndim != 2 or values.shape[1] not in (2, 3) or not np.isfinite(values).all():
        see.findings.append(Fault("bad_points", '"points" are no finite [x, y, z] positions', "write a list of positions", **place))
        return {}
    known = np.full(len(values), np.nan)
    if radii is not None:
        usable = isinstance(radii, list) and len(radii) == len(values)
        if not usable or not all(radius is None or (fields.is_finite(radius) and radius > 0) for radius in radii):
            what = f'"radii" are not {len(values)} numbers above 0'
            see.findings.append(Fault("bad_points", what, "write one radius per point, mm, or null", **place))
        else:
            known = np.array([np.nan if radius is None else radius for radius in radii], dtype=np.float64)
    return {"points": values, "radii": known, **_of_points(see, item, len(values), case)}


def _of_points(see: _Collector, item: dict[str, Any], count: int, case: str) -> dict[str, Any]:
    """Labels and flags of the points, which follow those of the boxes."""
    first = len(item["boxes"]) if isinstance(item.get("boxes"), list) else 0
    objects = {"boxes": [None] * (first + count), "labels": item.get("labels")}
    reported = first > 0 and isinstance(item.get("labels"), list) and len(item["labels"]) < first
    found = None if reported else see.try_to("bad_labels", fields.boxes_and_labels, objects, case)
    flags = see.try_to("bad_labels", fields.ignored_flags, item, first + count, case) or [False] * (first + count)
    labels = enumerate(found[1]) if found else ()
    good = [label if _is_label(see, label, case, number) else -1 for number, label in labels if number >= first]
    return {"point_labels": tuple(good) or (-1,) * count, "point_ignored": tuple(flags[first:])}


def _numbers(values: Any) -> np.ndarray:
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        return np.empty(0)
