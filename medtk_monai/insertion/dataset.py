"""A user's scans with objects put into them, as a data set."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from tqdm import tqdm

from medtk_monai.atomic import refuse_existing
from medtk_monai.case_mapper import case_mapper
from medtk_monai.data.datalist import CLASS_NAMES, load_datalist, read_class_names
from medtk_monai.errors import DataError
from medtk_monai.formats.case_names import folder_of_case
from medtk_monai.images.write_nifti import write_nifti
from medtk_monai.insertion.aneurysms import AneurysmRanges, draw_aneurysm
from medtk_monai.insertion.cutouts import Cutout, PasteRanges, cut_objects, draw_paste
from medtk_monai.insertion.lesions import LesionRanges, draw_lesion, find_tissue
from medtk_monai.insertion.scans import Scan, read_scan
from medtk_monai.insertion.scene import Insert, Scene
from medtk_monai.insertion.vessels import Vessels, find_vessels
from medtk_monai.json_files import write_json
from medtk_monai.transforms.load import FILE_KEYS

KINDS = ("aneurysm", "lesion", "paste")
DATALIST = "datalist.json"
_REPLACED = ("points", "radii", "segmentation")
"""Keys of a case that tell of its objects, besides those that LoadCased reads."""
_SOURCES = 40
"""Scans that objects are cut from at most."""
Range = tuple[float, float]


@dataclass(frozen=True)
class Insertion:
    """What is put into scans.

    Args:
        kind: "aneurysm", on the walls of bright vessels; "lesion", blobs in tissue; "paste", objects of other cases.
        per_scan: least and largest number of objects in a scan.
        diameter_mm: least and largest, of aneurysms and lesions; None for what is usual of the kind.
        contrast: least and largest; see ``AneurysmRanges``, ``LesionRanges`` and ``PasteRanges``; None for what is usual of the kind.
        copies: scans made of each scan, with other objects.
        originals: add the scans themselves as well, to count what is found where nothing was put.

    Raises:
        DataError: an unknown kind, or a number out of range.
    """

    kind: str = "aneurysm"
    per_scan: tuple[int, int] = (1, 1)
    diameter_mm: Range | None = None
    contrast: Range | None = None
    copies: int = 1
    originals: bool = False

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise DataError(f"kind is {self.kind!r}", remedy=f"choose from {', '.join(KINDS)}")
        for name, value, least in (("per_scan", self.per_scan, 1), ("diameter_mm", self.diameter_mm, 0.5)):
            if value is not None and not least <= value[0] <= value[1]:
                raise DataError(f"{name} is {value[0]:g},{value[1]:g}", remedy=f"give two numbers from {least:g}, the smaller one first")
        if self.contrast is not None and self.contrast[0] > self.contrast[1]:
            raise DataError(f"contrast is {self.contrast[0]:g},{self.contrast[1]:g}", remedy="give the smaller one first")
        if self.copies < 1:
            raise DataError(f"copies is {self.copies}", remedy="give a whole number from 1")
        if self.kind == "paste" and self.diameter_mm is not None:
            raise DataError("diameter_mm is given, and pasted objects have a size already", remedy="leave it out")

    @property
    def ranges(self) -> dict[str, Any]:
        """Those that are not usual."""
        given = {"diameter_mm": self.diameter_mm, "contrast": self.contrast}
        return {name: value for name, value in given.items() if value is not None}


@dataclass(frozen=True)
class Sources:
    """Where scans come from.

    Args:
        datalist: of the scans that objects are put into.
        splits: of it.
        dataset_dir: folder that its relative paths start from; by default its own.
        paste_from: for kind "paste", a datalist of cases whose objects are put in; None for ``datalist`` itself.
        paste_splits: of it; never those that are kept for a test of what is trained.
    """

    datalist: str | Path
    splits: Sequence[str] = ("training",)
    dataset_dir: str | Path | None = None
    paste_from: str | Path | None = None
    paste_splits: Sequence[str] = ("training",)


def insert_objects(
    sources: Sources, out: str | os.PathLike, insertion: Insertion | None = None, seed: int = 0, num_workers: int | None = None
) -> dict[str, Any]:
    """Write scans with objects put into them: ``images/``, ``label_maps/``, and ``datalist.json`` with the splits of the scans.

    What is drawn for a copy of a case depends on the seed, the case id and the copy alone. Objects that a case has already stay, with
    their classes. Each case tells its new objects under "inserted", and those of the first as "inserted_diameter" and
    "inserted_contrast", by which ``medtk analyze --by`` tells sensitivities.

    Returns:
        ``{"cases": N, "objects": N, "left_out": {case id: why}}``; scans where no place was found are left out.

    Raises:
        DataError: the folder holds a datalist, a scan cannot be read or has several channels, or no scan had room for an object.
    """
    insertion = insertion or Insertion()
    folder = Path(out)
    refuse_existing(folder / DATALIST)
    cases = {split: load_datalist(sources.datalist, split, sources.dataset_dir) for split in sources.splits}
    cutouts = tuple(_cut_all(sources, seed)) if insertion.kind == "paste" else ()
    jobs = [(split, case) for split, found in cases.items() for case in found]
    write = partial(_write_copies, folder, insertion, cutouts, seed)
    workers = min(os.cpu_count() or 1, len(jobs) // 4) if num_workers is None else num_workers
    with case_mapper(workers) as mapper:
        done = list(tqdm(mapper(write, jobs), total=len(jobs), desc=str(folder), unit="scan", disable=None))
    left_out = {item["case_id"]: item["why"] for made in done for item in made if "why" in item}
    if len(left_out) == len(jobs) * insertion.copies:
        case, why = next(iter(left_out.items()), ("", "the splits have no cases"))
        raise DataError(f"no scan had room for an object: {why}", case, "ask for smaller objects, or give other scans")
    content: dict[str, Any] = {CLASS_NAMES: _class_names(sources, insertion)}
    for split, found in cases.items():
        made = [item for (name, _), items in zip(jobs, done) if name == split for item in items if "why" not in item]
        content[split] = made + ([_without_new(case) for case in found] if insertion.originals else [])
    write_json(folder / DATALIST, content)
    written = [item for split in cases for item in content[split]]
    return {"cases": len(written), "objects": sum(len(item.get("inserted", ())) for item in written), "left_out": left_out}


def _class_names(sources: Sources, insertion: Insertion) -> list[str]:
    source = sources.paste_from or sources.datalist
    known = read_class_names(source if insertion.kind == "paste" else sources.datalist)
    return known or ["object" if insertion.kind == "paste" else insertion.kind]


def _without_new(case: Mapping[str, Any]) -> dict[str, Any]:
    return dict(case) | {"inserted": []}


def _cut_all(sources: Sources, seed: int) -> Iterator[Cutout]:
    """The objects of the cases that are pasted from."""
    datalist = sources.paste_from or sources.datalist
    folder = None if sources.paste_from else sources.dataset_dir
    cases = [case for split in sources.paste_splits for case in load_datalist(datalist, split, folder)]
    found = 0
    for case in [case for case in cases if case.get("label_map") or len(case.get("boxes", ()))][:_SOURCES]:
        scan = read_scan(case)
        deviation = find_tissue(np.random.default_rng([seed, crc32(scan.case_id.encode())]), scan.scene).deviation
        for cutout in cut_objects(scan, deviation):
            found += 1
            yield cutout
    if not found:
        raise DataError(
            f"no case of {datalist} has an object to cut out", remedy="name a datalist with label maps or boxes by --paste_from"
        )


Job = tuple[str, Mapping[str, Any]]


def _write_copies(folder: Path, insertion: Insertion, cutouts: Sequence[Cutout], seed: int, job: Job) -> list[dict[str, Any]]:
    """The datalist's items of the copies of a case; for one without, its id, and why there is none."""
    split, case = job
    scan = read_scan(case)
    vessels = find_vessels(scan.scene, scan.case_id) if insertion.kind == "aneurysm" else None
    items = []
    for copy in range(insertion.copies):
        random = np.random.default_rng([seed, crc32(scan.case_id.encode()), copy])
        own = replace(scan, scene=Scene(scan.scene.image.copy(), scan.scene.spacing, scan.scene.label_map.copy()))
        draw = _drawer(insertion, cutouts, own.scene, vessels, random)
        for _ in range(int(random.integers(insertion.per_scan[0], insertion.per_scan[1] + 1))):
            insert = draw()
            if insert is not None:
                own.scene.put(insert)
        place = f"{folder_of_case(split)}/{folder_of_case(scan.case_id)}_{copy}"
        items.append(_write_copy(folder, place, case, own, f"{insertion.kind}{copy}"))
    return items


