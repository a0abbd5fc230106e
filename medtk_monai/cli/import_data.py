"""``medtk import``: a datalist from a data set as it was published."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Share = float | int | str | Sequence[str]


def import_data(
    format: str,  # noqa: A002
    source: str,
    out: str,
    validation: Share | None = None,
    test: Share | None = None,
    seed: int = 0,
    resplit: bool = False,
    overwrite: bool = False,
    relative: bool = False,
    images: str | None = None,
    label_maps: str | None = None,
    annotations: str | None = None,
    table: str | None = None,
    patients: str | None = None,
    class_names: str | Sequence[str] | None = None,
    connectivity: int | None = None,
    min_mm3: float | None = None,
    min_voxels: int | None = None,
    drop_small: bool | None = None,
    radius_mm: float | None = None,
    location_classes: bool | None = None,
    unlabeled_test: bool | None = None,
    channel: int | None = None,
    space: str | None = None,
    box_mode: str | None = None,
) -> str:
    """Turn a data set as it was published into a datalist; images stay where they are.

    Formats: masks and semantic (folders of images and label maps), luna16, adam, cada, lausanne (ds003949), rsna2025, msd, nndetection,
    monai (datalists of its model zoo), coco, voc, yolo; docs/importing.md shows the layout of each. OUT gets datalist.json and
    import.json, which counts what was read and names what was left out. An option that a format does not take is refused.

    Args:
        format: one of the names above.
        source: the folder, or for monai and coco also the JSON file.
        out: folder for the files.
        validation: share of the validation split, a fraction, a number of cases, case ids, patients, or a column and its value as fold=3;
            a fifth unless given. A patient is never in two splits. Splits of the data set itself are kept.
        test: the same for the test split.
        seed: of the random choice.
        resplit: deal all cases, even those that the data set puts into a split.
        overwrite: an existing datalist.json.
        relative: write paths relative to OUT.
        images: masks, semantic: folder or pattern of the images within SOURCE; coco, monai: folder of the images.
        label_maps: masks, semantic: the same for the label maps.
        annotations: coco: the JSON file within SOURCE; luna16: folder of the CSV files.
        table: masks, semantic: CSV or TSV file within SOURCE with patients and columns; manifest.csv or participants.tsv unless given.
        patients: masks, semantic, msd: a regular expression that finds the patient in a case id, as "(sub-[0-9]+)_".
        class_names: masks, semantic: names of the classes, as cyst,tumor.
        connectivity: semantic, adam, cada, msd: of an object's voxels, 26, 18, 6 (2D: 8, 4), or 0 for one object of each value.
        min_mm3: where there are label maps: smaller objects are ignored (mm^2 in 2D).
        min_voxels: the same, in voxels.
        drop_small: leave small objects out instead.
        radius_mm: luna16, rsna2025: nominal radius of points without one.
        location_classes: rsna2025: one class for each of the 13 locations.
        unlabeled_test: msd: take the test images, which have no labels, as the test split.
        channel: nndetection: which of several images of a case.
        space: monai: frame of the boxes, LPS or RAS.
        box_mode: monai: of the boxes, cccwhd unless given.
    """
    from pathlib import Path

    from medtk_monai.cli.words import words
    from medtk_monai.importers.mask_objects import MaskRules
    from medtk_monai.importers.registry import import_data_set
    from medtk_monai.importers.write import Splitting, summary, write_import

    given = {
        "images": images,
        "label_maps": label_maps,
        "annotations": annotations,
        "table": table,
        "patients": patients,
        "class_names": None if class_names is None else words(class_names),
        "radius_mm": radius_mm,
        "location_classes": location_classes,
        "unlabeled_test": unlabeled_test,
        "channel": channel,
        "space": space,
        "box_mode": box_mode,
    }
    limits: dict[str, Any] = {"connectivity": connectivity, "min_mm3": min_mm3, "min_voxels": min_voxels, "drop_small": drop_small}
    options = {name: value for name, value in given.items() if value is not None}
    asked = {name: value for name, value in limits.items() if value is not None}
    found = import_data_set(format, source, options | ({"rules": MaskRules(**asked)} if asked else {}))
    folder = Path(out).expanduser()
    splitting = Splitting(validation, test, seed, resplit)
    origin = {"format": format, "source": str(Path(source).expanduser().absolute()), "options": options | asked, "seed": seed}
    return summary(write_import(found, folder, splitting, origin, relative, overwrite), folder)