def _write_copy(folder: Path, place: str, case: Mapping[str, Any], scan: Scan, ending: str) -> dict[str, Any]:
    """The datalist's item of a scan after objects were put in; or its id, and why there is none.

    Args:
        place: of its files below the folders of images and label maps, without suffix.
        case: that it was made of.
        ending: of its id.
    """
    name = f"{scan.case_id}_{ending}"
    inserted = [dict(facts) for facts in scan.scene.facts]
    if not inserted:
        return {"case_id": name, "why": "no place with room for an object was found"}
    labels = list(scan.labels) + [facts.get("label", 0) for facts in inserted]
    image, label_map = (f"{part}/{place}.nii.gz" for part in ("images", "label_maps"))
    write_nifti(folder / image, _as_stored(scan.scene.image), scan.affine)
    is_ignored = np.array([False, *scan.ignored, *[False] * len(inserted)])
    write_nifti(folder / label_map, np.where(is_ignored[scan.scene.label_map], -1, scan.scene.label_map).astype(np.int32), scan.affine)
    item: dict[str, Any] = {"case_id": name, "image": image, "label_map": label_map, "source": scan.case_id, "inserted": inserted}
    if any(labels):
        item["labels"] = {str(number): label for number, label in enumerate(labels, 1) if not is_ignored[number]}
    kept = {key: value for key, value in case.items() if key not in (*FILE_KEYS, *_REPLACED)}
    return kept | item | _strata(inserted[0])


def _strata(facts: Mapping[str, Any]) -> dict[str, str]:
    """Words that tell the size and contrast of an object in coarse steps."""
    found = {"inserted_contrast": f"{np.floor(facts['contrast'] * 5) / 5:.1f} to {np.floor(facts['contrast'] * 5) / 5 + 0.2:.1f}"}
    if "diameter_mm" in facts:
        steps = [0, 2, 3, 4, 5, 7, 10, 15, np.inf]
        at = int(np.searchsorted(steps, facts["diameter_mm"], "right")) - 1
        found["inserted_diameter"] = f"{steps[at]:g} to {steps[at + 1]:g} mm"
    return found


def _drawer(
    insertion: Insertion, cutouts: Sequence[Cutout], scene: Scene, vessels: Vessels | None, random: Generator
) -> partial[Insert | None]:
    if vessels is not None:
        return partial(draw_aneurysm, random, scene, vessels, AneurysmRanges(**insertion.ranges))
    tissue = find_tissue(random, scene)
    if insertion.kind == "lesion":
        return partial(draw_lesion, random, scene, tissue, LesionRanges(**insertion.ranges))
    return partial(draw_paste, random, scene, tissue, cutouts, PasteRanges(**insertion.ranges))


def _as_stored(image: NDArray[np.float32]) -> NDArray:
    """Whole numbers as such, if the scan had them: what was put in is rounded."""
    limits = np.iinfo(np.int16)
    rounded = np.rint(image)
    is_whole = float((rounded == image).mean()) > 0.5 and rounded.min() >= limits.min and rounded.max() <= limits.max
    return rounded.astype(np.int16) if is_whole else image
